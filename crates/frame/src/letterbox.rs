//! The letterbox: a frame of any size fitted, centred, into the network's input, and back.
//!
//! Source: FastSAM's predictor as described by its observable behaviour: one gain for both axes,
//! the resized size rounded half to even, the padding split with the odd pixel at the right and
//! bottom. The way back uses one gain per axis (`resized / frame`), because rounding makes them
//! differ. Invariant: `to_frame(to_input(p)) = p` for every point of the frame, up to what `f32`
//! resolves at the input's longer side, seen from the frame: `side * EPSILON / gain`.

use crate::{FramePoint, FrameRect, InputPoint, InputRect, InputSize, Size};

/// The grey that fills what the frame does not cover.
pub const PAD_VALUE: u8 = 114;

/// How a frame lies in the network input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letterbox {
    /// The input's size.
    pub input: InputSize,
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
    /// Fits a frame of this size into an input of that one. Frames smaller than the input are
    /// scaled up. A frame without pixels is treated as one of a single pixel.
    pub fn fit(frame: Size, input: InputSize) -> Self {
        let frame = Size::new(frame.width.max(1), frame.height.max(1));
        let (across, down) = (f64::from(input.width()), f64::from(input.height()));
        let (width, height) = (f64::from(frame.width), f64::from(frame.height));
        let gain = (down / height).min(across / width);
        let resize = |length: f64, side: f64| (length * gain).round_ties_even().clamp(1.0, side);
        let (resized_width, resized_height) = (resize(width, across), resize(height, down));
        let pad = |side: f64, resized: f64| {
            ((side - resized) / 2.0 - 0.1).round_ties_even().max(0.0) as u32
        };
        Self {
            input,
            frame,
            resized: Size::new(resized_width as u32, resized_height as u32),
            left: pad(across, resized_width),
            top: pad(down, resized_height),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_frames() {
        // Width, height, then resized width and height, left, top.
        let cases = [
            ("720p", 1280, 720, 640, 360, 0, 140),
            ("VGA", 640, 480, 640, 480, 0, 80),
            ("the input itself", 640, 640, 640, 640, 0, 0),
            ("portrait", 720, 1280, 360, 640, 140, 0),
            ("1080p", 1920, 1080, 640, 360, 0, 140),
            ("4K", 3840, 2160, 640, 360, 0, 140),
            ("scaled up", 320, 240, 640, 480, 0, 80),
            ("two odd rows, split evenly", 640, 426, 640, 426, 0, 107),
            ("an odd row, at the bottom", 1640, 1232, 640, 481, 0, 79),
            ("an odd column, at the right", 1232, 1640, 481, 640, 79, 0),
            ("a half, to the even side", 1280, 721, 640, 360, 0, 140),
            ("a half, to the even side, up", 1280, 723, 640, 362, 0, 139),
            ("one pixel", 1, 1, 640, 640, 0, 0),
            ("one row", 65535, 1, 640, 1, 0, 319),
            ("one column", 1, 65535, 1, 640, 319, 0),
            ("no pixel", 0, 0, 640, 640, 0, 0),
        ];
        for (name, width, height, resized_width, resized_height, left, top) in cases {
            let letterbox = Letterbox::fit(Size::new(width, height), InputSize::DEFAULT);
            let expected = Size::new(resized_width, resized_height);
            assert_eq!(letterbox.resized, expected, "{name}");
            assert_eq!((letterbox.left, letterbox.top), (left, top), "{name}");
        }
    }

    #[test]
    fn known_frames_in_inputs_of_other_sizes() {
        // Input, frame, then resized width and height, left, top.
        let cases = [
            ("small", (320, 320), (1280, 720), (320, 180), (0, 70)),
            ("large", (1024, 1024), (1280, 720), (1024, 576), (0, 224)),
            ("wide, 16:9", (640, 384), (1280, 720), (640, 360), (0, 12)),
            ("wide, VGA", (640, 384), (640, 480), (512, 384), (64, 0)),
            (
                "wide, portrait",
                (640, 384),
                (720, 1280),
                (216, 384),
                (212, 0),
            ),
            ("high, 16:9", (384, 640), (1280, 720), (384, 216), (0, 212)),
            (
                "odd, to the right",
                (640, 384),
                (641, 401),
                (614, 384),
                (13, 0),
            ),
            (
                "odd rows, below",
                (320, 320),
                (1640, 1232),
                (320, 240),
                (0, 40),
            ),
            ("the input itself", (96, 32), (96, 32), (96, 32), (0, 0)),
            ("one row", (640, 384), (65535, 1), (640, 1), (0, 191)),
        ];
        for (name, input, frame, resized, (left, top)) in cases {
            let input = InputSize::new(input.0, input.1).unwrap();
            let letterbox = Letterbox::fit(Size::new(frame.0, frame.1), input);
            let expected = Letterbox {
                input,
                frame: Size::new(frame.0, frame.1),
                resized: Size::new(resized.0, resized.1),
                left,
                top,
            };
            assert_eq!(letterbox, expected, "{name}");
        }
    }

    #[test]
    fn each_axis_has_its_own_gain() {
        let letterbox = Letterbox::fit(Size::new(1640, 1232), InputSize::DEFAULT);
        let corner = letterbox.to_input(FramePoint {
            x: 1640.0,
            y: 1232.0,
        });
        assert_eq!((corner.x, corner.y), (640.0, 79.0 + 481.0));
    }

    #[test]
    fn boxes_are_clipped_to_the_frame() {
        let letterbox = Letterbox::fit(Size::new(1280, 720), InputSize::DEFAULT);
        let rect = letterbox.rect_to_frame(InputRect {
            x1: -5.0,
            y1: 150.0,
            x2: 320.0,
            y2: 640.0,
        });
        let expected = FrameRect {
            x1: 0.0,
            y1: 20.0,
            x2: 640.0,
            y2: 720.0,
        };
        assert_eq!(rect, expected);
    }

    fn any_input() -> impl Strategy<Value = InputSize> {
        (1u32..=40, 1u32..=40)
            .prop_map(|(width, height)| InputSize::new(32 * width, 32 * height).unwrap())
    }

    proptest! {
        #[test]
        fn to_frame_undoes_to_input(
            width in 1u32..=65535, height in 1u32..=65535, u in 0f32..=1.0, v in 0f32..=1.0,
            input in any_input(),
        ) {
            let letterbox = Letterbox::fit(Size::new(width, height), input);
            let point = FramePoint { x: u * width as f32, y: v * height as f32 };
            let back = letterbox.to_frame(letterbox.to_input(point));
            let (gain_x, gain_y) = letterbox.gains();
            let side = input.width().max(input.height()) as f32;
            prop_assert!((back.x - point.x).abs() <= side * f32::EPSILON / gain_x);
            prop_assert!((back.y - point.y).abs() <= side * f32::EPSILON / gain_y);
        }

        #[test]
        fn the_frame_fills_one_axis_and_is_centred(
            width in 1u32..=65535, height in 1u32..=65535, input in any_input(),
        ) {
            let Letterbox { resized, left, top, .. } =
                Letterbox::fit(Size::new(width, height), input);
            prop_assert!(resized.width == input.width() || resized.height == input.height());
            let right = input.width() - resized.width - left;
            let bottom = input.height() - resized.height - top;
            prop_assert!(right - left <= 1 && bottom - top <= 1);
        }
    }
}
