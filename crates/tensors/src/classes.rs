//! The classes that a network tells apart, and what they are called.
//!
//! FastSAM has one class, "an object". Networks of its shape for more (YOLOv8-seg) have a score for each
//! class at every cell, so that their number can be read off their outputs. Names come from where the
//! network comes from: an ONNX file's metadata, the configuration, a recording's manifest. A network of 80
//! classes is taken for one that was trained on COCO ("Microsoft COCO: Common Objects in Context", Lin et
//! al. 2014), as the published ones are.

use std::{fmt, sync::Arc};

use frame::InputSize;

use crate::{BOX_CHANNELS, Grid, Level, PROTOTYPE_CHANNELS};

/// Classes that a network tells apart at most.
pub const MAX_CLASSES: usize = 2048;

/// The names of COCO's 80 classes, in the order that detectors number them.
const COCO: [&str; 80] = [
    "person",
    "bicycle",
    "car",
    "motorcycle",
    "airplane",
    "bus",
    "train",
    "truck",
    "boat",
    "traffic light",
    "fire hydrant",
    "stop sign",
    "parking meter",
    "bench",
    "bird",
    "cat",
    "dog",
    "horse",
    "sheep",
    "cow",
    "elephant",
    "bear",
    "zebra",
    "giraffe",
    "backpack",
    "umbrella",
    "handbag",
    "tie",
    "suitcase",
    "frisbee",
    "skis",
    "snowboard",
    "sports ball",
    "kite",
    "baseball bat",
    "baseball glove",
    "skateboard",
    "surfboard",
    "tennis racket",
    "bottle",
    "wine glass",
    "cup",
    "fork",
    "knife",
    "spoon",
    "bowl",
    "banana",
    "apple",
    "sandwich",
    "orange",
    "broccoli",
    "carrot",
    "hot dog",
    "pizza",
    "donut",
    "cake",
    "chair",
    "couch",
    "potted plant",
    "bed",
    "dining table",
    "toilet",
    "tv",
    "laptop",
    "mouse",
    "remote",
    "keyboard",
    "cell phone",
    "microwave",
    "oven",
    "toaster",
    "sink",
    "refrigerator",
    "book",
    "clock",
    "vase",
    "scissors",
    "teddy bear",
    "hair drier",
    "toothbrush",
];

/// How many classes a network of these output shapes tells apart: the channels of its scores, which are
/// recognised as what lies on a level's cells and is neither boxes nor coefficients. Where such outputs
/// differ, as many as most of them have; 1 where nothing tells.
///
/// Scores of 32 and of 64 channels look like the other outputs: networks of so many classes can't be
/// recognised.
pub fn count_classes(shapes: impl IntoIterator<Item = [usize; 3]>, input: InputSize) -> usize {
    let on_a_level = |rows, columns| {
        let grid = Grid { columns, rows };
        Level::ALL.iter().any(|level| level.grid(input) == grid)
    };
    let mut found: Vec<usize> = shapes
        .into_iter()
        .filter(|&[rows, columns, _]| on_a_level(rows, columns))
        .map(|[_, _, channels]| channels)
        .filter(|&channels| channels != BOX_CHANNELS && channels != PROTOTYPE_CHANNELS)
        .filter(|channels| (1..=MAX_CLASSES).contains(channels))
        .collect();
    found.sort_unstable();
    let most = found
        .chunk_by(|a, b| a == b)
        .max_by_key(|alike| alike.len());
    most.map_or(1, |alike| alike[0])
}

/// The classes of a network, numbered from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    count: usize,
    /// One for each class, or none at all.
    names: Arc<[String]>,
}

/// Why names can't be those of a network's classes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the network tells {classes} classes apart, but {names} names are given: expected one for each"
)]
pub struct NamesError {
    /// The network's classes.
    pub classes: usize,
    /// The names.
    pub names: usize,
}

impl Classes {
    /// The one class of FastSAM, which has no name.
    pub fn one() -> Self {
        Self::numbered(1)
    }

    /// So many, with COCO's names where there are 80, and without names otherwise.
    pub fn numbered(count: usize) -> Self {
        let names: Vec<String> = if count == COCO.len() {
            COCO.map(str::to_owned).into()
        } else {
            Vec::new()
        };
        Self {
            count,
            names: names.into(),
        }
    }

    /// The same classes under these names.
    ///
    /// # Errors
    /// Names that are not as many as the classes.
    pub fn named(&self, names: Vec<String>) -> Result<Self, NamesError> {
        if names.len() != self.count {
            return Err(NamesError {
                classes: self.count,
                names: names.len(),
            });
        }
        Ok(Self {
            count: self.count,
            names: names.into(),
        })
    }

    /// How many; at least 1.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Whether there is anything to tell: FastSAM's one class says nothing.
    pub const fn are_told_apart(&self) -> bool {
        self.count > 1
    }

    /// All names in the order of the classes; none where they are not known.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What a class is called, where that is known.
    pub fn name(&self, class: usize) -> Option<&str> {
        self.names.get(class).map(String::as_str)
    }

    /// The class of this name, capitals or not.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.names
            .iter()
            .position(|known| known.to_lowercase() == name.trim().to_lowercase())
    }
}

/// A few of the names, for people.
impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        match &self.names[..] {
            [] => write!(f, "numbered 0 to {}", self.count - 1),
            names => {
                f.write_str(&names[..names.len().min(SHOWN)].join(", "))?;
                match names.len().saturating_sub(SHOWN) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn classes_are_counted_by_the_channels_of_scores() {
        let input = InputSize::new(384, 640).unwrap();
        for classes in [1, 2, 3, 31, 33, 80, 601, MAX_CLASSES] {
            let shapes = Role::ALL.map(|role| role.shape(input, classes));
            assert_eq!(count_classes(shapes, input), classes);
        }
        // What can't be told from boxes or coefficients, and what is none at all.
        for classes in [0, 32, 64, MAX_CLASSES + 1] {
            let shapes = Role::ALL.map(|role| role.shape(input, classes));
            assert_eq!(count_classes(shapes, input), 1);
        }
        assert_eq!(count_classes([], input), 1);
        // One wrong output does not make another network of it.
        let mut shapes = Role::ALL.map(|role| role.shape(input, 80));
        shapes[0][2] = 63;
        assert_eq!(count_classes(shapes, input), 80);
    }

    #[test]
    fn eighty_classes_are_cocos_unless_named_otherwise() {
        let coco = Classes::numbered(80);
        assert_eq!((coco.name(0), coco.name(41)), (Some("person"), Some("cup")));
        assert_eq!(coco.name(80), None);
        assert_eq!(coco.find(" Traffic Light"), Some(9));
        assert_eq!(coco.find("lamp"), None);
        assert_eq!(
            coco.to_string(),
            "person, bicycle, car, motorcycle, airplane and 75 more"
        );
        assert_eq!(Classes::numbered(3).to_string(), "numbered 0 to 2");

        let bolts = Classes::numbered(2)
            .named(vec!["bolt".into(), "nut".into()])
            .unwrap();
        assert_eq!(
            (bolts.find("nut"), bolts.to_string()),
            (Some(1), "bolt, nut".to_owned())
        );
        let error = coco.named(vec!["thing".into()]).unwrap_err().to_string();
        assert!(
            error.contains("80 classes") && error.contains("1 names"),
            "{error}"
        );
        assert!(!Classes::one().are_told_apart());
    }
}
