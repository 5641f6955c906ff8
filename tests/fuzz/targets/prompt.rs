//! Prompts as they come over MQTT: parsed or refused with a line; what is parsed survives a round
//! trip and is answered on a frame's segments.

#![no_main]

use std::sync::LazyLock;

use fastsam::{
    Mask, MaskSize, Segment,
    prompt::{self, Canvas, Label, PointPrompt},
};
use frame::{FramePoint, FrameRect, InputSize, Letterbox, Size};
use libfuzzer_sys::fuzz_target;
use message::prompt::{Prompt, Select};

const SIZE: Size = Size::new(64, 48);

/// Squares, each within the one before.
static SEGMENTS: LazyLock<Vec<Segment>> = LazyLock::new(|| (1..12).map(square).collect());

fn square(inset: u32) -> Segment {
    let inside = |at: u32, side: u32| (inset..side - inset).contains(&at);
    let bitmap: Vec<u8> = (0..SIZE.height)
        .flat_map(|y| (0..SIZE.width).map(move |x| (x, y)))
        .map(|(x, y)| u8::from(inside(x, SIZE.width) && inside(y, SIZE.height)))
        .collect();
    let mask = Mask::from_bitmap(SIZE, &bitmap).expect("a bitmap of the size");
    Segment {
        score: 1.0 / inset as f32,
        class: 0,
        bbox: mask.bounding_box(),
        detection_bbox: FrameRect {
            x1: 0.0,
            y1: 0.0,
            x2: 1.0,
            y2: 1.0,
        },
        area: mask.area(),
        mask,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let prompt: Prompt = match serde_json::from_slice(bytes) {
        Ok(prompt) => prompt,
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains(['\n', '\r']), "{line}");
            return;
        }
    };
    let text = serde_json::to_vec(&prompt).expect("JSON");
    let again: Prompt = serde_json::from_slice(&text).expect("what was written");
    assert_eq!(again, prompt);
    for mask_size in [MaskSize::Frame, MaskSize::Network] {
        answer(
            &prompt,
            &Canvas {
                letterbox: Letterbox::fit(SIZE, InputSize::DEFAULT),
                mask_size,
            },
        );
    }
});

fn answer(asked: &Prompt, canvas: &Canvas) {
    let points: Vec<_> = asked
        .points
        .iter()
        .map(|point| PointPrompt {
            position: FramePoint {
                x: point.x as f32,
                y: point.y as f32,
            },
            label: match point.label {
                Some(0) => Label::Background,
                _ => Label::Foreground,
            },
        })
        .collect();
    let select = match asked.select {
        Select::Smallest => prompt::Select::Smallest,
        Select::Best => prompt::Select::Best,
        Select::All => prompt::Select::All,
    };
    if let Ok(chosen) = prompt::by_points(&SEGMENTS, canvas, &points, select) {
        assert!(chosen.iter().all(|&i| i < SEGMENTS.len()));
        let union = prompt::union(&SEGMENTS, &chosen, SIZE).expect("segments of the list");
        let largest = chosen.iter().map(|&i| SEGMENTS[i].area).max();
        assert_eq!(union.area(), largest.unwrap_or(0));
    }
    for &[x1, y1, x2, y2] in &asked.boxes {
        let rect = FrameRect {
            x1: x1 as f32,
            y1: y1 as f32,
            x2: x2 as f32,
            y2: y2 as f32,
        };
        if let Ok(found) = prompt::by_box(&SEGMENTS, canvas, rect, asked.min_iou) {
            assert!((0.0..=1.0).contains(&found.iou), "{}", found.iou);
            assert!(found.segment.is_none_or(|i| i < SEGMENTS.len()));
        }
    }
}
