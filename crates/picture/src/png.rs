//! PNG files that say who wrote them.
//!
//! Each file that [`encode`] makes has a text chunk `Software: fastsamd` (PNG specification,
//! section 11.3.3), by which [`is_ours`] knows it again. Whoever edits and saves such a picture
//! with another program loses or replaces the chunk, and the file is theirs.

use std::io::{BufRead, Seek};

use ::png::{BitDepth, ColorType, Compression, Decoder, Encoder, EncodingError, Filter, Limits};
use frame::Size;

use crate::{BufferError, buffer};

/// The registered keyword for the program that made a picture.
const KEYWORD: &str = "Software";
/// What stands behind it in our files.
const SOFTWARE: &str = "fastsamd";

/// Memory for whatever stands before a file's pixels. Our files need a few hundred bytes.
const LIMITS: Limits = Limits { bytes: 1 << 20 };

/// Why there is no PNG file.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The pixels don't match the size.
    #[error(transparent)]
    Buffer(#[from] BufferError),
    /// The picture could not be encoded.
    #[error("the picture could not be encoded as PNG")]
    Encoding(#[from] EncodingError),
}

/// A packed RGB frame as a PNG file's bytes.
///
/// # Errors
/// Where `rgb` is not three bytes per pixel of `size`, or the size is beyond what PNG can hold.
pub fn encode(rgb: &[u8], size: Size) -> Result<Vec<u8>, PngError> {
    buffer::check(rgb, size)?;
    write(rgb, size, ColorType::Rgb, BitDepth::Eight)
}

/// Four bytes per pixel, red, green, blue and how much of it is there, as a PNG file's bytes.
///
/// # Errors
/// Where `rgba` is not four bytes per pixel of `size`, or the size is beyond what PNG can hold.
pub fn encode_rgba(rgba: &[u8], size: Size) -> Result<Vec<u8>, PngError> {
    write(rgba, size, ColorType::Rgba, BitDepth::Eight)
}

/// A number for each pixel as a grey PNG file's bytes: of 8 bits where no number needs more, else of 16.
///
/// # Errors
/// Where there is not one number per pixel of `size`, or the size is beyond what PNG can hold.
pub fn encode_numbers(numbers: &[u16], size: Size) -> Result<Vec<u8>, PngError> {
    let narrow: Result<Vec<u8>, _> = numbers.iter().map(|&number| number.try_into()).collect();
    match narrow {
        Ok(bytes) => write(&bytes, size, ColorType::Grayscale, BitDepth::Eight),
        Err(_) => {
            let bytes: Vec<u8> = numbers
                .iter()
                .flat_map(|number| number.to_be_bytes())
                .collect();
            write(&bytes, size, ColorType::Grayscale, BitDepth::Sixteen)
        }
    }
}

fn write(
    pixels: &[u8],
    size: Size,
    colour: ColorType,
    depth: BitDepth,
) -> Result<Vec<u8>, PngError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, size.width, size.height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    // Overlays are written once and looked at a few times: speed matters more than bytes.
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    encoder.add_text_chunk(KEYWORD.to_owned(), SOFTWARE.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

/// Whether [`encode`] made this file. Reads no further than to the first pixel.
pub fn is_ours(file: impl BufRead + Seek) -> bool {
    let Ok(reader) = Decoder::new_with_limits(file, LIMITS).read_info() else {
        return false;
    };
    let texts = &reader.info().uncompressed_latin1_text;
    texts
        .iter()
        .any(|chunk| chunk.keyword == KEYWORD && chunk.text == SOFTWARE)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, RgbImage};

    use super::*;

    #[test]
    fn the_file_holds_the_same_pixels() {
        let size = Size::new(7, 3);
        let rgb: Vec<u8> = (0..63).collect();
        let file = encode(&rgb, size).unwrap();
        let picture = image::load_from_memory(&file).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (7, 3));
        assert_eq!(picture.into_raw(), rgb);
    }

    #[test]
    fn numbers_are_as_wide_as_they_must_be() {
        let size = Size::new(3, 1);
        for numbers in [[0, 7, 255], [0, 256, 65535]] {
            let file = encode_numbers(&numbers, size).unwrap();
            let picture = image::load_from_memory(&file).unwrap();
            let is_wide = numbers[2] > 255;
            assert_eq!(picture.color().bytes_per_pixel(), 1 + u8::from(is_wide));
            let found: Vec<u16> = match picture {
                image::DynamicImage::ImageLuma8(grey) => grey.iter().map(|&n| n.into()).collect(),
                image::DynamicImage::ImageLuma16(grey) => grey.into_raw(),
                other => panic!("{:?}", other.color()),
            };
            assert_eq!(found, numbers);
            assert!(is_ours(Cursor::new(file)));
        }
        assert!(encode_numbers(&[0], size).is_err());
        assert!(encode_rgba(&[0; 11], size).is_err());
        let file = encode_rgba(&[9; 12], size).unwrap();
        let picture = image::load_from_memory(&file).unwrap().into_rgba8();
        assert_eq!(picture.into_raw(), [9; 12]);
    }

    #[test]
    fn a_buffer_of_another_size_is_refused() {
        let error = encode(&[0; 11], Size::new(2, 2)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an RGB frame of 2x2 has 12 bytes, not 11"
        );
        assert!(encode(&[], Size::new(0, 0)).is_err());
    }

    #[test]
    fn only_our_files_are_ours() {
        let ours = encode(&[9; 12], Size::new(2, 2)).unwrap();
        let mut theirs = Cursor::new(Vec::new());
        RgbImage::new(2, 2)
            .write_to(&mut theirs, ImageFormat::Png)
            .unwrap();
        let theirs = theirs.into_inner();
        let cut = &ours[..30];
        let mut other_program = ours.clone();
        let name = ours.windows(8).position(|part| part == b"fastsamd");
        other_program[name.unwrap()] = b'F';
        let table: [(&str, &[u8], bool); 6] = [
            ("ours", &ours, true),
            ("somebody's", &theirs, false),
            ("cut before the text", cut, false),
            (
                "another program's, with a wrong checksum",
                &other_program,
                false,
            ),
            ("no PNG", b"Software fastsamd", false),
            ("nothing", b"", false),
        ];
        for (name, file, expected) in table {
            assert_eq!(is_ours(Cursor::new(file)), expected, "{name}");
        }
    }
}
