//! Whole prompts, and standing ones over painted frames.

use std::time::Duration;

use fastsam::{Mask, MaskSize, Run};
use frame::{InputSize, Letterbox, PixelRect, Size};
use track::{Observation, Settings, Tracker};

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
        bbox: mask.bounding_box(),
        detection_bbox: FrameRect {
            x1: x.into(),
            y1: y.into(),
            x2: (x + width).into(),
            y2: (y + height).into(),
        },
        area: mask.area(),
        mask,
    }
}

fn prompt(text: &str) -> Prompt {
    serde_json::from_str(text).unwrap()
}

/// A picture in which nothing is followed.
fn picture(segments: &[Segment]) -> Scene<'_> {
    Scene {
        segments,
        tracks: &[],
        canvas: canvas(),
    }
}

fn places(text: &str, segments: &[Segment]) -> Result<Vec<usize>, Refusal> {
    answer(&prompt(text), &picture(segments), None).map(|answer| answer.places)
}

/// A film of 30 frames a second, and what a standing prompt answers.
struct Film {
    tracker: Tracker,
    frames: u32,
    standing: Standing,
}

impl Film {
    fn new(standing: Standing) -> Self {
        Self {
            tracker: Tracker::new(Settings::default(), 100),
            frames: 0,
            standing,
        }
    }

    fn show(&mut self, segments: &[Segment]) -> Answer {
        self.tracker.update(&Observation {
            at: Duration::from_secs(1) / 30 * self.frames,
            sequence: self.frames.into(),
            canvas: canvas(),
            segments,
        });
        self.frames += 1;
        let scene = Scene {
            segments,
            tracks: self.tracker.tracks(),
            canvas: canvas(),
        };
        let is_alive = |id| self.tracker.is_alive(id);
        self.standing.answer(&scene, is_alive).unwrap()
    }

    fn places(&mut self, segments: &[Segment]) -> Vec<usize> {
        self.show(segments).places
    }
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
        &picture(&segments),
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
    let answer = answer(&prompt(text), &picture(&segments), None).unwrap();
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
fn an_id_chooses_its_object() {
    let segments = [segment(60, 10, 20, 20), segment(10, 40, 20, 20)];
    // In a picture ids are places.
    let places = places(r#"{"ids": [1, 7]}"#, &segments).unwrap();
    assert_eq!(places, [1]);
    let mut film = Film::new(Standing::new(prompt(r#"{"ids": [101]}"#), true));
    assert_eq!(film.places(&segments), [1]);
    let [first, second] = segments;
    assert_eq!(film.places(&[second, first]), [0]);
    let answer = film.show(&[]);
    assert_eq!((answer.places, answer.choice.ids), (vec![], vec![]));
}

#[test]
fn a_standing_prompt_follows_its_object() {
    let at = |x: u16| vec![segment(60, 10, 20, 20), segment(x, 40, 20, 20)];
    let point = || prompt(r#"{"points": [[15, 50]]}"#);
    let mut following = Film::new(Standing::new(point(), true));
    let mut staying = Film::new(Standing::new(point(), false));
    let mut found = (Vec::new(), Vec::new());
    for x in (10..50).step_by(5) {
        found.0.push(following.places(&at(x)));
        found.1.push(staying.places(&at(x)));
    }
    assert!(found.0.iter().all(|places| places == &[1]), "{:?}", found.0);
    // The pixel is under the object in the first two frames only.
    assert_eq!(found.1[..3], [vec![1], vec![1], vec![]]);
}

#[test]
fn what_disappears_is_lost_and_found_again_where_it_was() {
    let there = [segment(10, 40, 20, 20)];
    let mut film = Film::new(Standing::new(prompt(r#"{"points": [[15, 50]]}"#), true));
    for _ in 0..10 {
        assert_eq!(film.places(&there), [0]);
    }
    for _ in 0..30 {
        assert_eq!(film.places(&[]), [0; 0]);
    }
    // Not under the point any more, but near where it was last seen.
    let moved = [segment(60, 10, 20, 20), segment(16, 40, 20, 20)];
    assert_eq!(film.places(&moved), [1]);
    // Long gone: the prompt itself is asked again.
    for _ in 0..10 * 30 {
        assert_eq!(film.places(&[segment(60, 10, 20, 20)]), [0; 0]);
    }
    assert_eq!(film.places(&[segment(12, 45, 30, 30)]), [0]);
}

#[test]
fn what_looks_like_the_text_is_followed_beside_what_points_chose() {
    let at = |x| [segment(x, 10, 20, 20), segment(x, 50, 20, 20)];
    let both = prompt(r#"{"points": [[5, 55]], "text": "cup"}"#);
    let mut film = Film::new(Standing::new(both, true));
    let mut places = |x| {
        let answer = film.show(&at(x));
        (answer.places, answer.choice.text.unwrap())
    };
    // Nobody has looked yet: the point alone is answered.
    assert_eq!(places(0), (vec![1], vec![]));
    film.standing.look_like_text(vec![(100, 0.9)]);
    let alike = TextChoice {
        segment: 0,
        similarity: 0.9,
    };
    for x in [2, 8] {
        let answer = film.show(&at(x));
        assert_eq!(answer.places, [1, 0]);
        assert_eq!(answer.choice.text, Some(vec![alike]));
    }
    assert_eq!(film.standing.similarity(100), Some(0.9));
    // Looked at again: nothing looks like it any more.
    film.standing.look_like_text(Vec::new());
    assert_eq!(film.places(&at(8)), [1]);
    assert_eq!(film.standing.similarity(100), None);
}
