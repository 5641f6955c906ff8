//! From a segment to the square picture that an image encoder looks at.
//!
//! Pixels come from the network's input, which is there in one format whatever the camera sends. The mask's box with a margin is made a square, so that nothing of a long object is cut
//! off (CLIP's own preprocessing cuts out the middle), and everything outside the mask is black, as
//! in the reference. Each pixel is the mean of bilinear samples, about one per input pixel that it
//! covers.

use fastsam::{Mask, MaskSize, Run, prompt::Canvas};
use frame::{FramePoint, InputPoint, NetworkInput};

/// What a frame's segments are cut from.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// The network's input.
    pub input: &'a NetworkInput,
    /// Which pixels masks count, and how the frame lies in the input.
    pub canvas: Canvas,
}

/// Cuts out segments, reusing its buffer.
#[derive(Clone, Debug, Default)]
pub struct Cropper {
    /// Which pixels of a row of the crop lie in the mask.
    inside: Vec<bool>,
}

/// Where a crop's pixels lie, in pixels of the mask.
#[derive(Clone, Copy)]
struct Square {
    left: f32,
    top: f32,
    /// Mask pixels per pixel of the crop.
    step: f32,
}

impl Cropper {
    /// Appends a crop of `side * side * 3` bytes. An empty mask makes a black one.
    pub fn crop(
        &mut self,
        picture: Picture<'_>,
        mask: &Mask,
        margin: f32,
        side: usize,
        crop: &mut Vec<u8>,
    ) {
        let start = crop.len();
        crop.resize(start + side * side * 3, 0);
        let square = Square::around(mask, margin, side);
        let taps = square.taps(picture);
        let rows = crop[start..].chunks_exact_mut(side * 3);
        for (j, row) in rows.enumerate() {
            let y = square.top + (j as f32 + 0.5) * square.step;
            if y < 0.0 {
                continue;
            }
            self.mark(row_of(mask, y as u32), square, side);
            let pixels = row.as_chunks_mut::<3>().0;
            for (i, (pixel, inside)) in pixels.iter_mut().zip(&self.inside).enumerate() {
                if *inside {
                    let x = square.left + (i as f32 + 0.5) * square.step;
                    *pixel = mean(picture, x, y, square.step, taps);
                }
            }
        }
    }

    /// Notes which pixels of the crop's row have their middle in one of these runs.
    fn mark(&mut self, runs: &[Run], square: Square, side: usize) {
        self.inside.clear();
        self.inside.resize(side, false);
        // The first pixel whose middle is not left of `x`.
        let first = |x: u16| {
            let place = (f32::from(x) - square.left) / square.step - 0.5;
            (place.ceil().max(0.0) as usize).min(side)
        };
        for run in runs {
            self.inside[first(run.start)..first(run.end).max(first(run.start))].fill(true);
        }
    }
}

impl Square {
    fn around(mask: &Mask, margin: f32, side: usize) -> Self {
        let bounds = mask.bounding_box();
        let length = bounds.width.max(bounds.height).max(1) as f32 * (1.0 + 2.0 * margin);
        let middle = |start: u32, length: u32| start as f32 + length as f32 / 2.0;
        Self {
            left: middle(bounds.x, bounds.width) - length / 2.0,
            top: middle(bounds.y, bounds.height) - length / 2.0,
            step: length / side as f32,
        }
    }

    /// Samples along each side of a pixel of the crop.
    fn taps(self, picture: Picture<'_>) -> u32 {
        let gain = match picture.canvas.mask_size {
            MaskSize::Frame => picture.canvas.letterbox.gains().0,
            MaskSize::Network => 1.0,
        };
        ((self.step * gain).round() as u32).clamp(1, 4)
    }
}

/// A row's runs.
fn row_of(mask: &Mask, y: u32) -> &[Run] {
    let runs = mask.runs();
    let first = runs.partition_point(|run| u32::from(run.y) < y);
    let length = runs[first..].partition_point(|run| u32::from(run.y) == y);
    &runs[first..first + length]
}

/// The mean of a pixel of the crop, from its middle and its side.
fn mean(picture: Picture<'_>, x: f32, y: f32, step: f32, taps: u32) -> [u8; 3] {
    let mut sum = [0.0; 3];
    let offset = |tap: u32| ((tap as f32 + 0.5) / taps as f32 - 0.5) * step;
    for down in 0..taps {
        for across in 0..taps {
            let sample = sample(picture, x + offset(across), y + offset(down));
            for (sum, level) in sum.iter_mut().zip(sample) {
                *sum += level;
            }
        }
    }
    sum.map(|sum| (sum / (taps * taps) as f32).round() as u8)
}

/// The input at a position in the mask's pixels, bilinearly.
fn sample(picture: Picture<'_>, x: f32, y: f32) -> [f32; 3] {
    let InputPoint { x, y } = match picture.canvas.mask_size {
        MaskSize::Frame => picture.canvas.letterbox.to_input(FramePoint { x, y }),
        MaskSize::Network => InputPoint { x, y },
    };
    // From positions to pixels, whose middles lie at halves.
    let size = picture.input.size();
    let last = |side: u32| (side - 1) as f32;
    let x = (x - 0.5).clamp(0.0, last(size.width()));
    let y = (y - 0.5).clamp(0.0, last(size.height()));
    let (left, top) = (x as usize, y as usize);
    let (right, bottom) = (x.ceil() as usize, y.ceil() as usize);
    let (along_x, along_y) = (x - left as f32, y - top as f32);
    let (pixels, columns) = (picture.input.pixels(), size.width() as usize);
    let at = |x: usize, y: usize, channel: usize| f32::from(pixels[y * columns + x][channel]);
    std::array::from_fn(|channel| {
        let upper = at(left, top, channel) * (1.0 - along_x) + at(right, top, channel) * along_x;
        let lower =
            at(left, bottom, channel) * (1.0 - along_x) + at(right, bottom, channel) * along_x;
        upper * (1.0 - along_y) + lower * along_y
    })
}

#[cfg(test)]
mod tests;
