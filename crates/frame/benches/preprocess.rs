//! How long a frame of each pixel format takes to become a network input.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use frame::{Frame, InputSize, NetworkInput, PixelFormat, Preprocessor, Size};

const SIZES: [Size; 3] = [
    Size::new(640, 480),
    Size::new(1280, 720),
    Size::new(1920, 1080),
];

const FORMATS: [PixelFormat; 6] = [
    PixelFormat::Rgb8,
    PixelFormat::Bgr8,
    PixelFormat::Grey8,
    PixelFormat::Yuyv,
    PixelFormat::Nv12,
    PixelFormat::I420,
];

/// A frame of noise without row padding.
fn noise(size: Size, pixel_format: PixelFormat) -> Frame {
    let stride = pixel_format.min_stride(size.width);
    let mut state = 1u32;
    let data = (0..pixel_format.min_bytes(size, stride))
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    Frame {
        size,
        stride,
        pixel_format,
        data,
        ..Frame::empty()
    }
}

fn letterbox(c: &mut Criterion) {
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    for size in SIZES {
        let mut group = c.benchmark_group(format!("letterbox {size}"));
        group.throughput(Throughput::Elements(size.pixels() as u64));
        for format in FORMATS {
            let frame = noise(size, format);
            let mut preprocessor = Preprocessor::new();
            let id = BenchmarkId::from_parameter(format!("{format:?}"));
            group.bench_with_input(id, &frame, |b, frame| {
                b.iter(|| preprocessor.letterbox(black_box(frame), &mut input));
            });
        }
    }
}

criterion_group!(benches, letterbox);
criterion_main!(benches);
