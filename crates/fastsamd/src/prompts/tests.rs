//! Whole prompts, and standing ones over painted frames.

use fastsam::{Mask, MaskSize, Run};
use frame::{InputSize, Letterbox, PixelRect, Size};

use super::*;

const FRAME: Size = Size::new(100, 80);

fn canvas() -> Canvas {
    Canvas {
        letterbox: Letterbox::fit(FRAME, InputSize::DEFAULT),
        mask_size: MaskSize::Frame,
    }
}

/// A box of pixels as a segment.
fn segment(x: u16, y: u16, width: u16, height: u16) -> Segment {
    let runs = (y..y + height).map(|y| Run {
        y,
        start: x,
        end: x + width,
    });
    let mask = Mask::from_runs(FRAME, runs.collect()).unwrap();
    Segment {
        score: 0.8,
        class: 0,
        bbox: PixelRect::default(),
        detection_bbox: FrameRect {
            x1: x.into(),
            y1: y.into(),
            x2: (x + width).into(),
            y2: (y + height).into(),
        },
        area: mask.area(),
        mask,
        contours: Contours::default(),
    }
}

fn prompt(text: &str) -> Prompt {
    serde_json::from_str(text).unwrap()
}

fn places(text: &str, segments: &[Segment]) -> Result<Vec<usize>, Refusal> {
    answer(&prompt(text), segments, &canvas(), None).map(|answer| answer.places)
}

#[test]
fn parts_are_answered_in_order_and_each_segment_once() {
    let segments = [
        segment(0, 0, 100, 80),
        segment(10, 10, 20, 20),
        segment(50, 40, 10, 10),
    ];
    let cases: [(&str, &[usize]); 6] = [
        (r#"{"points": [[15, 15]]}"#, &[1]),
        (
            r#"{"points": [[15, 15]], "boxes": [[50, 40, 60, 50], [10, 10, 30, 30]]}"#,
            &[1, 2],
        ),
        (r#"{"boxes": [[50, 40, 60, 50], [0, 0, 100, 80]]}"#, &[2, 0]),
        (
            r#"{"points": [[0.15, 0.2]], "normalized": true, "select": "all"}"#,
            &[0, 1],
        ),
        (
            r#"{"points": [[15, 15], [90, 70]], "labels": [1, 0], "select": "all"}"#,
            &[1],
        ),
        (r#"{"boxes": [[10, 10, 12, 12]], "min_iou": 0.5}"#, &[]),
    ];
    for (text, expected) in cases {
        assert_eq!(places(text, &segments).unwrap(), expected, "{text}");
    }
    let answer = answer(
        &prompt(
            r#"{"boxes": [[10, 10, 30, 30], [10, 10, 30, 30], [10, 10, 12, 12]], "min_iou": 0.5}"#,
        ),
        &segments,
        &canvas(),
        None,
    );
    let boxes = answer.unwrap().choice.boxes;
    // One answer for each box, also where two choose the same and one chooses none.
    let chosen: Vec<_> = boxes.iter().map(|choice| choice.segment).collect();
    assert_eq!(chosen, [Some(1), Some(1), None]);
    assert!(boxes[2].iou > 0.0 && boxes[2].iou < 0.5);
}

#[test]
fn what_asks_nothing_is_refused() {
    for (text, refusal) in [
        ("{}", Refusal::Empty),
        (
            r#"{"points": [[1, 1]], "labels": [1, 0]}"#,
            Refusal::Labels {
                labels: 2,
                points: 1,
            },
        ),
        (r#"{"points": [[1, 1]], "labels": [2]}"#, Refusal::Label(2)),
        (r#"{"text": "a cup"}"#, Refusal::NoTextModel),
    ] {
        assert_eq!(places(text, &[]).unwrap_err(), refusal, "{text}");
    }
    assert!(matches!(
        places(r#"{"points": [[1.2, 0.5]], "normalized": true}"#, &[]),
        Err(Refusal::Part(PromptError::PointOutside { .. }))
    ));
}

#[test]
fn a_union_is_one_smooth_segment() {
    // Two halves with a crack of one pixel between.
    let segments = [segment(10, 10, 10, 20), segment(21, 10, 10, 20)];
    let text = r#"{"points": [[15, 15], [25, 15]], "union": true}"#;
    let answer = answer(&prompt(text), &segments, &canvas(), None).unwrap();
    let union = answer.union.unwrap();
    assert_eq!(union.area, 21 * 20);
    assert_eq!(
        union.bbox,
        PixelRect {
            x: 10,
            y: 10,
            width: 21,
            height: 20
        }
    );
    assert_eq!(union.detection_bbox.x2, 31.0);
    let nothing = places(r#"{"points": [[90, 70]], "union": true}"#, &segments);
    assert_eq!(nothing.unwrap(), [0; 0]);
}

#[test]
fn a_standing_prompt_follows_its_object() {
    let at = |x: u16| vec![segment(60, 10, 20, 20), segment(x, 40, 20, 20)];
    let point = || prompt(r#"{"points": [[15, 50]]}"#);
    let mut following = Standing::new(point(), true);
    let mut staying = Standing::new(point(), false);
    let mut found = (Vec::new(), Vec::new());
    for x in (10..50).step_by(5) {
        let segments = at(x);
        found
            .0
            .push(following.answer(&segments, &canvas()).unwrap().places);
        found
            .1
            .push(staying.answer(&segments, &canvas()).unwrap().places);
    }
    assert!(found.0.iter().all(|places| places == &[1]), "{:?}", found.0);
    // The pixel is under the object in the first two frames only.
    assert_eq!(found.1[..3], [vec![1], vec![1], vec![]]);
}

#[test]
fn what_disappears_is_lost_and_found_again_where_it_was() {
    let there = [segment(10, 40, 20, 20)];
    let mut standing = Standing::new(prompt(r#"{"points": [[15, 50]]}"#), true);
    let mut places = |segments: &[Segment]| standing.answer(segments, &canvas()).unwrap().places;
    assert_eq!(places(&there), [0]);
    for _ in 0..PATIENCE_FRAMES {
        assert_eq!(places(&[]), [0; 0]);
    }
    // Not under the point any more, but where it was last seen.
    let moved = [segment(60, 10, 20, 20), segment(16, 40, 20, 20)];
    assert_eq!(places(&moved), [1]);
    // Long gone: the prompt itself is asked again.
    for _ in 0..2 * PATIENCE_FRAMES {
        assert_eq!(places(&[segment(60, 10, 20, 20)]), [0; 0]);
    }
    assert_eq!(places(&[segment(12, 45, 30, 30)]), [0]);
}

/// As long as something lost is remembered.
const PATIENCE_FRAMES: u32 = 30;

#[test]
fn what_looks_like_the_text_is_followed_beside_what_points_chose() {
    let at = |x| [segment(x, 10, 20, 20), segment(x, 50, 20, 20)];
    let mut standing = Standing::new(prompt(r#"{"points": [[5, 55]], "text": "cup"}"#), true);
    let mut places = |x, alike: Option<f64>| {
        if let Some(similarity) = alike {
            standing.look_like_text(vec![(segment(0, 10, 20, 20).mask, similarity)]);
        }
        let answer = standing.answer(&at(x), &canvas()).unwrap();
        (answer.places, answer.choice.text.unwrap())
    };
    // Nobody has looked yet: the point alone is answered.
    assert_eq!(places(0, None), (vec![1], vec![]));
    let alike = |segment, similarity| TextChoice {
        segment,
        similarity,
    };
    assert_eq!(places(2, Some(0.9)), (vec![1, 0], vec![alike(0, 0.9)]));
    assert_eq!(places(8, None), (vec![1, 0], vec![alike(0, 0.9)]));
    // Looked at again: nothing looks like it any more.
    standing.look_like_text(Vec::new());
    assert_eq!(standing.answer(&at(8), &canvas()).unwrap().places, [1]);
}
