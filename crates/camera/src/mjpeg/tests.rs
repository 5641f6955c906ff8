//! Pictures of another crate's encoder against another crate's decoder, and what cameras and bad
//! cables make of them.

use frame::{FrameError, Preprocessor};
use jpeg_encoder::{ColorType, Encoder};
use proptest::prelude::*;

use super::*;

#[path = "../../tests/support/jpeg.rs"]
mod jpeg;

use jpeg::Sampling;

const SAMPLINGS: [Sampling; 4] = [
    Sampling::F_1_1,
    Sampling::F_2_1,
    Sampling::F_1_2,
    Sampling::F_2_2,
];

fn decode(bytes: &[u8], full_size: bool) -> Result<Frame, CameraError> {
    let mut frame = Frame::empty();
    Decoder::new(MAX_SIZE, input_unless(full_size)).decode(bytes, &mut frame)?;
    assert_eq!(frame.validate(), Ok::<_, FrameError>(()));
    Ok(frame)
}

/// What pictures are decoded for.
fn input_unless(full_size: bool) -> Option<InputSize> {
    (!full_size).then_some(InputSize::DEFAULT)
}

fn cause(result: Result<Frame, CameraError>) -> String {
    match result {
        Err(CameraError::BadFrame { cause }) => cause,
        other => panic!("expected a bad frame, got {other:?}"),
    }
}

fn small(sampling: Sampling) -> Vec<u8> {
    let size = Size::new(50, 35);
    jpeg::encode(&jpeg::picture(size), size, sampling)
}

/// Luma, Cb and Cr in limited range of a part of an RGB frame, averaged.
fn mean_ycc(rgb: &Frame, x: usize, y: usize, side: usize) -> [f64; 3] {
    let (width, height) = (rgb.size.width as usize, rgb.size.height as usize);
    let mut sum = [0.0; 3];
    let mut count = 0.0;
    for y in y..(y + side).min(height) {
        for x in x..(x + side).min(width) {
            let [r, g, b] = [0, 1, 2].map(|c| f64::from(rgb.data[3 * (y * width + x) + c]) / 255.0);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            sum[0] += 16.0 + 219.0 * luma;
            sum[1] += 128.0 + 224.0 * (b - luma) / 1.772;
            sum[2] += 128.0 + 224.0 * (r - luma) / 1.402;
            count += 1.0;
        }
    }
    sum.map(|sum| sum / count)
}

/// The mean and the largest difference between each plane and the mean of the reference's pixels
/// that its samples stand for.
fn differences(frame: &Frame, reference: &Frame) -> [(f64, f64); 3] {
    let (width, height) = (frame.size.width as usize, frame.size.height as usize);
    let shrink = (reference.size.width / frame.size.width) as usize;
    let chroma_stride = frame.stride / 2;
    let chroma_bytes = chroma_stride * height.div_ceil(2);
    let mut found = [(0.0, 0.0); 3];
    for (plane, found) in found.iter_mut().enumerate() {
        let (start, stride, step) = match plane {
            0 => (0, frame.stride, 1),
            _ => (
                height * frame.stride + (plane - 1) * chroma_bytes,
                chroma_stride,
                2,
            ),
        };
        let (columns, rows) = (width.div_ceil(step), height.div_ceil(step));
        for y in 0..rows {
            for x in 0..columns {
                let side = step * shrink;
                let expected = mean_ycc(reference, x * side, y * side, side)[plane];
                let off = (f64::from(frame.data[start + y * stride + x]) - expected).abs();
                found.0 += off / (columns * rows) as f64;
                found.1 = f64::max(found.1, off);
            }
        }
    }
    found
}

#[test]
fn whole_pictures_are_those_that_another_decoder_sees() {
    for size in [Size::new(64, 48), Size::new(173, 91)] {
        for sampling in SAMPLINGS {
            let bytes = jpeg::encode(&jpeg::picture(size), size, sampling);
            let frame = decode(&bytes, true).unwrap();
            assert_eq!((frame.size, frame.scaled_from), (size, None));
            let [luma, cb, cr] = differences(&frame, &jpeg::decode_with_image(&bytes));
            let name = jpeg::name(sampling);
            // Rounding to 8 bits happens twice, and colours out of range are cut.
            assert!(luma.0 < 0.6 && luma.1 < 8.0, "{size} {name}: luma {luma:?}");
            // The other decoder blends chroma between samples.
            assert!(cb.0 < 1.5 && cr.0 < 1.5, "{size} {name}: {cb:?}, {cr:?}");
        }
    }
}

#[test]
fn pictures_at_scale_are_whole_ones_shrunk() {
    // Sizes whose letterbox leaves room for a half, a quarter and an eighth.
    let cases = [
        (Size::new(1280, 720), 2),
        (Size::new(1920, 1080), 2),
        (Size::new(2560, 64), 4),
        (Size::new(5120, 64), 8),
    ];
    for (size, shrink) in cases {
        let picture = jpeg::picture(size);
        for sampling in SAMPLINGS {
            let bytes = jpeg::encode(&picture, size, sampling);
            let frame = decode(&bytes, false).unwrap();
            let subsampled = matches!(sampling, Sampling::F_2_2);
            let shrink = if subsampled { shrink } else { shrink.min(4) };
            let expected = Size::new(size.width / shrink, size.height / shrink);
            assert_eq!((frame.size, frame.scaled_from), (expected, Some(size)));
            let found = differences(&frame, &jpeg::decode_with_image(&bytes));
            let name = jpeg::name(sampling);
            // Low frequencies are not quite the mean of pixels.
            for (mean, _) in found {
                assert!(mean < 2.0, "{size} {name}: {found:?}");
            }
        }
    }
}

#[test]
fn flat_colours_come_out_as_they_went_in() {
    let size = Size::new(1280, 720);
    for colour in [
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255; 3],
        [0; 3],
        [90, 120, 60],
    ] {
        let rgb = colour.repeat(size.pixels());
        for sampling in SAMPLINGS {
            let bytes = jpeg::encode(&rgb, size, sampling);
            for full_size in [false, true] {
                let frame = decode(&bytes, full_size).unwrap();
                let mut found = Vec::new();
                Preprocessor::new().to_rgb(&frame, &mut found).unwrap();
                for pixel in found.as_chunks::<3>().0 {
                    let off = pixel.iter().zip(colour).map(|(a, b)| a.abs_diff(b)).max();
                    assert!(off <= Some(4), "{pixel:?} for {colour:?}");
                }
            }
        }
    }
}

#[test]
fn how_far_a_picture_may_be_shrunk() {
    let cases = [
        ("the input's width", Size::new(640, 480), 1),
        ("between", Size::new(1024, 768), 1),
        ("720p", Size::new(1280, 720), 2),
        ("1080p", Size::new(1920, 1080), 2),
        ("4:3", Size::new(2592, 1944), 4),
        ("4K", Size::new(3840, 2160), 4),
        ("8K", Size::new(7680, 4320), 8),
        ("portrait", Size::new(720, 1280), 2),
        ("an odd width", Size::new(1281, 720), 1),
        ("an odd height", Size::new(1280, 721), 1),
        ("halves but no quarters", Size::new(2562, 1442), 2),
        ("tiny", Size::new(1, 1), 1),
    ];
    for (name, size, shrink) in cases {
        assert_eq!(shrink_for(size, InputSize::DEFAULT), shrink, "{name}");
    }
    let cases = [
        ("720p, small", (1280, 720), (320, 320), 4),
        ("720p, wide", (1280, 720), (640, 384), 2),
        ("720p, large", (1280, 720), (1024, 1024), 1),
        ("1080p, large", (1920, 1080), (1280, 1280), 1),
        ("4K, large", (3840, 2160), (1280, 1280), 2),
        ("4:3, wide", (1280, 960), (640, 320), 2),
    ];
    for (name, size, input, shrink) in cases {
        let input = InputSize::new(input.0, input.1).unwrap();
        let size = Size::new(size.0, size.1);
        assert_eq!(shrink_for(size, input), shrink, "{name}");
    }
}

/// Markers, each with its segment, up to the scan.
fn segments(bytes: &[u8]) -> Vec<(usize, u8, usize)> {
    let mut found = Vec::new();
    let mut at = 2;
    while bytes[at + 1] != 0xDA {
        let length = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
        found.push((at, bytes[at + 1], 2 + length));
        at += 2 + length;
    }
    found
}

#[test]
fn huffman_tables_that_are_left_out_are_the_typical_ones() {
    for sampling in SAMPLINGS {
        let whole = small(sampling);
        let mut bare = whole.clone();
        for (at, marker, length) in segments(&whole).into_iter().rev() {
            if marker == 0xC4 {
                bare.drain(at..at + length);
            }
        }
        assert!(bare.len() + 400 < whole.len());
        let expected = decode(&whole, true).unwrap();
        assert_eq!(decode(&bare, true).unwrap().data, expected.data);
    }
}

#[test]
fn the_cameras_own_picture_is_one_that_any_program_reads() {
    let whole = small(Sampling::F_2_2);
    let mut bare = whole.clone();
    for (at, marker, length) in segments(&whole).into_iter().rev() {
        if marker == 0xC4 {
            bare.drain(at..at + length);
        }
    }
    let expected = jpeg::decode_with_image(&whole);
    let mut decoder = Decoder::new(MAX_SIZE, None);
    let mut frame = Frame::empty();
    decoder.decode(&whole, &mut frame).unwrap();
    assert_eq!(frame.jpeg, None, "nobody wants it");
    for sent in [&whole, &bare] {
        // What follows the end is no part of it.
        let padded = [sent.as_slice(), &[0; 100]].concat();
        frame.jpeg = Some(Vec::new());
        decoder.decode(&padded, &mut frame).unwrap();
        let own = frame.jpeg.take().unwrap();
        assert!(own.ends_with(&[0xFF, 0xD9]));
        assert_eq!(jpeg::decode_with_image(&own).data, expected.data);
        if sent == &whole {
            assert_eq!(own, whole, "byte by byte");
        }
    }
}

#[test]
fn tables_of_one_picture_are_not_those_of_the_next() {
    let mut optimized = Vec::new();
    let mut encoder = Encoder::new(&mut optimized, 80);
    encoder.set_optimized_huffman_tables(true);
    let slope: Vec<u8> = (0..48 * 32).map(|i| (i % 251) as u8).collect();
    encoder.encode(&slope, 48, 32, ColorType::Luma).unwrap();
    let mut bare = small(Sampling::F_2_2);
    for (at, marker, length) in segments(&bare.clone()).into_iter().rev() {
        if marker == 0xC4 {
            bare.drain(at..at + length);
        }
    }
    let expected = decode(&bare, true).unwrap();
    let mut decoder = Decoder::new(MAX_SIZE, None);
    let mut frame = Frame::empty();
    decoder.decode(&optimized, &mut frame).unwrap();
    decoder.decode(&bare, &mut frame).unwrap();
    assert_eq!(frame.data, expected.data);
}

fn with_restarts(interval: u16) -> Vec<u8> {
    let size = Size::new(200, 64);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(Sampling::F_2_1);
    encoder.set_restart_interval(interval);
    encoder
        .encode(&jpeg::picture(size), 200, 64, ColorType::Rgb)
        .unwrap();
    bytes
}

#[test]
fn restarts_change_nothing_and_must_be_there() {
    let expected = decode(&with_restarts(0), true).unwrap();
    for interval in [1, 5, 13] {
        let bytes = with_restarts(interval);
        assert_eq!(decode(&bytes, true).unwrap().data, expected.data);
        let at = bytes
            .windows(2)
            .rposition(|pair| pair == [0xFF, 0xD3])
            .unwrap();
        let mut wrong = bytes.clone();
        wrong[at + 1] = 0xD4;
        let cause = cause(decode(&wrong, true));
        assert!(cause.contains("FF D3 is missing"), "{cause}");
    }
}

#[test]
fn pictures_without_colour_stay_grey() {
    let size = Size::new(1280, 720);
    let grey: Vec<u8> = (0..size.pixels()).map(|i| (i % 1280 / 6) as u8).collect();
    let mut bytes = Vec::new();
    Encoder::new(&mut bytes, 90)
        .encode(&grey, 1280, 720, ColorType::Luma)
        .unwrap();
    let frame = decode(&bytes, false).unwrap();
    assert_eq!(frame.pixel_format, PixelFormat::Grey8);
    assert_eq!(frame.size, Size::new(640, 360));
    for x in 0..640 {
        let expected = (2 * x / 6) as u8;
        assert!(
            frame.data[100 * frame.stride + x].abs_diff(expected) <= 2,
            "{x}"
        );
    }
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    for sampling in SAMPLINGS {
        let bytes = small(sampling);
        assert!(decode(&bytes, true).is_ok());
        for length in 0..bytes.len() {
            let result = decode(&bytes[..length], true);
            assert!(result.is_err(), "{length} of {} bytes", bytes.len());
        }
        // Cameras hand out whole buffers.
        let padded = [bytes.as_slice(), &[0; 100]].concat();
        assert_eq!(
            decode(&padded, true).unwrap().data,
            decode(&bytes, true).unwrap().data
        );
    }
}

#[test]
fn a_cut_with_an_end_stuck_on_is_refused() {
    let bytes = small(Sampling::F_2_2);
    let scan = bytes
        .windows(2)
        .position(|pair| pair == [0xFF, 0xDA])
        .unwrap();
    for length in scan + 14..bytes.len() - 4 {
        let stuck = [&bytes[..length], &[0xFF, 0xD9]].concat();
        assert!(
            decode(&stuck, true).is_err(),
            "{length} of {} bytes",
            bytes.len()
        );
    }
}

/// Replaces bytes of the first segment with this marker, counted from its length on.
fn patched(marker: u8, at: usize, with: &[u8]) -> Vec<u8> {
    let mut bytes = small(Sampling::F_2_2);
    let (start, ..) = *segments(&bytes)
        .iter()
        .find(|(_, m, _)| *m == marker)
        .unwrap();
    bytes[start + 2 + at..][..with.len()].copy_from_slice(with);
    bytes
}

#[test]
fn each_flaw_is_named() {
    let mut progressive = small(Sampling::F_2_2);
    let at = segments(&progressive)
        .iter()
        .find(|(_, m, _)| *m == 0xC0)
        .unwrap()
        .0;
    progressive[at + 1] = 0xC2;
    let mut no_tables = small(Sampling::F_2_2);
    for (at, marker, length) in segments(&no_tables.clone()).into_iter().rev() {
        if marker == 0xDB {
            no_tables.drain(at..at + length);
        }
    }
    let cases = [
        ("", vec![], "start marker"),
        ("noise", vec![7; 100], "start marker"),
        ("progressive", progressive, "progressive"),
        ("12 bits", patched(0xC0, 2, &[12]), "12 bits a sample"),
        ("no rows", patched(0xC0, 3, &[0, 0]), "50x0"),
        ("two components", patched(0xC0, 7, &[2]), "2 components"),
        (
            "sampling",
            patched(0xC0, 9, &[0x41]),
            "sampling factors 4x1",
        ),
        (
            "huge",
            patched(0xC0, 3, &[255, 255, 255, 255]),
            "65535x65535",
        ),
        (
            "no quantization",
            no_tables,
            "quantization table is missing",
        ),
        ("steps of 0", patched(0xDB, 3, &[0]), "step of 0"),
        ("table 9", patched(0xDB, 2, &[9]), "table 9"),
        ("codes", patched(0xC4, 3, &[9]), "Huffman table"),
    ];
    for (name, bytes, expected) in cases {
        let cause = cause(decode(&bytes, true));
        assert!(cause.contains(expected), "{name}: {cause}");
        assert!(!cause.contains('\n'));
    }
}

#[test]
fn a_claimed_size_beyond_the_limit_takes_no_memory() {
    let mut frame = Frame::empty();
    let mut decoder = Decoder::new(Size::new(48, 48), None);
    let error = decoder
        .decode(&small(Sampling::F_2_2), &mut frame)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "a frame was dropped: the JPEG is 50x35, expected at most 48x48"
    );
    assert!(error.is_transient());
    assert_eq!(frame.data.capacity(), 0);
}

#[test]
fn nothing_is_allocated_once_the_buffer_has_its_size() {
    let bytes = small(Sampling::F_2_1);
    let (mut decoder, mut frame) = (
        Decoder::new(MAX_SIZE, Some(InputSize::DEFAULT)),
        Frame::empty(),
    );
    decoder.decode(&bytes, &mut frame).unwrap();
    let counted = allocation_counter::measure(|| decoder.decode(&bytes, &mut frame).unwrap());
    assert_eq!(counted.count_total, 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn no_byte_that_is_changed_leads_astray(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        sampling in prop::sample::select(&SAMPLINGS),
        full_size in any::<bool>(),
    ) {
        let mut bytes = small(sampling);
        for (index, byte) in changes {
            *index.get_mut(&mut bytes) = byte;
        }
        let mut frame = Frame::empty();
        let most = Size::new(64, 64);
        match Decoder::new(most, input_unless(full_size)).decode(&bytes, &mut frame) {
            Ok(()) => prop_assert_eq!(frame.validate(), Ok(())),
            Err(error) => prop_assert!(error.is_transient()),
        }
        prop_assert!(frame.data.capacity() <= 3 * 80 * 80);
    }
}
