//! Painted frames in every format, and frames of any size and stride.

use proptest::prelude::*;

use super::*;
use crate::{InputSize, PixelFormat, Size};

const FORMATS: [PixelFormat; 6] = [
    PixelFormat::Rgb8,
    PixelFormat::Bgr8,
    PixelFormat::Grey8,
    PixelFormat::Yuyv,
    PixelFormat::Nv12,
    PixelFormat::I420,
];

/// A frame whose pixel at column `x`, row `y` is `paint(x, y)`: red, green, blue or Y, U, V. Row
/// padding is filled with `0xEE`. Where pixels share chroma, the last one painted wins.
fn painted(
    pixel_format: PixelFormat,
    size: Size,
    stride: usize,
    paint: impl Fn(usize, usize) -> [u8; 3],
) -> Frame {
    let (width, height) = (size.width as usize, size.height as usize);
    let mut data = vec![0xEE; pixel_format.min_bytes(size, stride)];
    let (chroma_stride, chroma_rows) = (stride / 2, height.div_ceil(2));
    for y in 0..height {
        for x in 0..width {
            let [a, b, c] = paint(x, y);
            let row = y * stride;
            match pixel_format {
                PixelFormat::Rgb8 => data[row + 3 * x..][..3].copy_from_slice(&[a, b, c]),
                PixelFormat::Bgr8 => data[row + 3 * x..][..3].copy_from_slice(&[c, b, a]),
                PixelFormat::Grey8 => data[row + x] = a,
                PixelFormat::Yuyv => {
                    data[row + 2 * x] = a;
                    data[row + x / 2 * 4 + 1] = b;
                    data[row + x / 2 * 4 + 3] = c;
                }
                PixelFormat::Nv12 => {
                    data[row + x] = a;
                    let chroma = (height + y / 2) * stride + x / 2 * 2;
                    data[chroma..chroma + 2].copy_from_slice(&[b, c]);
                }
                PixelFormat::I420 => {
                    data[row + x] = a;
                    let chroma = height * stride + y / 2 * chroma_stride + x / 2;
                    data[chroma] = b;
                    data[chroma + chroma_rows * chroma_stride] = c;
                }
            }
        }
    }
    let frame = Frame {
        size,
        stride,
        pixel_format,
        data,
        ..Frame::empty()
    };
    assert_eq!(frame.validate(), Ok(()));
    frame
}

/// The input, which has to be the same with each set of vector instructions that this processor has.
fn letterboxed(frame: &Frame) -> NetworkInput {
    letterboxed_into(InputSize::DEFAULT, frame)
}

/// The same in an input of this size.
fn letterboxed_into(size: InputSize, frame: &Frame) -> NetworkInput {
    let mut input = NetworkInput::new(size);
    let letterbox = Preprocessor::new().letterbox(frame, &mut input).unwrap();
    for level in lesser_levels() {
        let mut other = NetworkInput::new(size);
        let mut preprocessor = Preprocessor::new();
        dispatch!(level, _ => preprocessor.fill(frame, &letterbox, other.bytes_mut()));
        assert!(other == input, "{level:?} and {:?} differ", Level::new());
    }
    input
}

/// Sets of vector instructions below the one that is chosen.
fn lesser_levels() -> Vec<Level> {
    #[cfg(target_arch = "x86_64")]
    let levels = {
        let best = Level::new();
        [
            best.as_sse2().map(Level::Sse2),
            best.as_sse4_2().map(Level::Sse4_2),
            best.as_avx2().map(Level::Avx2),
        ]
    };
    #[cfg(not(target_arch = "x86_64"))]
    let levels: [Option<Level>; 0] = [];
    levels.into_iter().flatten().collect()
}

fn pixel(input: &NetworkInput, x: usize, y: usize) -> [u8; 3] {
    input.pixels()[y * input.size().width() as usize + x]
}

/// BT.601, limited range, in real numbers.
fn bt601([y, u, v]: [u8; 3]) -> [f64; 3] {
    let y = (f64::from(y) - 16.0) / 219.0;
    let (u, v) = (
        (f64::from(u) - 128.0) / 224.0,
        (f64::from(v) - 128.0) / 224.0,
    );
    [
        y + 1.402 * v,
        y - 0.114 / 0.587 * 1.772 * u - 0.299 / 0.587 * 1.402 * v,
        y + 1.772 * u,
    ]
    .map(|level| (level * 255.0).clamp(0.0, 255.0))
}

#[test]
fn a_gain_of_one_copies_and_pads() {
    let paint = |x: usize, y: usize| [x as u8, y as u8, (x >> 8 | y >> 8 << 4) as u8];
    for format in [PixelFormat::Rgb8, PixelFormat::Bgr8] {
        let input = letterboxed(&painted(format, Size::new(640, 427), 1923, paint));
        for y in 0..640usize {
            for x in 0..640 {
                // 213 rows remain: 106 above, 107 below.
                let expected = match y.checked_sub(106) {
                    Some(y) if y < 427 => paint(x, y),
                    _ => [114; 3],
                };
                assert_eq!(pixel(&input, x, y), expected, "{format:?} at {x}, {y}");
            }
        }
    }
}

#[test]
fn columns_beside_a_portrait_are_padded() {
    let frame = painted(PixelFormat::Rgb8, Size::new(720, 1280), 2160, |_, _| [9; 3]);
    let input = letterboxed(&frame);
    for y in [0, 320, 639] {
        let row: Vec<_> = (0..640).map(|x| pixel(&input, x, y)[0]).collect();
        assert!(row[..140].iter().all(|&level| level == 114), "row {y}");
        assert!(row[140..500].iter().all(|&level| level == 9), "row {y}");
        assert!(row[500..].iter().all(|&level| level == 114), "row {y}");
    }
}

#[test]
fn a_buffer_used_before_is_written_whole() {
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    input.bytes_mut().fill(7);
    let mut preprocessor = Preprocessor::new();
    for size in [Size::new(33, 47), Size::new(47, 33), Size::new(640, 3)] {
        let frame = painted(PixelFormat::Grey8, size, 700, |_, _| [200; 3]);
        preprocessor.letterbox(&frame, &mut input).unwrap();
        assert!(
            input
                .bytes()
                .iter()
                .all(|&level| level == 114 || level == 200)
        );
        assert!(input == letterboxed(&frame));
    }
}

/// What one frame leaves in the caches is not seen in the next.
#[test]
fn frames_of_one_size_do_not_mix() {
    let mut preprocessor = Preprocessor::new();
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    for level in [10, 240] {
        let size = Size::new(1000, 700);
        let frame = painted(PixelFormat::Rgb8, size, 3000, |_, _| [level; 3]);
        preprocessor.letterbox(&frame, &mut input).unwrap();
        assert_eq!(pixel(&input, 0, 96), [level; 3]);
        assert_eq!(pixel(&input, 639, 543), [level; 3]);
    }
}

#[test]
fn yuv_colours() {
    let cases = [
        ("black", [16, 128, 128], [0, 0, 0]),
        ("white", [235, 128, 128], [255, 255, 255]),
        ("grey", [126, 128, 128], [128, 128, 128]),
        ("red", [81, 90, 240], [254, 0, 0]),
        ("green", [145, 54, 34], [0, 255, 1]),
        ("blue", [41, 240, 110], [0, 0, 255]),
        ("below black", [0, 128, 128], [0, 0, 0]),
        ("above white", [255, 128, 128], [255, 255, 255]),
    ];
    for format in [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::I420] {
        for (name, yuv, expected) in cases {
            let frame = painted(format, Size::new(3, 3), 8, |_, _| yuv);
            let mut rgb = Vec::new();
            Preprocessor::new().to_rgb(&frame, &mut rgb).unwrap();
            let first: [u8; 3] = rgb[..3].try_into().unwrap();
            let close = first.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1);
            assert!(close, "{format:?} {name}: {first:?}, expected {expected:?}");
            assert!(rgb.chunks(3).all(|pixel| pixel == first), "{name}");
        }
    }
}

#[test]
fn yuv_is_within_one_level_of_bt601() {
    let levels = || (0..=255u8).step_by(5).chain([1, 127, 128, 129, 254]);
    let size = Size::new(112, 1);
    for u in levels() {
        for v in levels() {
            let lumas: Vec<u8> = levels().flat_map(|y| [y, y]).collect();
            let frame = painted(PixelFormat::Yuyv, size, 224, |x, _| [lumas[x], u, v]);
            let mut rgb = Vec::new();
            Preprocessor::new().to_rgb(&frame, &mut rgb).unwrap();
            for (found, &y) in rgb.chunks(3).zip(&lumas) {
                for (&found, expected) in found.iter().zip(bt601([y, u, v])) {
                    let difference = (f64::from(found) - expected).abs();
                    assert!(difference < 1.0, "{y} {u} {v}: {found} for {expected}");
                }
            }
        }
    }
}

#[test]
fn each_pixel_takes_the_chroma_it_shares() {
    // Chroma of a colour per 2 x 2 block, on odd sides: the last column and row have their own.
    let block = |x: usize, y: usize| [120, 40 + 60 * (x / 2) as u8, 200 - 50 * (y / 2) as u8];
    for format in [PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::I420] {
        let frame = painted(format, Size::new(5, 5), 13, block);
        let mut rgb = Vec::new();
        Preprocessor::new().to_rgb(&frame, &mut rgb).unwrap();
        let at = |x: usize, y: usize| &rgb[3 * (5 * y + x)..][..3];
        for y in 0..5 {
            for x in 0..5 {
                for (&found, expected) in at(x, y).iter().zip(bt601(block(x, y))) {
                    assert!(
                        (f64::from(found) - expected).abs() < 1.0,
                        "{format:?} {x} {y}"
                    );
                }
            }
        }
        assert_eq!(at(0, 0), at(1, 0), "{format:?}");
        assert_ne!(at(1, 0), at(2, 0), "{format:?}");
    }
}

#[test]
fn an_invalid_frame_leaves_the_output_alone() {
    let frame = Frame::empty();
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    input.bytes_mut().fill(7);
    let mut rgb = vec![7; 5];
    let mut preprocessor = Preprocessor::new();
    assert!(preprocessor.letterbox(&frame, &mut input).is_err());
    assert!(preprocessor.to_rgb(&frame, &mut rgb).is_err());
    assert!(input.bytes().iter().all(|&byte| byte == 7));
    assert_eq!(rgb, [7; 5]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever `validate` lets through is read within its buffer, and the letterbox of a frame
    /// equals the letterbox of its RGB picture.
    #[test]
    fn any_valid_frame_is_read_in_bounds(
        format in proptest::sample::select(FORMATS.to_vec()),
        width in 1u32..200, height in 1u32..200, extra in 0usize..9, seed: u8,
    ) {
        let size = Size::new(width, height);
        let stride = format.min_stride(width) + extra;
        let frame = painted(format, size, stride, |x, y| {
            [x as u8 ^ seed, y as u8, (x * y) as u8 ^ seed]
        });
        let mut rgb = Vec::new();
        Preprocessor::new().to_rgb(&frame, &mut rgb).unwrap();
        prop_assert_eq!(rgb.len(), size.pixels() * 3);
        let picture = Frame {
            size,
            stride: PixelFormat::Rgb8.min_stride(width),
            data: rgb,
            ..Frame::empty()
        };
        prop_assert!(letterboxed(&frame) == letterboxed(&picture));
    }
}

/// An input made plainly: padding, and bilinear samples at half-pixel centres in real numbers.
fn plainly(rgb: &[[u8; 3]], from: Size, input: InputSize) -> Vec<[f64; 3]> {
    let letterbox = Letterbox::fit(from, input);
    let Letterbox {
        resized, left, top, ..
    } = letterbox;
    let tap = |i: u32, from: u32, to: u32| {
        let at = (f64::from(i) + 0.5) * f64::from(from) / f64::from(to) - 0.5;
        let clamp = |at: f64| at.clamp(0.0, f64::from(from - 1)) as usize;
        (clamp(at.floor()), clamp(at.floor() + 1.0), at - at.floor())
    };
    let mut pixels = Vec::with_capacity(input.size().pixels());
    for y in 0..input.height() {
        for x in 0..input.width() {
            let inside = (left..left + resized.width).contains(&x)
                && (top..top + resized.height).contains(&y);
            if !inside {
                pixels.push([f64::from(PAD_VALUE); 3]);
                continue;
            }
            let (x0, x1, wx) = tap(x - left, from.width, resized.width);
            let (y0, y1, wy) = tap(y - top, from.height, resized.height);
            pixels.push([0, 1, 2].map(|channel| {
                let at = |x: usize, y: usize| f64::from(rgb[y * from.width as usize + x][channel]);
                let upper = at(x0, y0) * (1.0 - wx) + at(x1, y0) * wx;
                let lower = at(x0, y1) * (1.0 - wx) + at(x1, y1) * wx;
                upper * (1.0 - wy) + lower * wy
            }));
        }
    }
    pixels
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Weights of 11 bits and their rounding are within a grey level of the real numbers; cv2's own
    /// answers say what is right to the bit (`tests/resize.rs`), and the arithmetic is the same.
    #[test]
    fn inputs_of_any_size_are_bilinear(
        (columns, rows) in prop_oneof![
            Just((10, 10)), Just((16, 16)), Just((20, 12)), Just((12, 20)), Just((32, 32)),
            (1u32..12, 1u32..12),
        ],
        width in 1u32..400, height in 1u32..400, seed: u8,
    ) {
        let input = InputSize::new(32 * columns, 32 * rows).unwrap();
        let size = Size::new(width, height);
        let frame = painted(PixelFormat::Rgb8, size, 3 * width as usize, |x, y| {
            [(x * 5) as u8 ^ seed, (y * 3) as u8, ((x + y) * 7) as u8]
        });
        let found = letterboxed_into(input, &frame);
        let expected = plainly(frame.data.as_chunks().0, size, input);
        for (place, (found, expected)) in found.pixels().iter().zip(&expected).enumerate() {
            for (&found, expected) in found.iter().zip(expected) {
                let difference = (f64::from(found) - expected).abs();
                prop_assert!(difference < 1.0, "{} at {place}: {found} for {expected}", input);
            }
        }
    }
}

#[test]
fn inputs_of_several_sizes_take_turns() {
    let frame = painted(PixelFormat::I420, Size::new(200, 150), 200, |x, y| {
        [(x + y) as u8, x as u8, y as u8]
    });
    let mut preprocessor = Preprocessor::new();
    for (width, height) in [(640, 384), (320, 320), (640, 384), (1280, 1280)] {
        let size = InputSize::new(width, height).unwrap();
        let mut input = NetworkInput::new(size);
        let letterbox = preprocessor.letterbox(&frame, &mut input).unwrap();
        assert_eq!(letterbox, Letterbox::fit(frame.size, size));
        assert!(input == letterboxed_into(size, &frame), "{size}");
    }
}

#[test]
fn a_frame_that_was_decoded_smaller_lies_where_the_whole_one_would() {
    // The size taken, and the size in the buffer.
    let cases = [
        (Size::new(1280, 720), Size::new(640, 360)),
        (Size::new(1920, 1080), Size::new(960, 540)),
        (Size::new(1640, 1232), Size::new(820, 616)),
        (Size::new(3840, 2160), Size::new(960, 540)),
    ];
    for (full, decoded) in cases {
        let frame = Frame {
            scaled_from: Some(full),
            ..painted(
                PixelFormat::Grey8,
                decoded,
                decoded.width as usize,
                |_, _| [9; 3],
            )
        };
        let mut input = NetworkInput::new(InputSize::DEFAULT);
        let letterbox = Preprocessor::new().letterbox(&frame, &mut input).unwrap();
        assert_eq!(letterbox, Letterbox::fit(full, InputSize::DEFAULT));
        let Letterbox {
            resized, left, top, ..
        } = letterbox;
        for y in 0..640 {
            for x in 0..640 {
                let inside = (left..left + resized.width).contains(&x)
                    && (top..top + resized.height).contains(&y);
                let expected = if inside { 9 } else { PAD_VALUE };
                assert_eq!(
                    pixel(&input, x as usize, y as usize),
                    [expected; 3],
                    "{full} at {x}, {y}"
                );
            }
        }
    }
    let impossible = Frame {
        scaled_from: Some(Size::new(0, 720)),
        ..painted(PixelFormat::Grey8, Size::new(4, 4), 4, |_, _| [9; 3])
    };
    assert_eq!(
        impossible.validate(),
        Err(FrameError::Size(Size::new(0, 720)))
    );
}
