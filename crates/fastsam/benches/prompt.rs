//! Prompts on the segments of a painted 720p frame: one point, one box, a thousand boxes, and the union of all.

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fastsam::{
    MaskSize, Segmenter, Segments,
    prompt::{Canvas, Label, PointPrompt, Select, by_box, by_points, union},
};
use frame::{FramePoint, FrameRect, Size};
use support::{
    scene::{self, Mix},
    stages,
};

/// A thousand boxes of all sizes, each tenth the whole frame.
fn boxes(size: Size) -> Vec<FrameRect> {
    let mut random = scene::Random(1);
    let mut below = |end: u32| (random.bits() % u64::from(end)) as f32;
    (0..1000)
        .map(|i| {
            let [(x1, x2), (y1, y2)] = [size.width, size.height].map(|end| {
                if i % 10 == 0 {
                    (0.0, end as f32)
                } else {
                    let start = below(end - 1);
                    (start, start + 1.0 + below(end - start as u32))
                }
            });
            FrameRect { x1, y1, x2, y2 }
        })
        .collect()
}

fn prompts(criterion: &mut Criterion) {
    let size = Size::new(1280, 720);
    for objects in [10, 32, 100, 300] {
        let layout = Mix::Published.layout();
        let (tensors, letterbox) = scene::paint(&layout, size, objects, 1);
        let mut segments = Segments::new();
        let outcome = Segmenter::new(&layout).segment(
            &tensors,
            &letterbox,
            &stages::settings(),
            &mut segments,
        );
        assert!(outcome.is_ok(), "{outcome:?}");
        let segments = segments.as_slice();
        let canvas = Canvas {
            letterbox,
            mask_size: MaskSize::Frame,
        };
        let point = PointPrompt {
            position: FramePoint { x: 640.0, y: 360.0 },
            label: Label::Foreground,
        };
        let rect = FrameRect {
            x1: 200.0,
            y1: 100.0,
            x2: 1000.0,
            y2: 600.0,
        };
        let all: Vec<usize> = (0..segments.len()).collect();

        let mut group = criterion.benchmark_group(format!("{} segments", segments.len()));
        group.bench_function(BenchmarkId::from_parameter("point"), |bencher| {
            bencher.iter(|| by_points(black_box(segments), &canvas, &[point], Select::Smallest));
        });
        group.bench_function(BenchmarkId::from_parameter("box"), |bencher| {
            bencher.iter(|| by_box(black_box(segments), &canvas, rect, 0.0));
        });
        let boxes = boxes(size);
        group.bench_function(BenchmarkId::from_parameter("1000 boxes"), |bencher| {
            bencher.iter(|| {
                let found = boxes
                    .iter()
                    .map(|&rect| by_box(black_box(segments), &canvas, rect, 0.0));
                found.filter_map(|found| found.ok()?.segment).sum::<usize>()
            });
        });
        group.bench_function(BenchmarkId::from_parameter("union of all"), |bencher| {
            bencher.iter(|| union(black_box(segments), &all, size));
        });
    }
}

criterion_group!(benches, prompts);
criterion_main!(benches);
