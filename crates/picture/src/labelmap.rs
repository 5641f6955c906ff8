//! Label maps: pictures whose pixels number the segment that they belong to.
//!
//! A pixel is the place of its segment in the list plus 1, and 0 where there is none. Of segments that overlap the
//! smaller lies on top, as whatever stands before something else covers less of the picture. Grey PNG of 8 bits, of 16
//! where there are more than 255 segments.

use std::cmp::Reverse;

use fastsam::Run;
use frame::Size;

use crate::png::{self, PngError};

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
pub fn encode(size: Size, labels: &[Label]) -> Result<Vec<u8>, PngError> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&place| Reverse(labels[place].area));
    let columns = size.width as usize;
    let mut numbers = vec![0_u16; size.pixels()];
    for place in order {
        let number = u16::try_from(place + 1).unwrap_or(u16::MAX);
        let within = labels[place].runs.iter();
        for run in within.filter(|run| u32::from(run.y) < size.height) {
            let row = usize::from(run.y) * columns;
            let (start, end) = (usize::from(run.start), usize::from(run.end).min(columns));
            if start < end {
                numbers[row + start..row + end].fill(number);
            }
        }
    }
    png::encode_numbers(&numbers, size)
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
