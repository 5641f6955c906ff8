//! From a frame's segments to the crops that an image encoder looks at: 224 x 224 pixels each, from
//! a frame of 1280 x 720.

use std::hint::black_box;

use clip::{Cropper, Picture};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fastsam::{Mask, MaskSize, Run, prompt::Canvas};
use frame::{InputSize, Letterbox, NetworkInput, Size};

const SIDE: usize = 224;

fn disc(size: Size, radius: i32) -> Option<Mask> {
    let (x, y) = (size.width as i32 / 2, size.height as i32 / 2);
    let runs = (-radius..=radius).map(|dy| {
        let half = f64::from(radius * radius - dy * dy).sqrt() as i32;
        Run {
            y: (y + dy) as u16,
            start: (x - half) as u16,
            end: (x + half + 1) as u16,
        }
    });
    Mask::from_runs(size, runs.collect())
}

fn crops(criterion: &mut Criterion) {
    let frame = Size::new(1280, 720);
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    input.bytes_mut().fill(90);
    let picture = Picture {
        input: &input,
        canvas: Canvas {
            letterbox: Letterbox::fit(frame, input.size()),
            mask_size: MaskSize::Frame,
        },
    };
    let mut group = criterion.benchmark_group("crop");
    group.throughput(Throughput::Elements(1));
    for radius in [10, 50, 300] {
        let Some(mask) = disc(frame, radius) else {
            continue;
        };
        let mut cropper = Cropper::default();
        let mut crop = Vec::new();
        group.bench_function(BenchmarkId::new("disc", radius), |bencher| {
            bencher.iter(|| {
                crop.clear();
                cropper.crop(picture, black_box(&mask), 0.1, SIDE, &mut crop);
                crop.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, crops);
criterion_main!(benches);
