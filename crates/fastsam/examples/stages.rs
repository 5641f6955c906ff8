//! Every stage once, on fixed inputs, for `scripts/count-instructions`.
//!
//! Each stage runs once to let its buffers grow, and once between [`begin`] and [`end`], at which
//! the script has callgrind set its counters to zero and write them down. The stages' names go to
//! stdout in that order.

#![expect(
    clippy::print_stdout,
    reason = "the names are what this program is asked for"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use frame::{Frame, InputSize, NetworkInput, PixelFormat, Preprocessor, Size};
use support::scene::{Mix, Random};
use support::stages::Stages;

const HD: Size = Size::new(1280, 720);
const FULL_HD: Size = Size::new(1920, 1080);
/// Its padding is odd: two knots per prototype.
const ODD: Size = Size::new(1640, 1232);

fn main() {
    for (name, size, mix) in [
        ("720p mixed", HD, Mix::Published),
        ("720p u8", HD, Mix::U8),
        ("720p u16", HD, Mix::U16),
        ("1080p u8", FULL_HD, Mix::U8),
        ("1640x1232 u8", ODD, Mix::U8),
    ] {
        segmentation(name, size, mix);
    }
    for (name, size) in [("720p", HD), ("1080p", FULL_HD)] {
        for format in [
            PixelFormat::Rgb8,
            PixelFormat::Bgr8,
            PixelFormat::Grey8,
            PixelFormat::Yuyv,
            PixelFormat::Nv12,
            PixelFormat::I420,
        ] {
            preprocessing(&format!("letterbox {name} {format:?}"), size, format);
        }
    }
}

/// Called before what is counted.
#[inline(never)]
fn begin() {
    let _ = black_box("begin");
}

/// Called after what is counted.
#[inline(never)]
fn end() {
    let _ = black_box("end");
}

fn count(name: &str, mut work: impl FnMut()) {
    work();
    begin();
    work();
    end();
    println!("{name}");
}

/// A hundred objects, from tensors to encodings.
fn segmentation(name: &str, size: Size, mix: Mix) {
    let mut scene = Stages::new(size, mix, 100);
    for (stage_name, stage) in Stages::ALL {
        count(&format!("{stage_name} {name}"), || {
            stage(black_box(&mut scene))
        });
    }
}

/// A frame of noise to network input.
fn preprocessing(name: &str, size: Size, pixel_format: PixelFormat) {
    let stride = pixel_format.min_stride(size.width);
    let mut random = Random(1);
    let frame = Frame {
        size,
        stride,
        pixel_format,
        data: (0..pixel_format.min_bytes(size, stride))
            .map(|_| random.bits() as u8)
            .collect(),
        ..Frame::empty()
    };
    let mut preprocessor = Preprocessor::new();
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    count(name, || {
        let letterbox = preprocessor.letterbox(black_box(&frame), &mut input);
        assert!(letterbox.is_ok(), "{letterbox:?}");
    });
}
