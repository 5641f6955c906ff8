//! What tests and benches share: segments of known masks.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::time::Duration;

use fastsam::{Mask, MaskSize, Run, Segment, prompt::Canvas};
use frame::{FrameRect, InputSize, Letterbox, Size};
use track::Observation;

/// 720p.
pub const SIZE: Size = Size::new(1280, 720);

/// Masks of the frame's own pixels.
pub fn canvas(size: Size) -> Canvas {
    Canvas {
        letterbox: Letterbox::fit(size, InputSize::DEFAULT),
        mask_size: MaskSize::Frame,
    }
}

/// A frame of 720p, the n-th at 30 a second.
pub fn frame(n: u64, segments: &[Segment]) -> Observation<'_> {
    Observation {
        at: Duration::from_secs_f64(n as f64 / 30.0),
        sequence: n,
        canvas: canvas(SIZE),
        segments,
    }
}

/// A segment of those pixels for which `is_inside(x, y)`, within a box that may reach beyond the frame;
/// `None` without any.
pub fn painted(
    size: Size,
    [x, y, width, height]: [i32; 4],
    is_inside: impl Fn(i32, i32) -> bool,
) -> Option<Segment> {
    let mut runs: Vec<Run> = Vec::new();
    for row in y.max(0)..(y + height).min(size.height as i32) {
        let mut open = false;
        for column in x.max(0)..(x + width).min(size.width as i32) {
            let is_set = is_inside(column, row);
            match runs.last_mut() {
                Some(run) if is_set && open => run.end += 1,
                _ if is_set => runs.push(Run {
                    y: row as u16,
                    start: column as u16,
                    end: column as u16 + 1,
                }),
                _ => {}
            }
            open = is_set;
        }
    }
    let mask = Mask::from_runs(size, runs).unwrap();
    (!mask.is_empty()).then(|| segment(mask))
}

/// A rectangle; `None` outside of the frame.
pub fn rectangle(bounds: [i32; 4]) -> Option<Segment> {
    painted(SIZE, bounds, |_, _| true)
}

/// An ellipse in a box; `None` outside of the frame.
pub fn ellipse(bounds: [i32; 4]) -> Option<Segment> {
    let [x, y, width, height] = bounds.map(|side| side as f32);
    painted(SIZE, bounds, |column, row| {
        let u = (column as f32 + 0.5 - x) / width * 2.0 - 1.0;
        let v = (row as f32 + 0.5 - y) / height * 2.0 - 1.0;
        u * u + v * v <= 1.0
    })
}

pub fn segment(mask: Mask) -> Segment {
    let bbox = mask.bounding_box();
    Segment {
        score: 0.9,
        class: 0,
        bbox,
        detection_bbox: FrameRect {
            x1: bbox.x as f32,
            y1: bbox.y as f32,
            x2: (bbox.x + bbox.width) as f32,
            y2: (bbox.y + bbox.height) as f32,
        },
        area: mask.area(),
        mask,
    }
}

/// SplitMix64: numbers that look random, the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to below 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// From `low` to below `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.share() * (high - low)
    }
}

/// Frames of so many ellipses that go their ways, some within others, a tenth of them missing in each
/// frame. Sizes are those of what FastSAM finds at 720p: from a twentieth of the frame's height to two
/// thirds, small ones the more often.
pub fn crowd(objects: usize, frames: usize, seed: u64) -> Vec<Vec<Segment>> {
    crowd_of(objects, frames, seed, 1.0)
}

/// The same of things that are so many times as large.
pub fn crowd_of(objects: usize, frames: usize, seed: u64, scale: f64) -> Vec<Vec<Segment>> {
    let mut random = Random(seed);
    let paths: Vec<[f64; 6]> = (0..objects)
        .map(|_| {
            let size = scale * 36.0 * (480.0_f64 / 36.0).powf(random.share().powi(2));
            [
                random.between(0.0, 1280.0),
                random.between(0.0, 720.0),
                random.between(-60.0, 60.0),
                random.between(-60.0, 60.0),
                size,
                size * random.between(0.6, 1.4),
            ]
        })
        .collect();
    let there_and_back = |x: f64, length: f64| {
        let x = x.rem_euclid(2.0 * length);
        x.min(2.0 * length - x)
    };
    (0..frames)
        .map(|n| {
            let seconds = n as f64 / 30.0;
            let found = paths.iter().filter_map(|&[x, y, dx, dy, width, height]| {
                let x = there_and_back(x + dx * seconds, 1280.0) - width / 2.0;
                let y = there_and_back(y + dy * seconds, 720.0) - height / 2.0;
                ellipse([x, y, width, height].map(|side| side.round() as i32))
            });
            let is_kept = |_: &Segment| random.share() >= 0.1;
            found.filter(is_kept).collect()
        })
        .collect()
}
