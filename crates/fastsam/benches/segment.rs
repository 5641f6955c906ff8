//! From tensors to segments, on painted answers of a network's true size: the whole, and its
//! stages.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use accelerator::ElementType::{self, U8, U16};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fastsam::{Segmenter, Segments, Settings, StageTimes};
use frame::Size;

const HD: Size = Size::new(1280, 720);
const FULL_HD: Size = Size::new(1920, 1080);
/// Its padding is odd: two knots per prototype.
const ODD: Size = Size::new(1640, 1232);

const CASES: [(&str, Size, ElementType, usize); 8] = [
    ("720p u8", HD, U8, 10),
    ("720p u8", HD, U8, 32),
    ("720p u8", HD, U8, 100),
    ("720p u8", HD, U8, 300),
    ("1080p u8", FULL_HD, U8, 100),
    ("720p u16", HD, U16, 100),
    ("1080p u16", FULL_HD, U16, 300),
    ("1640x1232 u8", ODD, U8, 100),
];

/// The reference's own settings for everything in a frame.
const SETTINGS: fn() -> Settings = || Settings {
    confidence: 0.4,
    iou: 0.9,
    ..Settings::default()
};

fn segment(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("segment");
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(1));
    for (name, size, element_type, objects) in CASES {
        let layout = support::scene::layout(element_type, element_type);
        let (tensors, letterbox) = support::scene::paint(&layout, size, objects, 1);
        let mut segmenter = Segmenter::new(&layout);
        let mut segments = Segments::new();
        let settings = SETTINGS();
        let mut run = || {
            let (tensors, letterbox) = (black_box(&tensors), black_box(&letterbox));
            segmenter
                .segment(tensors, letterbox, &settings, &mut segments)
                .unwrap();
            segmenter.last_times()
        };
        let stages = medians(&mut run);
        group.bench_function(BenchmarkId::new(name, objects), |bencher| {
            bencher.iter(&mut run)
        });
        let count = segments.as_slice().len();
        let runs: usize = segments
            .as_slice()
            .iter()
            .map(|s| s.mask.runs().len())
            .sum();
        let points: usize = segments
            .as_slice()
            .iter()
            .flat_map(|s| s.contours.iter())
            .map(<[_]>::len)
            .sum();
        println!("{name}: {count} segments, {runs} runs, {points} points; {stages:?}");
    }
}

/// The median of each stage.
fn medians(run: &mut impl FnMut() -> StageTimes) -> StageTimes {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < 21 || begun.elapsed() < Duration::from_millis(200) {
        times.push(run());
    }
    let median = |of: fn(&StageTimes) -> Duration| {
        let mut all: Vec<Duration> = times.iter().map(of).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    StageTimes {
        decode: median(|t| t.decode),
        nms: median(|t| t.nms),
        masks: median(|t| t.masks),
        contours: median(|t| t.contours),
    }
}

criterion_group!(benches, segment);
criterion_main!(benches);
