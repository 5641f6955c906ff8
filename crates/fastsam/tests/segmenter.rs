//! The stages together: settings, order, and letterboxes that are none.

#![allow(clippy::unwrap_used)]

mod support;

use accelerator::{ElementType, Tensors};
use fastsam::{MaskSize, SegmentError, Segmenter, Segments, Settings};
use frame::{Letterbox, Size};
use support::scene;

const FRAME: Size = Size::new(1280, 720);

fn segmented(
    tensors: &Tensors,
    letterbox: &Letterbox,
    settings: &Settings,
) -> Result<Segments, SegmentError> {
    let layout = scene::layout(ElementType::U8, ElementType::U8);
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
fn frames_of_every_size_are_segmented() {
    for (width, height) in [
        (1, 1),
        (8, 8),
        (1, 900),
        (65_535, 1),
        (320, 240),
        (3840, 2160),
    ] {
        let layout = scene::layout(ElementType::U8, ElementType::U8);
        let size = Size::new(width, height);
        let (tensors, letterbox) = scene::paint(&layout, size, 10, 1);
        let segments = segmented(&tensors, &letterbox, &Settings::default()).unwrap();
        assert_eq!(segments.size(), size);
        // Blobs are large enough to lie under a pixel of these; thinner frames may fall between.
        assert!(
            height < 8 || width < 8 || !segments.as_slice().is_empty(),
            "{size}"
        );
    }
}
