//! Snapshots: the picture as the network saw it, with its segments, as JPEG.

use fastsam::{Mask, Run, Segment};
use frame::{Letterbox, NetworkInput, Size};
use tensors::Classes;

use crate::overlay::{self, Style};

/// Quality of the JPEGs: what an eye takes for the picture itself.
const QUALITY: u8 = 85;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The picture has another size than it says.
    #[error(transparent)]
    Buffer(#[from] crate::BufferError),
    /// It could not be encoded.
    #[error("the picture could not be encoded as JPEG")]
    Encoding(#[from] jpeg_encoder::EncodingError),
}

/// Draws segments, each with its number, over the frame's part of the network's input. Masks are of the frame, or of the
/// network's input.
///
/// # Errors
/// A size that JPEG can't hold.
pub fn encode<'a>(
    input: &NetworkInput,
    letterbox: &Letterbox,
    segments: impl IntoIterator<Item = (u64, &'a Segment)>,
    classes: &Classes,
) -> Result<Vec<u8>, SnapshotError> {
    let size = letterbox.resized;
    let mut rgb = cropped(input, letterbox);
    let fitted: Vec<(u64, Segment)> = segments
        .into_iter()
        .filter_map(|(number, segment)| {
            let mask = Mask::from_runs(size, runs_in(&segment.mask, letterbox))?;
            let mut fitted = segment.clone();
            fitted.mask = mask;
            Some((number, fitted))
        })
        .collect();
    let numbered = fitted.iter().map(|(number, segment)| (*number, segment));
    overlay::draw(&mut rgb, size, numbered, classes, &Style::default())?;
    jpeg_of(&rgb, size)
}

/// The frame's part of the network's input, with nothing drawn over it.
///
/// # Errors
/// A size that JPEG can't hold.
pub fn plain(input: &NetworkInput, letterbox: &Letterbox) -> Result<Vec<u8>, SnapshotError> {
    jpeg_of(&cropped(input, letterbox), letterbox.resized)
}

fn jpeg_of(rgb: &[u8], size: Size) -> Result<Vec<u8>, SnapshotError> {
    let mut jpeg = Vec::new();
    // A network's input has at most 1280 columns and rows.
    let (width, height) = (size.width as u16, size.height as u16);
    let encoder = jpeg_encoder::Encoder::new(&mut jpeg, QUALITY);
    encoder.encode(rgb, width, height, jpeg_encoder::ColorType::Rgb)?;
    Ok(jpeg)
}

/// The frame's part of the network's input.
fn cropped(input: &NetworkInput, letterbox: &Letterbox) -> Vec<u8> {
    let Size { width, height } = letterbox.resized;
    let stride = input.size().width() as usize * 3;
    let left = letterbox.left as usize * 3;
    let row_bytes = width as usize * 3;
    let mut rgb = Vec::with_capacity(row_bytes * height as usize);
    // Row by row: byte by byte it takes as long as encoding them.
    for y in 0..height {
        let start = (letterbox.top + y) as usize * stride + left;
        rgb.extend_from_slice(&input.bytes()[start..start + row_bytes]);
    }
    rgb
}

/// A mask's runs in the frame's part of the network's input: a pixel belongs to the mask when the mask's pixel under its
/// centre does.
fn runs_in(mask: &Mask, letterbox: &Letterbox) -> Vec<Run> {
    let to = letterbox.resized;
    let from = mask.size();
    // Of a mask over the input only what the frame covers is there.
    let (scale_x, scale_y, left, top) = if from == letterbox.frame {
        let scale = |from: u32, to: u32| f64::from(from) / f64::from(to.max(1));
        (
            scale(from.width, to.width),
            scale(from.height, to.height),
            0.0,
            0.0,
        )
    } else {
        (
            1.0,
            1.0,
            f64::from(letterbox.left),
            f64::from(letterbox.top),
        )
    };
    // The first column whose centre is at or behind a column of the mask.
    let column = |x: u16| {
        let edge = (f64::from(x) - left) / scale_x;
        (edge - 0.5).ceil().clamp(0.0, f64::from(to.width)) as u16
    };
    let mut runs: Vec<Run> = Vec::new();
    for y in 0..to.height as u16 {
        let row = ((f64::from(y) + 0.5) * scale_y + top) as u32;
        let first = mask.runs().partition_point(|run| u32::from(run.y) < row);
        let in_row = mask.runs()[first..].iter();
        for run in in_row.take_while(|run| u32::from(run.y) == row) {
            let (start, end) = (column(run.start), column(run.end));
            if start >= end {
                continue;
            }
            // A gap of less than a pixel closes.
            match runs.last_mut() {
                Some(last) if last.y == y && last.end >= start => last.end = end,
                _ => runs.push(Run { y, start, end }),
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use frame::{FrameRect, InputSize};

    use super::*;

    fn segment(size: Size, rows: std::ops::Range<u16>, start: u16, end: u16) -> Segment {
        let runs = rows.map(|y| Run { y, start, end }).collect();
        let mask = Mask::from_runs(size, runs).unwrap();
        Segment {
            score: 0.9,
            class: 0,
            bbox: mask.bounding_box(),
            detection_bbox: FrameRect::default(),
            area: mask.area(),
            mask,
        }
    }

    #[test]
    fn segments_lie_where_they_are_in_the_frame() {
        let frame = Size::new(1280, 720);
        let letterbox = Letterbox::fit(frame, InputSize::DEFAULT);
        assert_eq!(letterbox.resized, Size::new(640, 360));
        let mut input = NetworkInput::new(InputSize::DEFAULT);
        input.bytes_mut().fill(128);
        let of_frame = segment(frame, 200..600, 400, 1000);
        let of_input = segment(InputSize::DEFAULT.size(), 240..440, 200, 500);
        for segment in [of_frame, of_input] {
            let all = [(7, &segment)];
            let jpeg = encode(&input, &letterbox, all, &Classes::one()).unwrap();
            let picture = image::load_from_memory(&jpeg).unwrap().to_rgb8();
            assert_eq!(picture.dimensions(), (640, 360));
            let is_grey = |x, y| {
                picture
                    .get_pixel(x, y)
                    .0
                    .iter()
                    .all(|v| v.abs_diff(128) < 6)
            };
            assert!(is_grey(100, 200) && is_grey(600, 200) && is_grey(350, 340));
            assert!(!is_grey(350, 200) && !is_grey(210, 200) && !is_grey(490, 290));
        }
    }
}
