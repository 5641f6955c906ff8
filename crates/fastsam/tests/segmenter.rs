//! The stages together: settings, order, and letterboxes that are none.

#![allow(clippy::unwrap_used)]

mod support;

use fastsam::encode::rle;
use fastsam::{
    MAX_RUNS, MAX_RUNS_PER_MASK, Mask, MaskSize, SegmentError, Segmenter, Segments, Settings,
};
use frame::{InputSize, Letterbox, Size};
use support::scene;
use tensors::{ElementType, Level, Role, Tensors};

const FRAME: Size = Size::new(1280, 720);

fn segmented(
    tensors: &Tensors,
    letterbox: &Letterbox,
    settings: &Settings,
) -> Result<Segments, SegmentError> {
    segmented_by(InputSize::DEFAULT, tensors, letterbox, settings)
}

fn segmented_by(
    input: InputSize,
    tensors: &Tensors,
    letterbox: &Letterbox,
    settings: &Settings,
) -> Result<Segments, SegmentError> {
    let layout = scene::layout_for(input, ElementType::U8, ElementType::U8);
    let mut segments = Segments::new();
    Segmenter::new(&layout).segment(tensors, letterbox, settings, &mut segments)?;
    Ok(segments)
}

fn painted() -> (Tensors, Letterbox) {
    let layout = scene::layout(ElementType::U8, ElementType::U8);
    scene::paint(&layout, FRAME, 30, 5)
}

#[test]
fn segments_are_measured_and_come_by_score() {
    let (tensors, letterbox) = painted();
    let segments = segmented(&tensors, &letterbox, &Settings::default()).unwrap();
    assert_eq!(segments.size(), FRAME);
    let segments = segments.as_slice();
    assert!(segments.len() >= 20, "{}", segments.len());
    assert!(
        segments
            .windows(2)
            .all(|pair| pair[0].score >= pair[1].score)
    );
    for segment in segments {
        assert!(segment.score > 0.25);
        assert_eq!(segment.area, segment.mask.area());
        assert_eq!(segment.bbox, segment.mask.bounding_box());
        let (bbox, detection) = (segment.bbox, segment.detection_bbox);
        assert!(f64::from(bbox.x) >= f64::from(detection.x1).floor());
        assert!(f64::from(bbox.x + bbox.width) <= f64::from(detection.x2).ceil());
    }
}

#[test]
fn settings_choose_among_segments() {
    let (tensors, letterbox) = painted();
    let count = |settings: Settings| {
        let segments = segmented(&tensors, &letterbox, &settings).unwrap();
        segments.as_slice().len()
    };
    let usual = Settings::default();
    let all = count(usual);
    let areas = |least: u32| {
        let segments = segmented(&tensors, &letterbox, &usual).unwrap();
        segments
            .as_slice()
            .iter()
            .filter(|segment| segment.area >= least)
            .count()
    };
    assert_eq!(
        count(Settings {
            max_segments: 7,
            ..usual
        }),
        7
    );
    assert_eq!(
        count(Settings {
            max_segments: 0,
            ..usual
        }),
        0
    );
    assert_eq!(
        count(Settings {
            confidence: 1.0,
            ..usual
        }),
        0
    );
    assert_eq!(
        count(Settings {
            min_area: 9_000,
            ..usual
        }),
        areas(9_000)
    );
    assert!((1..all).contains(&areas(9_000)));
    // Every anchor of an object: nothing is suppressed.
    assert!(count(Settings { iou: 1.0, ..usual }) > 2 * all);
}

#[test]
fn network_size_masks_have_the_inputs_pixels() {
    let (tensors, letterbox) = painted();
    let settings = Settings {
        mask_size: MaskSize::Network,
        ..Settings::default()
    };
    let segments = segmented(&tensors, &letterbox, &settings).unwrap();
    assert_eq!(segments.size(), Size::new(640, 640));
    // Boxes are the frame's all the same.
    assert!(
        segments
            .as_slice()
            .iter()
            .any(|segment| segment.detection_bbox.x2 > 640.0)
    );
}

#[test]
fn a_letterbox_that_is_none_is_an_error() {
    let (tensors, letterbox) = painted();
    let (none, huge) = (Size::new(0, 720), Size::new(1280, 65_536));
    let cases = [
        (
            Letterbox {
                frame: none,
                ..letterbox
            },
            SegmentError::FrameSize(none),
        ),
        (
            Letterbox {
                frame: huge,
                ..letterbox
            },
            SegmentError::FrameSize(huge),
        ),
    ];
    for (letterbox, expected) in cases {
        assert_eq!(
            segmented(&tensors, &letterbox, &Settings::default()),
            Err(expected)
        );
    }
    for wrong in [
        Letterbox {
            left: 1,
            ..letterbox
        },
        Letterbox {
            top: u32::MAX,
            ..letterbox
        },
        Letterbox {
            resized: Size::new(640, 0),
            ..letterbox
        },
    ] {
        let found = segmented(&tensors, &wrong, &Settings::default());
        assert_eq!(found, Err(SegmentError::Letterbox(wrong)));
    }
}

#[test]
fn a_letterbox_or_tensors_for_another_network_are_an_error() {
    let (tensors, letterbox) = painted();
    let (found, expected) = (InputSize::new(640, 384).unwrap(), InputSize::DEFAULT);
    let wrong = SegmentError::InputSize { found, expected };
    let other = Letterbox::fit(FRAME, found);
    let segment = |tensors: &Tensors, letterbox: &Letterbox| {
        segmented(tensors, letterbox, &Settings::default()).err()
    };
    assert_eq!(segment(&tensors, &other), Some(wrong.clone()));
    let layout = scene::layout_for(found, ElementType::U8, ElementType::U8);
    let tensors = Tensors::for_layout(&layout);
    assert_eq!(segment(&tensors, &letterbox), Some(wrong.clone()));
    assert_eq!(
        wrong.to_string(),
        "a frame in a 640x384 input can't be segmented: the network takes 640x640"
    );
}

#[test]
fn frames_of_every_size_are_segmented() {
    let cases = [
        ("a pixel", 1, 1),
        ("a few", 8, 8),
        ("a column", 1, 900),
        ("two columns", 2, 300),
        ("two rows", 300, 2),
        ("as long as they get", 65_535, 1),
        ("scaled up", 320, 240),
        ("f = 2", 640, 500),
        ("f = 4", 640, 426),
        ("f = 4, large", 1640, 1232),
        ("portrait", 720, 1280),
        ("portrait, f = 4", 1232, 1640),
        ("4K", 3840, 2160),
        ("4K portrait", 2160, 3840),
    ];
    for (name, width, height) in cases {
        for element_type in [ElementType::U8, ElementType::U16] {
            let layout = scene::layout(element_type, element_type);
            let size = Size::new(width, height);
            let (tensors, letterbox) = scene::paint(&layout, size, 10, 1);
            let mut segments = Segments::new();
            Segmenter::new(&layout)
                .segment(&tensors, &letterbox, &Settings::default(), &mut segments)
                .unwrap();
            assert_eq!(segments.size(), size, "{name}");
            // Blobs are large enough to lie under a pixel of these; thinner frames may fall
            // between.
            let expected = match width.min(height) {
                ..8 => 0,
                8..100 => 1,
                _ => 4,
            };
            assert!(segments.as_slice().len() >= expected, "{name}");
            for segment in segments.as_slice() {
                let mask = &segment.mask;
                let valid = Mask::from_runs(mask.size(), mask.runs().to_vec());
                assert_eq!(valid.as_ref(), Some(mask), "{name}");
                assert_eq!(segment.bbox, mask.bounding_box(), "{name}");
                let mut counts = Vec::new();
                rle::Encoder::new().encode(mask, &mut counts);
                let counts = String::from_utf8(counts).unwrap();
                assert_eq!(rle::decode(size, &counts).as_ref(), Ok(mask), "{name}");
            }
        }
    }
}

/// Hundreds of anchors are sure of boxes that cover most of the frame, and every mask is noise.
#[test]
fn noise_takes_neither_memory_nor_time_without_end() {
    for input in [InputSize::DEFAULT, InputSize::LARGEST] {
        noise_is_bounded(input);
    }
}

fn noise_is_bounded(input: InputSize) {
    let layout = scene::layout_for(input, ElementType::U8, ElementType::U8);
    let size = Size::new(3840, 2160);
    let mut tensors = Tensors::for_layout(&layout);
    let mut random = scene::Random(7);
    for role in Role::ALL {
        let elements = tensors.u8_mut(role).unwrap();
        match role {
            Role::Scores(level) => elements.fill(if level == Level::Stride32 { 255 } else { 0 }),
            // The mass on the last bin: 15 cells to each side.
            Role::Boxes(_) => (0..).zip(elements).for_each(|(i, q)| {
                *q = if i % 16 == 15 { 255 } else { 0 };
            }),
            Role::Coefficients(_) | Role::Prototypes => {
                elements.fill_with(|| random.bits() as u8);
            }
        }
    }
    let settings = Settings {
        iou: 1.0,
        ..Settings::default()
    };
    let letterbox = Letterbox::fit(size, input);
    let segments = segmented_by(input, &tensors, &letterbox, &settings).unwrap();
    let runs: Vec<_> = segments
        .as_slice()
        .iter()
        .map(|s| s.mask.runs().len())
        .collect();
    assert!(runs.iter().sum::<usize>() <= MAX_RUNS, "{runs:?}");
    assert!(
        runs.iter().all(|&runs| runs <= MAX_RUNS_PER_MASK),
        "{runs:?}"
    );
    assert!(segments.left_out() > 0, "this is no bad case: {runs:?}");
    assert_eq!(segments.left_out() + runs.len(), settings.max_segments);
}
