//! Frames of any format, size, stride and buffer: letterboxed, or refused.

#![no_main]

use std::cell::RefCell;

use arbitrary::Arbitrary;
use frame::{Frame, InputSize, NetworkInput, PixelFormat, Preprocessor, Size};
use libfuzzer_sys::fuzz_target;

const FORMATS: [PixelFormat; 6] = [
    PixelFormat::Rgb8,
    PixelFormat::Bgr8,
    PixelFormat::Grey8,
    PixelFormat::Yuyv,
    PixelFormat::Nv12,
    PixelFormat::I420,
];

/// Larger buffers only take longer.
const MAX_BYTES: usize = 4 << 20;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// Columns and rows of the network's input, in 32 pixels.
    network: [u8; 2],
    width: u16,
    height: u16,
    format: u8,
    stride: Stride,
    length: Length,
    /// What the buffer is made of, again and again.
    pattern: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum Stride {
    Least,
    More(u8),
    Any(usize),
}

#[derive(Arbitrary, Debug)]
enum Length {
    Least,
    More(u8),
    Less(u8),
    Pattern,
}

thread_local! {
    static REUSED: RefCell<(Preprocessor, NetworkInput)> =
        RefCell::new((Preprocessor::new(), NetworkInput::new(InputSize::DEFAULT)));
}

fuzz_target!(|input: Input<'_>| {
    let pixel_format = FORMATS[usize::from(input.format) % FORMATS.len()];
    let size = Size::new(input.width.into(), input.height.into());
    let least = pixel_format.min_stride(size.width);
    let stride = match input.stride {
        Stride::Least => least,
        Stride::More(more) => least + usize::from(more),
        Stride::Any(any) => any,
    };
    let least = pixel_format.min_bytes(size, stride);
    let length = match input.length {
        Length::Least => least,
        Length::More(more) => least.saturating_add(more.into()),
        Length::Less(less) => least.saturating_sub(less.into()),
        Length::Pattern => input.pattern.len(),
    };
    if length > MAX_BYTES || length > 0 && input.pattern.is_empty() {
        return;
    }
    let frame = Frame {
        size,
        stride,
        pixel_format,
        data: input.pattern.iter().copied().cycle().take(length).collect(),
        ..Frame::empty()
    };
    let valid = frame.validate();
    assert!(length >= least || valid.is_err());
    let [width, height] = input.network.map(|side| 32 * (1 + u32::from(side) % 40));
    let network = InputSize::new(width, height).expect("multiples of 32 up to 1280");
    REUSED.with_borrow_mut(|(preprocessor, network_input)| {
        if network_input.size() != network {
            *network_input = NetworkInput::new(network);
        }
        let letterboxed = preprocessor.letterbox(&frame, network_input);
        assert_eq!(letterboxed.is_ok(), valid.is_ok());
        // In a frame of one colour there is no other, but for the padding's.
        if letterboxed.is_ok() && frame.pixel_format == PixelFormat::Rgb8 {
            if let [grey] = input.pattern {
                let expected = |byte: &u8| byte == grey || *byte == frame::PAD_VALUE;
                assert!(network_input.bytes().iter().all(expected));
            }
        }
        let mut rgb = Vec::new();
        if preprocessor.to_rgb(&frame, &mut rgb).is_ok() {
            assert_eq!(rgb.len(), size.pixels() * 3);
        }
    });
});
