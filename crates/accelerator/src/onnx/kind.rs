//! What an ONNX file is: which of its outputs are FastSAM's, or why it can't be run.
//!
//! Decided by shapes; the exporter's metadata only gives words. Two forms are known, both as
//! Ultralytics' exporter and those who cut its files for accelerators write them:
//!
//! ```text
//! two outputs   1 x (4 + classes + 32) x anchors   boxes as centre and size in input pixels, scores, coefficients
//!               1 x 32 x H/4 x W/4                 prototypes
//! ten outputs   as a HEF has them: per level box logits (64), scores, coefficients (32); and the prototypes;
//!               channels first or last, scores before or after their sigmoid
//! ```
//!
//! Whatever can't be right is refused in one line that holds the command that mends it.

use frame::InputSize;
use onnx::{ElementType, SessionPort};
use tensors::{Classes, Level, MAX_CLASSES, PROTOTYPE_CHANNELS, Role, count_classes};

use super::names;

/// Channels before the scores: centre and size of the box.
pub(super) const BOX_NUMBERS: usize = 4;

/// What a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The size of its input.
    pub input: InputSize,
    /// The classes that it tells apart; FastSAM has one.
    pub classes: Classes,
    /// What its answer is made of.
    pub heads: Heads,
}

/// What an answer is made of. Numbers are places among the file's outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heads {
    /// Boxes that are decoded already.
    Two {
        /// Boxes, scores and coefficients.
        predictions: usize,
        /// Prototypes.
        prototypes: usize,
    },
    /// The heads themselves, in the order of [`Role::ALL`].
    Ten {
        /// Their places.
        places: [usize; Role::ALL.len()],
        /// Whether channels come last.
        channels_last: bool,
    },
}

/// Why a file can't be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KindError {
    /// Not one input.
    #[error("it has {0} inputs; a network for pictures has one")]
    Inputs(usize),
    /// Not a picture in colour, or several.
    #[error("its input is {found}; expected 1x3xHEIGHTxWIDTH of floats: {command}")]
    Input {
        /// Its shape and type.
        found: String,
        /// What mends it.
        command: String,
    },
    /// Several pictures at once.
    #[error("it takes {batch} pictures at once, and frames come one by one: {command}")]
    Batch {
        /// How many.
        batch: usize,
        /// What mends it.
        command: String,
    },
    /// A side that is no multiple of 32, or too long.
    #[error("{cause}: {command}")]
    Size {
        /// Why that can't be.
        cause: String,
        /// What mends it.
        command: String,
    },
    /// The size that is asked for is not the file's.
    #[error("its input is {file}, but {wanted} is asked for: leave the size out, or {command}")]
    OtherSize {
        /// The file's.
        file: InputSize,
        /// The one asked for.
        wanted: InputSize,
        /// What mends it.
        command: String,
    },
    /// Non-maximum suppression is part of the network.
    #[error(
        "its non-maximum suppression is inside (nms=True), with thresholds that can't be changed: {command}"
    )]
    Nms {
        /// What mends it.
        command: String,
    },
    /// A network for something else.
    #[error(
        "it is a model for '{task}', which has no masks: FastSAM is one for segmentation: {command}"
    )]
    Task {
        /// What the exporter says it is for.
        task: String,
        /// What mends it.
        command: String,
    },
    /// Other outputs.
    #[error("its outputs are {found}; for an input of {input} FastSAM has {expected}: {command}")]
    Outputs {
        /// What they are.
        found: String,
        /// What they should be.
        expected: String,
        /// The size of the input.
        input: InputSize,
        /// What mends it.
        command: String,
    },
    /// More classes than there can be.
    #[error("it tells {0} classes apart, at most {MAX_CLASSES} are possible")]
    Classes(usize),
}

/// The command that exports FastSAM for a size.
fn command(input: InputSize) -> String {
    let size = match (input.height(), input.width()) {
        (height, width) if height == width => height.to_string(),
        (height, width) => format!("{height},{width}"),
    };
    format!("`yolo export model=FastSAM-s.pt format=onnx imgsz={size}` makes one that fits")
}

/// Recognises a file by its inputs and outputs. `wanted` is the size for free axes, and must be the
/// file's where its axes are not free.
pub(super) fn recognise(
    inputs: &[SessionPort],
    outputs: &[SessionPort],
    metadata: impl Fn(&str) -> Option<String>,
    wanted: Option<InputSize>,
) -> Result<Kind, KindError> {
    let input = input_size(inputs, &metadata, wanted)?;
    let found = match outputs.len() {
        2 => two(outputs, input),
        10 => ten(outputs, input),
        _ => None,
    };
    let Some((heads, count)) = found else {
        return Err(why_not(outputs, input, &metadata));
    };
    if count > MAX_CLASSES {
        return Err(KindError::Classes(count));
    }
    let numbered = Classes::numbered(count);
    // Names that are not as many as the classes are another network's.
    let named = metadata("names").and_then(|text| names::of_metadata(&text, count));
    let classes = named.and_then(|names| numbered.named(names).ok());
    Ok(Kind {
        input,
        classes: classes.unwrap_or(numbered),
        heads,
    })
}

fn input_size(
    inputs: &[SessionPort],
    metadata: &impl Fn(&str) -> Option<String>,
    wanted: Option<InputSize>,
) -> Result<InputSize, KindError> {
    let [input] = inputs else {
        return Err(KindError::Inputs(inputs.len()));
    };
    let usual = wanted.unwrap_or(InputSize::DEFAULT);
    let is_float = matches!(input.element_type, ElementType::F32 | ElementType::F16);
    let [batch, channels, height, width] = input.shape[..] else {
        return Err(KindError::Input {
            found: described(input),
            command: command(usual),
        });
    };
    if !is_float || channels.is_some_and(|channels| channels != 3) {
        return Err(KindError::Input {
            found: described(input),
            command: command(usual),
        });
    }
    if let Some(batch) = batch.filter(|batch| *batch != 1) {
        return Err(KindError::Batch {
            batch,
            command: command(usual),
        });
    }
    let (Some(height), Some(width)) = (height, width) else {
        // With free axes the size is the user's, the exporter's, or the usual one.
        let exported = metadata("imgsz").and_then(|text| size_of_metadata(&text));
        return Ok(wanted.or(exported).unwrap_or(InputSize::DEFAULT));
    };
    let file = u32::try_from(width)
        .ok()
        .zip(u32::try_from(height).ok())
        .ok_or_else(|| format!("{width}x{height} is too large"))
        .and_then(|(width, height)| {
            InputSize::new(width, height).map_err(|error| error.to_string())
        })
        .map_err(|cause| KindError::Size {
            cause,
            command: command(usual),
        })?;
    match wanted.filter(|wanted| *wanted != file) {
        Some(wanted) => Err(KindError::OtherSize {
            file,
            wanted,
            command: command(wanted),
        }),
        None => Ok(file),
    }
}

/// `[640, 640]`: rows, columns.
fn size_of_metadata(text: &str) -> Option<InputSize> {
    let mut sides = text
        .trim_matches(|c: char| c == '[' || c == ']' || c.is_whitespace())
        .split(',')
        .map(|side| side.trim().parse::<u32>());
    let (height, width) = (sides.next()?.ok()?, sides.next()?.ok()?);
    InputSize::new(width, height).ok()
}

/// Whether a shape can be this one, as far as it is fixed.
fn can_be(shape: &[Option<usize>], expected: &[usize]) -> bool {
    shape.len() == expected.len()
        && shape
            .iter()
            .zip(expected)
            .all(|(found, expected)| found.is_none_or(|found| found == *expected))
}

/// The outputs, and how many classes they tell apart.
fn two(outputs: &[SessionPort], input: InputSize) -> Option<(Heads, usize)> {
    let prototypes = channels_first(Role::Prototypes.shape(input, 1));
    let prototypes = outputs
        .iter()
        .position(|port| can_be(&port.shape, &prototypes))?;
    let predictions = 1 - prototypes;
    let shape = &outputs[predictions].shape;
    // FastSAM's where the file leaves the channels open.
    let classes = match shape.get(1).copied().flatten() {
        Some(channels) => channels.checked_sub(BOX_NUMBERS + PROTOTYPE_CHANNELS)?,
        None => 1,
    };
    let fits = classes > 0 && can_be(shape, &predictions_shape(input, classes));
    fits.then_some((
        Heads::Two {
            predictions,
            prototypes,
        },
        classes,
    ))
}

/// The cells of all levels together.
pub(super) fn anchors(input: InputSize) -> usize {
    Level::ALL
        .map(|level| level.grid(input).cells())
        .iter()
        .sum()
}

/// Boxes, scores, and coefficients of every anchor.
pub(super) fn predictions_shape(input: InputSize, classes: usize) -> [usize; 3] {
    [
        1,
        BOX_NUMBERS + classes + PROTOTYPE_CHANNELS,
        anchors(input),
    ]
}

/// The outputs, and how many classes they tell apart.
fn ten(outputs: &[SessionPort], input: InputSize) -> Option<(Heads, usize)> {
    [false, true].into_iter().find_map(|channels_last| {
        // Rows, columns and channels of those outputs that say all.
        let shapes = outputs.iter().filter_map(|port| match port.shape[..] {
            [_, Some(rows), Some(columns), Some(channels)] if channels_last => {
                Some([rows, columns, channels])
            }
            [_, Some(channels), Some(rows), Some(columns)] => Some([rows, columns, channels]),
            _ => None,
        });
        let classes = count_classes(shapes, input);
        let mut places = [0; Role::ALL.len()];
        for (place, role) in places.iter_mut().zip(Role::ALL) {
            let [rows, columns, channels] = role.shape(input, classes);
            let expected = if channels_last {
                [1, rows, columns, channels]
            } else {
                channels_first([rows, columns, channels])
            };
            let mut fits = (0..outputs.len()).filter(|&i| can_be(&outputs[i].shape, &expected));
            *place = fits.next()?;
            // Two outputs of one shape can't be told apart.
            if fits.next().is_some() {
                return None;
            }
        }
        Some((
            Heads::Ten {
                places,
                channels_last,
            },
            classes,
        ))
    })
}

pub(super) fn channels_first([rows, columns, channels]: [usize; 3]) -> [usize; 4] {
    [1, channels, rows, columns]
}

/// What is wrong with outputs that are none of the known ones.
fn why_not(
    outputs: &[SessionPort],
    input: InputSize,
    metadata: &impl Fn(&str) -> Option<String>,
) -> KindError {
    let command = command(input);
    let [_, _, anchors] = predictions_shape(input, 1);
    let is_suppressed = |port: &SessionPort| {
        matches!(port.shape[..], [_, Some(rows), Some(columns)]
            if rows < anchors && columns == BOX_NUMBERS + 2 + PROTOTYPE_CHANNELS)
    };
    if outputs.iter().any(is_suppressed) {
        return KindError::Nms { command };
    }
    if let Some(task) = metadata("task").filter(|task| task != "segment") {
        return KindError::Task { task, command };
    }
    let found: Vec<_> = outputs.iter().map(described).collect();
    let [predictions, prototypes] = [
        predictions_shape(input, 1)
            .map(|side| side.to_string())
            .join("x"),
        channels_first(Role::Prototypes.shape(input, 1))
            .map(|side| side.to_string())
            .join("x"),
    ];
    KindError::Outputs {
        found: if found.is_empty() {
            "none".to_owned()
        } else {
            found.join(", ")
        },
        expected: format!("{predictions} and {prototypes}, or its ten heads"),
        input,
        command,
    }
}

fn described(port: &SessionPort) -> String {
    let sides: Vec<_> = port
        .shape
        .iter()
        .map(|side| side.map_or_else(|| "?".to_owned(), |side| side.to_string()))
        .collect();
    let shape = if sides.is_empty() {
        "of unknown shape".to_owned()
    } else {
        sides.join("x")
    };
    match &port.element_type {
        ElementType::F32 => shape,
        other => format!("{shape} of {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(shape: &[usize]) -> SessionPort {
        SessionPort {
            name: "port".to_owned(),
            element_type: ElementType::F32,
            // 0 stands for a free axis.
            shape: shape
                .iter()
                .map(|&side| (side != 0).then_some(side))
                .collect(),
        }
    }

    fn size(width: u32, height: u32) -> InputSize {
        InputSize::new(width, height).unwrap()
    }

    fn recognised(
        input: &[usize],
        outputs: &[&[usize]],
        metadata: &[(&str, &str)],
        wanted: Option<InputSize>,
    ) -> Result<Kind, String> {
        let outputs: Vec<_> = outputs.iter().map(|shape| port(shape)).collect();
        let metadata = |key: &str| {
            let found = metadata.iter().find(|(known, _)| *known == key);
            found.map(|(_, value)| (*value).to_owned())
        };
        recognise(&[port(input)], &outputs, metadata, wanted).map_err(|error| error.to_string())
    }

    #[test]
    fn every_export_is_recognised_or_refused_with_what_mends_it() {
        let two = Heads::Two {
            predictions: 0,
            prototypes: 1,
        };
        for (input, outputs, expected) in [
            (
                [1, 3, 640, 640],
                [&[1, 37, 8400][..], &[1, 32, 160, 160]],
                size(640, 640),
            ),
            (
                [1, 3, 320, 320],
                [&[1, 37, 2100], &[1, 32, 80, 80]],
                size(320, 320),
            ),
            (
                [1, 3, 1024, 1024],
                [&[1, 37, 21504], &[1, 32, 256, 256]],
                size(1024, 1024),
            ),
            (
                [1, 3, 384, 640],
                [&[1, 37, 5040], &[1, 32, 96, 160]],
                size(640, 384),
            ),
            ([0, 3, 0, 0], [&[0, 37, 0], &[0, 32, 0, 0]], size(640, 640)),
        ] {
            let kind = recognised(&input, &outputs, &[], None).unwrap();
            assert_eq!((kind.input, kind.heads), (expected, two.clone()));
            assert_eq!(kind.classes, Classes::one());
        }
        for (input, outputs, metadata, words) in [
            (
                [4, 3, 640, 640],
                vec![&[4, 37, 8400][..], &[4, 32, 160, 160]],
                vec![],
                "takes 4 pictures at once",
            ),
            (
                [1, 3, 640, 640],
                vec![&[1, 300, 38], &[1, 32, 160, 160]],
                vec![],
                "nms=True",
            ),
            (
                [1, 3, 640, 640],
                vec![&[1, 84, 8400]],
                vec![("task", "detect")],
                "'detect'",
            ),
            (
                [1, 3, 224, 224],
                vec![&[1, 1000]],
                vec![("task", "classify")],
                "'classify'",
            ),
            (
                [1, 3, 330, 330],
                vec![&[1, 37, 100]],
                vec![],
                "multiples of 32",
            ),
            (
                [1, 1, 640, 640],
                vec![&[1, 37, 8400]],
                vec![],
                "its input is 1x1x640x640",
            ),
            (
                [1, 3, 640, 640],
                vec![&[1, 1000]],
                vec![],
                "its outputs are 1x1000",
            ),
        ] {
            let said = recognised(&input, &outputs, &metadata, None).unwrap_err();
            assert!(said.contains(words), "{words}: {said}");
            assert!(said.contains("FastSAM-s.pt"), "{said}");
            assert_eq!(said.lines().count(), 1);
        }
    }

    #[test]
    fn classes_are_counted_and_named() {
        let classes = |channels, metadata: &[(&str, &str)]| {
            let outputs = [&[1, channels, 2100][..], &[1, 32, 80, 80]];
            recognised(&[1, 3, 320, 320], &outputs, metadata, None).map(|kind| kind.classes)
        };
        let names = |text| [("names", text)];
        let two = classes(38, &names("{0: 'bolt', 1: \"carpenter's nut\"}")).unwrap();
        assert_eq!(two.names(), ["bolt", "carpenter's nut"]);
        // Without names, or with another network's, the usual ones or none.
        assert_eq!(classes(38, &[]).unwrap(), Classes::numbered(2));
        assert_eq!(
            classes(38, &names("{0: 'bolt'}")).unwrap(),
            Classes::numbered(2)
        );
        assert_eq!(classes(116, &[]).unwrap().name(15), Some("cat"));
        let many = classes(36 + MAX_CLASSES + 1, &[]).unwrap_err();
        assert!(many.contains("2049 classes"), "{many}");
        assert!(classes(36, &[]).is_err() && classes(3, &[]).is_err());
    }

    #[test]
    fn free_axes_take_the_size_that_is_wanted_or_was_exported() {
        let outputs = [&[0, 37, 0][..], &[0, 32, 0, 0]];
        let exported = [("imgsz", "[384, 640]")];
        let free = |wanted| {
            recognised(&[0, 3, 0, 0], &outputs, &exported, wanted)
                .unwrap()
                .input
        };
        assert_eq!(free(None), size(640, 384));
        assert_eq!(free(Some(size(320, 320))), size(320, 320));
        let fixed = [&[1, 37, 2100][..], &[1, 32, 80, 80]];
        let said = recognised(&[1, 3, 320, 320], &fixed, &[], Some(size(640, 640))).unwrap_err();
        assert!(
            said.contains("320x320") && said.contains("640x640"),
            "{said}"
        );
    }

    #[test]
    fn ten_heads_come_in_any_order_with_channels_first_or_last() {
        let input = size(640, 384);
        let forms = [(false, 1), (true, 1), (false, 80), (true, 3)];
        for (channels_last, classes) in forms {
            let shapes: Vec<Vec<usize>> = Role::ALL
                .iter()
                .rev()
                .map(|role| {
                    let [rows, columns, channels] = role.shape(input, classes);
                    if channels_last {
                        vec![1, rows, columns, channels]
                    } else {
                        channels_first([rows, columns, channels]).to_vec()
                    }
                })
                .collect();
            let shapes: Vec<&[usize]> = shapes.iter().map(Vec::as_slice).collect();
            let kind = recognised(&[1, 3, 384, 640], &shapes, &[], None).unwrap();
            assert_eq!(kind.classes.count(), classes);
            let places = std::array::from_fn(|i| 9 - i);
            assert_eq!(
                kind.heads,
                Heads::Ten {
                    places,
                    channels_last
                }
            );
        }
    }
}
