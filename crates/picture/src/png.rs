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
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, size.width, size.height);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    // Overlays are written once and looked at a few times: speed matters more than bytes.
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Adaptive);
    encoder.add_text_chunk(KEYWORD.to_owned(), SOFTWARE.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(rgb)?;
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
