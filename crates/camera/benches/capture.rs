//! How long a picture takes from what a camera sends to the network's input: Motion JPEG, whole and
//! at scale, with what other decoders need for it, and the raw formats.

#![expect(
    clippy::expect_used,
    reason = "a bench without its pictures has nothing to do"
)]

use std::hint::black_box;

use camera::mjpeg::Decoder;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use frame::{Frame, InputSize, NetworkInput, PixelFormat, Preprocessor, Size};

#[path = "../tests/support/jpeg.rs"]
mod jpeg;

const SIZES: [Size; 2] = [Size::new(1280, 720), Size::new(1920, 1080)];

fn mjpeg(c: &mut Criterion) {
    for size in SIZES {
        let picture = jpeg::picture(size);
        let mut group = c.benchmark_group(format!("mjpeg {size}"));
        group.throughput(Throughput::Elements(size.pixels() as u64));
        let mut input = NetworkInput::new(InputSize::DEFAULT);
        for sampling in [jpeg::Sampling::F_2_1, jpeg::Sampling::F_2_2] {
            let bytes = jpeg::encode(&picture, size, sampling);
            let name = jpeg::name(sampling);
            for (how, network) in [("at scale", Some(InputSize::DEFAULT)), ("whole", None)] {
                let mut decoder = Decoder::new(size, network);
                let mut frame = Frame::empty();
                let id = BenchmarkId::new(format!("decode {how}"), name);
                group.bench_function(id, |b| {
                    b.iter(|| decoder.decode(black_box(&bytes), &mut frame));
                });
                let mut preprocessor = Preprocessor::new();
                let id = BenchmarkId::new(format!("to the input, {how}"), name);
                group.bench_function(id, |b| {
                    b.iter(|| {
                        let decoded = decoder.decode(black_box(&bytes), &mut frame);
                        (decoded, preprocessor.letterbox(&frame, &mut input))
                    });
                });
            }
            let id = BenchmarkId::new("to the input, image crate", name);
            let mut preprocessor = Preprocessor::new();
            group.bench_function(id, |b| {
                b.iter(|| {
                    let frame = jpeg::decode_with_image(black_box(&bytes));
                    preprocessor.letterbox(&frame, &mut input)
                });
            });
        }
    }
}

fn raw(c: &mut Criterion) {
    use PixelFormat::{Bgr8, Grey8, I420, Nv12, Rgb8, Yuyv};
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    for size in SIZES {
        let mut group = c.benchmark_group(format!("raw {size}"));
        group.throughput(Throughput::Elements(size.pixels() as u64));
        for pixel_format in [Yuyv, Nv12, I420, Rgb8, Bgr8, Grey8] {
            let stride = pixel_format.min_stride(size.width);
            let bytes = pixel_format.min_bytes(size, stride);
            let buffer: Vec<u8> = (0..bytes).map(|i| (i * 7 / 5) as u8).collect();
            let mut frame = Frame {
                size,
                stride,
                pixel_format,
                ..Frame::empty()
            };
            let mut preprocessor = Preprocessor::new();
            let id = BenchmarkId::from_parameter(format!("{pixel_format:?}"));
            group.bench_function(id, |b| {
                b.iter(|| {
                    // As it is copied from a mapped buffer.
                    frame.data.clear();
                    frame.data.extend_from_slice(black_box(&buffer));
                    preprocessor.letterbox(&frame, &mut input)
                });
            });
        }
    }
}

criterion_group!(benches, mjpeg, raw);
criterion_main!(benches);
