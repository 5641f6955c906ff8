//! JPEGs as cameras send them, made by a crate that has nothing to do with our decoder, and read by
//! another one.

use frame::{Frame, PixelFormat, Size};
pub(crate) use jpeg_encoder::SamplingFactor as Sampling;
use jpeg_encoder::{ColorType, Encoder};

/// What benches and tests call a subsampling.
pub(crate) fn name(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::F_1_1 => "4:4:4",
        Sampling::F_2_1 => "4:2:2",
        Sampling::F_1_2 => "4:4:0",
        Sampling::F_2_2 => "4:2:0",
        _ => "others",
    }
}

/// An RGB picture with slopes, edges and some noise, as a camera's are.
pub(crate) fn picture(size: Size) -> Vec<u8> {
    let mut state = 1u32;
    let mut rgb = Vec::with_capacity(size.pixels() * 3);
    for y in 0..size.height {
        for x in 0..size.width {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 29) as u8;
            let disc = {
                let (dx, dy) = (x as i64 % 160 - 80, y as i64 % 160 - 80);
                dx * dx + dy * dy < 3000
            };
            let slope = (x * 120 / size.width) as u8;
            let stripes = if (x / 24 + y / 40) % 3 == 0 { 70 } else { 0 };
            rgb.extend(if disc {
                [210 - slope + noise, 60 + noise, 90 + noise]
            } else {
                [
                    30 + slope + noise,
                    100 + stripes + noise,
                    50 + stripes + noise,
                ]
            });
        }
    }
    rgb
}

/// Encodes with the tables that T.81 gives as typical, as cameras do.
pub(crate) fn encode(rgb: &[u8], size: Size, sampling: Sampling) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 85);
    encoder.set_sampling_factor(sampling);
    encoder
        .encode(rgb, size.width as u16, size.height as u16, ColorType::Rgb)
        .expect("a picture that can be encoded");
    bytes
}

/// Decodes the whole picture to RGB with the `image` crate.
pub(crate) fn decode_with_image(jpeg: &[u8]) -> Frame {
    let picture = image::load_from_memory_with_format(jpeg, image::ImageFormat::Jpeg)
        .expect("a picture that can be decoded")
        .into_rgb8();
    let size = Size::new(picture.width(), picture.height());
    Frame {
        size,
        stride: 3 * size.width as usize,
        pixel_format: PixelFormat::Rgb8,
        data: picture.into_raw(),
        ..Frame::empty()
    }
}
