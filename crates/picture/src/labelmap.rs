//! Label maps: pictures whose pixels number the segment that they belong to.
//!
//! A pixel is the place of its segment in the list plus 1, and 0 where there is none. Of segments that overlap the
//! smaller lies on top, as whatever stands before something else covers less of the picture. Grey PNG of 8 bits, of 16
//! where there are more than 255 segments.

use std::cmp::Reverse;

use fastsam::Run;
use frame::Size;
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

/// A segment's pixels, and how many they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Pixels of the mask.
    pub area: u32,
    /// The mask.
    pub runs: Vec<Run>,
}

/// A label map of this size as a PNG file's bytes. What lies outside is left out.
///
/// # Errors
/// A size that PNG can't hold.
pub fn encode(size: Size, labels: &[Label]) -> Result<Vec<u8>, EncodingError> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&place| Reverse(labels[place].area));
    let columns = size.width as usize;
    let is_wide = labels.len() > usize::from(u8::MAX);
    let bytes = if is_wide { 2 } else { 1 };
    let mut pixels = vec![0; columns * size.height as usize * bytes];
    for place in order {
        let number = u16::try_from(place + 1).unwrap_or(u16::MAX);
        for run in &labels[place].runs {
            if u32::from(run.y) >= size.height {
                continue;
            }
            let row = usize::from(run.y) * columns;
            let (start, end) = (usize::from(run.start), usize::from(run.end).min(columns));
            if start >= end {
                continue;
            }
            let covered = &mut pixels[(row + start) * bytes..(row + end) * bytes];
            if is_wide {
                for pixel in covered.as_chunks_mut().0 {
                    *pixel = number.to_be_bytes();
                }
            } else {
                covered.fill(number as u8);
            }
        }
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, size.width, size.height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(if is_wide {
        BitDepth::Sixteen
    } else {
        BitDepth::Eight
    });
    // Each is of use for a moment, and areas of one number compress by themselves.
    encoder.set_compression(Compression::Fast);
    encoder.set_filter(Filter::Up);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(start: u16, end: u16) -> Label {
        let runs: Vec<Run> = (0..2).map(|y| Run { y, start, end }).collect();
        Label {
            area: runs.iter().map(|run| run.length()).sum(),
            runs,
        }
    }

    #[test]
    fn pixels_number_segments_and_the_smaller_lies_on_top() {
        let size = Size::new(8, 3);
        let labels = [label(2, 4), label(0, 6), label(5, 20)];
        let file = encode(size, &labels).unwrap();
        let picture = image::load_from_memory(&file).unwrap();
        assert_eq!(picture.color(), image::ColorType::L8);
        let row = [2, 2, 1, 1, 2, 2, 3, 3];
        let expected = [row, row, [0; 8]].concat();
        assert_eq!(picture.to_luma8().into_raw(), expected);
    }

    #[test]
    fn many_segments_have_numbers_of_16_bits() {
        let size = Size::new(600, 2);
        let labels: Vec<Label> = (0..600).map(|x| label(x, x + 1)).collect();
        let file = encode(size, &labels).unwrap();
        let picture = image::load_from_memory(&file).unwrap();
        assert_eq!(picture.color(), image::ColorType::L16);
        let pixels = picture.to_luma16().into_raw();
        assert_eq!(&pixels[..600], (1..=600).collect::<Vec<u16>>());
    }
}
