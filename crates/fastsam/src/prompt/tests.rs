use proptest::prelude::*;

use frame::{InputSize, Letterbox};

use super::*;
use crate::painted;

fn segments(masks: Vec<Mask>) -> Vec<Segment> {
    let segment = |mask: Mask| Segment {
        score: 0.9,
        class: 0,
        bbox: mask.bounding_box(),
        detection_bbox: FrameRect::default(),
        area: mask.area(),
        mask,
    };
    masks.into_iter().map(segment).collect()
}

/// A table, a plate with a hole on it, and an apple beside it.
fn scene() -> (Vec<Segment>, Canvas) {
    let table = painted::mask(&["........", "########", "########", "########", "########"]);
    let plate = painted::mask(&["........", ".###....", ".#.#....", ".###....", "........"]);
    let apple = painted::mask(&["........", "........", "........", "......#.", "........"]);
    (segments(vec![table, plate, apple]), canvas(8, 5))
}

fn canvas(width: u32, height: u32) -> Canvas {
    Canvas {
        letterbox: Letterbox::fit(Size::new(width, height), InputSize::DEFAULT),
        mask_size: MaskSize::Frame,
    }
}

fn on(x: f32, y: f32) -> PointPrompt {
    PointPrompt {
        position: FramePoint { x, y },
        label: Label::Foreground,
    }
}

fn off(x: f32, y: f32) -> PointPrompt {
    PointPrompt {
        label: Label::Background,
        ..on(x, y)
    }
}

fn rect(x1: f32, y1: f32, x2: f32, y2: f32) -> FrameRect {
    FrameRect { x1, y1, x2, y2 }
}

#[test]
fn points_choose_by_what_they_hit() {
    let (segments, canvas) = scene();
    let cases: [(&str, &[PointPrompt], Select, &[usize]); 13] = [
        ("the smallest", &[on(1.0, 1.0)], Select::Smallest, &[1]),
        ("the best", &[on(1.0, 1.0)], Select::Best, &[0]),
        ("all", &[on(1.0, 1.0)], Select::All, &[0, 1]),
        ("through the hole", &[on(2.0, 2.0)], Select::Smallest, &[0]),
        (
            "anywhere in a pixel",
            &[on(1.9, 1.9)],
            Select::Smallest,
            &[1],
        ),
        ("nothing there", &[on(4.0, 0.0)], Select::All, &[]),
        (
            "each point its own",
            &[on(6.0, 3.0), on(1.0, 1.0)],
            Select::Smallest,
            &[2, 1],
        ),
        (
            "one mask once",
            &[on(1.0, 1.0), on(3.0, 3.0)],
            Select::Smallest,
            &[1],
        ),
        (
            "not the table",
            &[on(1.0, 1.0), off(7.0, 4.0)],
            Select::All,
            &[1],
        ),
        (
            "not the plate, nor the table below it",
            &[on(1.0, 1.0), off(3.0, 1.0)],
            Select::Smallest,
            &[],
        ),
        ("all but", &[off(6.0, 3.0)], Select::Smallest, &[1]),
        ("the corner", &[on(8.0, 5.0)], Select::Smallest, &[0]),
        ("the other corner", &[on(0.0, 0.0)], Select::Smallest, &[]),
    ];
    for (name, points, select, expected) in cases {
        let chosen = by_points(&segments, &canvas, points, select).unwrap();
        assert_eq!(chosen, expected, "{name}");
    }
}

#[test]
fn a_box_chooses_the_mask_that_fills_it() {
    let (segments, canvas) = scene();
    let cases = [
        ("the plate", rect(1.0, 1.0, 4.0, 4.0), Some(1), 8.0 / 9.0),
        ("the apple", rect(6.0, 3.0, 7.0, 4.0), Some(2), 1.0),
        (
            "beyond the frame",
            rect(-2.0, 1.0, 10.0, 5.0),
            Some(0),
            32.0 / 48.0,
        ),
        ("a part of a pixel", rect(5.5, 3.0, 6.5, 4.0), Some(2), 1.0),
        ("above it all", rect(0.0, 0.0, 8.0, 1.0), None, 0.0),
    ];
    for (name, rect, segment, iou) in cases {
        let found = by_box(&segments, &canvas, rect, 0.0).unwrap();
        assert_eq!(found.segment, segment, "{name}");
        assert!((found.iou - iou).abs() < 1e-6, "{name}: {}", found.iou);
    }
    // The best that there is, and that it is not good enough.
    let found = by_box(&segments, &canvas, rect(1.0, 1.0, 4.0, 4.0), 0.9).unwrap();
    assert_eq!(found.segment, None);
    assert!(found.iou > 0.88);
}

#[test]
fn what_is_no_prompt_is_refused() {
    let (segments, canvas) = scene();
    let point = |x, y| by_points(&segments, &canvas, &[on(x, y)], Select::All).unwrap_err();
    assert!(matches!(
        point(f32::NAN, 1.0),
        PromptError::NotFinite { .. }
    ));
    assert!(matches!(
        point(1.0, f32::INFINITY),
        PromptError::NotFinite { .. }
    ));
    for (x, y) in [
        (-0.1, 1.0),
        (8.1, 1.0),
        (1.0, -5.0),
        (1.0, 5.1),
        (1300.0, -5.0),
    ] {
        assert!(matches!(point(x, y), PromptError::PointOutside { .. }));
    }
    assert_eq!(
        point(9.0, 1.0).to_string(),
        "point 9, 1 is outside the frame of 8x5"
    );
    let none = by_points(&segments, &canvas, &[], Select::All).unwrap_err();
    assert_eq!(none, PromptError::NoPoints);
    let at = |x1, y1, x2, y2| by_box(&segments, &canvas, rect(x1, y1, x2, y2), 0.0).unwrap_err();
    assert!(matches!(
        at(f32::NAN, 0.0, 1.0, 1.0),
        PromptError::NotFinite { .. }
    ));
    assert!(matches!(at(4.0, 0.0, 1.0, 1.0), PromptError::EmptyBox(_)));
    assert!(matches!(at(1.0, 1.0, 1.0, 2.0), PromptError::EmptyBox(_)));
    assert!(matches!(
        at(8.0, 0.0, 9.0, 1.0),
        PromptError::BoxOutside { .. }
    ));
    assert!(matches!(
        at(-3.0, -3.0, 0.0, 0.0),
        PromptError::BoxOutside { .. }
    ));
}

#[test]
fn prompts_find_network_size_masks_behind_the_padding() {
    // The frame is the middle of the input: 1280x720 lies in rows 140 to 500.
    let letterbox = Letterbox::fit(Size::new(1280, 720), InputSize::DEFAULT);
    let runs = (240..260).map(|y| Run {
        y,
        start: 100,
        end: 120,
    });
    let mask = Mask::from_runs(Size::new(640, 640), runs.collect()).unwrap();
    let segments = segments(vec![mask]);
    let canvas = Canvas {
        letterbox,
        mask_size: MaskSize::Network,
    };
    let at = |x, y| by_points(&segments, &canvas, &[on(x, y)], Select::All).unwrap();
    assert_eq!(at(200.0, 200.0), [0]);
    assert_eq!(at(199.0, 200.0), [0; 0]);
    assert_eq!(at(239.9, 239.9), [0]);
    assert_eq!(at(240.0, 240.0), [0; 0]);
    let found = by_box(&segments, &canvas, rect(200.0, 200.0, 240.0, 240.0), 0.0).unwrap();
    assert_eq!((found.segment, found.iou), (Some(0), 1.0));
}

#[test]
fn a_union_has_each_pixel_once() {
    let (segments, canvas) = scene();
    let all = union(&segments, &[2, 1, 0], canvas.size()).unwrap();
    assert_eq!(all, segments[0].mask);
    let apart = union(&segments, &[1, 2], canvas.size()).unwrap();
    assert_eq!(apart.area(), 9);
    assert!(union(&segments, &[3], canvas.size()).is_none());
    assert!(union(&segments, &[], canvas.size()).unwrap().is_empty());
}

proptest! {
    /// The bitmap's own count, whatever the box.
    #[test]
    fn a_box_counts_the_pixels_inside(
        mask in painted::any_mask(),
        x in -30.0..30.0_f32, y in -30.0..30.0_f32,
        width in 0.1..40.0_f32, height in 0.1..40.0_f32,
    ) {
        let size = mask.size();
        let canvas = canvas(size.width, size.height);
        let rect = rect(x, y, x + width, y + height);
        if let Ok(window) = canvas.window(rect) {
            let mut expected = 0;
            for row in 0..size.height {
                for column in 0..size.width {
                    let (i, j) = (column as f32, row as f32);
                    let inside = rect.x1 <= i && i < rect.x2 && rect.y1 <= j && j < rect.y2;
                    expected += u32::from(inside && mask.contains(column, row));
                }
            }
            prop_assert_eq!(window.count(&mask), expected);
        }
    }

    /// In whatever order points come, the same masks are chosen.
    #[test]
    fn the_order_of_the_points_chooses_nothing(
        masks in prop::collection::vec(painted::any_mask(), 1..4),
        points in prop::collection::vec((0.0..24.0_f32, 0.0..24.0_f32, any::<bool>()), 1..6),
        select in prop_oneof![Just(Select::Smallest), Just(Select::Best), Just(Select::All)],
    ) {
        let segments = segments(masks);
        let points: Vec<_> = points
            .into_iter()
            .map(|(x, y, wanted)| if wanted { on(x, y) } else { off(x, y) })
            .collect();
        let canvas = canvas(24, 24);
        let sorted = |points: &[PointPrompt]| {
            let mut chosen = by_points(&segments, &canvas, points, select).unwrap();
            chosen.sort_unstable();
            chosen
        };
        let reversed: Vec<_> = points.iter().rev().copied().collect();
        prop_assert_eq!(sorted(&points), sorted(&reversed));
    }
}
