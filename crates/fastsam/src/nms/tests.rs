use frame::{InputRect, InputSize};
use proptest::prelude::*;
use tensors::Level;

use super::*;
use crate::Anchor;
use crate::processor::on_each;

fn detection(i: usize, [x1, y1, x2, y2]: [f32; 4]) -> Detection {
    Detection {
        bbox: InputRect { x1, y1, x2, y2 },
        score: 1.0 - i as f32 / 8400.0,
        anchor: Anchor::of_cell(Level::Stride8, i, InputSize::DEFAULT).unwrap(),
        class: 0,
    }
}

fn kept(boxes: &[[f32; 4]], iou: f32, limit: usize) -> Vec<usize> {
    let candidates: Vec<Detection> = boxes
        .iter()
        .enumerate()
        .map(|(i, &bbox)| detection(i, bbox))
        .collect();
    let kept = on_each(|| {
        let mut kept = Vec::new();
        Suppressor::new().suppress(&candidates, iou, limit, &mut kept);
        kept
    });
    kept.iter()
        .map(|detection| detection.anchor.index())
        .collect()
}

/// Greedy suppression, word for word.
fn plainly(boxes: &[[f32; 4]], iou: f32) -> Vec<usize> {
    let area = |[x1, y1, x2, y2]: [f32; 4]| (x2 - x1) * (y2 - y1);
    let overlap = |a: [f32; 4], b: [f32; 4]| {
        let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
        let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
        width * height / (area(a) + area(b) - width * height)
    };
    let mut kept: Vec<usize> = Vec::new();
    for (i, &bbox) in boxes.iter().enumerate() {
        if !kept.iter().any(|&k| overlap(boxes[k], bbox) > iou) {
            kept.push(i);
        }
    }
    kept
}

#[test]
fn the_better_of_two_overlapping_boxes_stays() {
    let unit = [0.0, 0.0, 10.0, 10.0];
    let cases: [(&str, [f32; 4], f32, &[usize]); 6] = [
        ("the same", unit, 0.7, &[0]),
        ("apart", [20.0, 0.0, 30.0, 10.0], 0.0, &[0, 1]),
        ("side by side", [10.0, 0.0, 20.0, 10.0], 0.0, &[0, 1]),
        (
            "exactly at the threshold",
            [0.0, 0.0, 10.0, 5.0],
            0.5,
            &[0, 1],
        ),
        ("above it", [0.0, 0.0, 10.0, 5.0], 0.499, &[0]),
        ("without area", [5.0, 5.0, 5.0, 5.0], 0.0, &[0, 1]),
    ];
    for (name, other, iou, expected) in cases {
        assert_eq!(kept(&[unit, other], iou, 300), expected, "{name}");
    }
}

#[test]
fn a_suppressed_box_suppresses_none() {
    let boxes = [0.0, 4.0, 8.0].map(|x| [x, 0.0, x + 10.0, 10.0]);
    assert_eq!(kept(&boxes, 0.4, 300), [0, 2]);
}

#[test]
fn no_more_than_the_limit_stay() {
    let boxes: Vec<[f32; 4]> = (0..40)
        .map(|i| [20.0 * i as f32, 0.0, 20.0 * i as f32 + 9.0, 9.0])
        .collect();
    assert_eq!(kept(&boxes, 0.7, 300).len(), 40);
    assert_eq!(kept(&boxes, 0.7, 17), (0..17).collect::<Vec<_>>());
    assert!(kept(&boxes, 0.7, 0).is_empty());
}

proptest! {
    // Whole numbers make overlaps exactly at the threshold likely.
    #[test]
    fn survivors_are_those_of_the_plain_algorithm(
        corners in prop::collection::vec(([0_u8..12, 0_u8..12], [0_u8..8, 0_u8..8]), 0..120),
        threshold in prop_oneof![
            Just(0.5_f32), Just(1.0 / 3.0), Just(0.25), Just(0.7), Just(0.0), Just(1.0), 0.0_f32..1.0
        ],
        scale in prop_oneof![Just(1.0_f32), Just(0.1), Just(37.123)],
    ) {
        let boxes: Vec<[f32; 4]> = corners
            .into_iter()
            .map(|([x, y], [w, h])| {
                [x, y, x + w, y + h].map(|corner| f32::from(corner) * scale)
            })
            .collect();
        prop_assert_eq!(kept(&boxes, threshold, usize::MAX), plainly(&boxes, threshold));
    }
}

#[test]
fn boxes_of_two_classes_do_not_suppress_each_other() {
    let unit = [0.0, 0.0, 10.0, 10.0];
    let candidates: Vec<Detection> = [0, 1, 0, 79, 1]
        .into_iter()
        .enumerate()
        .map(|(i, class)| Detection {
            class,
            ..detection(i, unit)
        })
        .collect();
    let kept = on_each(|| {
        let mut kept = Vec::new();
        Suppressor::new().suppress(&candidates, 0.5, 300, &mut kept);
        kept.iter()
            .map(|kept| (kept.anchor.index(), kept.bbox.x2))
            .collect::<Vec<_>>()
    });
    // At the places that they came with.
    assert_eq!(kept, [(0, 10.0), (1, 10.0), (3, 10.0)]);
}
