//! The letterbox: a frame of any size fitted, centred, into the network's square input, and back.
//!
//! Source: FastSAM's predictor as described by its observable behaviour: one gain for both axes,
//! the resized size rounded half to even, the padding split with the odd pixel at the right and
//! bottom. The way back uses one gain per axis (`resized / frame`), because rounding makes them
//! differ. Invariant: `to_frame(to_input(p)) = p` for every point of the frame, up to what `f32`
//! resolves at 640, seen from the frame: `640 * EPSILON / gain`.

use crate::{FramePoint, FrameRect, InputPoint, InputRect, Size};

/// Columns and rows of the network input.
pub const INPUT_SIDE: u32 = 640;

/// The grey that fills what the frame does not cover.
pub const PAD_VALUE: u8 = 114;

/// How a frame lies in the network input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    /// The frame's own size.
    pub frame: Size,
    /// The frame's size inside the input.
    pub resized: Size,
    /// Padding columns at the left.
    pub left: u32,
    /// Padding rows at the top.
    pub top: u32,
}

impl Letterbox {
    /// Fits a frame of this size into the 640 x 640 input. Frames smaller than the input are
    /// scaled up. A frame without pixels is treated as one of a single pixel.
    pub fn fit(frame: Size) -> Self {
        let frame = Size::new(frame.width.max(1), frame.height.max(1));
        let side = f64::from(INPUT_SIDE);
        let (width, height) = (f64::from(frame.width), f64::from(frame.height));
        let gain = (side / height).min(side / width);
        let resize = |length: f64| (length * gain).round_ties_even().clamp(1.0, side);
        let (resized_width, resized_height) = (resize(width), resize(height));
        let pad = |resized: f64| ((side - resized) / 2.0 - 0.1).round_ties_even().max(0.0) as u32;
        Self {
            frame,
            resized: Size::new(resized_width as u32, resized_height as u32),
            left: pad(resized_width),
            top: pad(resized_height),
        }
    }

    /// Input pixels per frame pixel, along x and along y.
    pub fn gains(&self) -> (f32, f32) {
        (
            self.resized.width as f32 / self.frame.width as f32,
            self.resized.height as f32 / self.frame.height as f32,
        )
    }

    /// Where a point of the frame lies in the input.
    pub fn to_input(&self, point: FramePoint) -> InputPoint {
        let (gain_x, gain_y) = self.gains();
        InputPoint {
            x: point.x * gain_x + self.left as f32,
            y: point.y * gain_y + self.top as f32,
        }
    }

    /// Where a point of the input lies in the frame; not clipped.
    pub fn to_frame(&self, point: InputPoint) -> FramePoint {
        let (gain_x, gain_y) = self.gains();
        FramePoint {
            x: (point.x - self.left as f32) / gain_x,
            y: (point.y - self.top as f32) / gain_y,
        }
    }

    /// A box of the input in the frame, clipped to the frame.
    pub fn rect_to_frame(&self, rect: InputRect) -> FrameRect {
        let a = self.to_frame(InputPoint {
            x: rect.x1,
            y: rect.y1,
        });
        let b = self.to_frame(InputPoint {
            x: rect.x2,
            y: rect.y2,
        });
        let (width, height) = (self.frame.width as f32, self.frame.height as f32);
        FrameRect {
            x1: a.x.clamp(0.0, width),
            y1: a.y.clamp(0.0, height),
            x2: b.x.clamp(0.0, width),
            y2: b.y.clamp(0.0, height),
        }
    }
}
