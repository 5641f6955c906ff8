//! Ids for scenes as JSON lines: what `scripts/measure-tracks` judges.
//!
//! Reads one frame per line from stdin, `{"at": seconds, "size": [width, height], "segments":
//! [{"score": .., "runs": [[y, start, end], ..]}, ..]}`, and writes one line for each: `{"ids": [..],
//! "tracked": [..]}`, with one entry per segment. A line `{"restart": true}` begins a new scene.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{BufRead, Write},
    time::Duration,
};

use fastsam::{Mask, MaskSize, Run, Segment, prompt::Canvas};
use frame::{FrameRect, InputSize, Letterbox, Size};
use serde::{Deserialize, Serialize};
use track::{Observation, Settings, State, Tracker};

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Restart {
        #[serde(rename = "restart")]
        _restart: bool,
    },
    Frame {
        at: f64,
        size: [u32; 2],
        segments: Vec<Found>,
    },
}

#[derive(Deserialize)]
struct Found {
    score: f32,
    runs: Vec<[u16; 3]>,
}

#[derive(Serialize)]
struct Answer {
    ids: Vec<u64>,
    tracked: Vec<bool>,
}

fn main() {
    let mut tracker = Tracker::new(Settings::default(), 1);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        match serde_json::from_str(&line.expect("a line")).expect("a frame") {
            Line::Restart { .. } => tracker = Tracker::new(Settings::default(), 1),
            Line::Frame { at, size, segments } => {
                let size = Size::new(size[0], size[1]);
                let segments: Vec<Segment> = segments
                    .into_iter()
                    .map(|found| segment(size, found))
                    .collect();
                let tracks = tracker.update(&Observation {
                    at: Duration::from_secs_f64(at),
                    sequence: 0,
                    canvas: Canvas {
                        letterbox: Letterbox::fit(size, InputSize::DEFAULT),
                        mask_size: MaskSize::Frame,
                    },
                    segments: &segments,
                });
                let answer = Answer {
                    ids: tracks.iter().map(|track| track.id).collect(),
                    tracked: tracks
                        .iter()
                        .map(|track| track.state == State::Tracked)
                        .collect(),
                };
                serde_json::to_writer(&mut out, &answer).expect("JSON");
                out.write_all(b"\n").expect("stdout");
            }
        }
    }
}

fn segment(size: Size, found: Found) -> Segment {
    let runs = found
        .runs
        .into_iter()
        .map(|[y, start, end]| Run { y, start, end })
        .collect();
    let mask = Mask::from_runs(size, runs).expect("runs as a mask has them");
    let bbox = mask.bounding_box();
    Segment {
        score: found.score,
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
