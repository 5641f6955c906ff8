//! How a detection's box is reported: on the frame's border where it nearly reaches it.
//!
//! FastSAM's networks put boxes a few pixels inside of what touches the border. Sides that near
//! are reported on it, and a box that then covers nearly the whole frame as the whole frame. Only
//! the report changes: masks are cropped to the box as the network gave it. That is FastSAM's own way: the
//! reference for networks of several classes reports boxes as they are.

use frame::{FrameRect, Size};

/// A side nearer to the border than this lies on it, in frame pixels.
const NEAR: f32 = 20.0;

/// A box whose intersection over union with the frame is above this is the frame.
const WHOLE: f32 = 0.9;

/// The box to be reported for one clipped to the frame.
pub(crate) fn onto_border(rect: FrameRect, frame: Size) -> FrameRect {
    let (width, height) = (frame.width as f32, frame.height as f32);
    let low = |side: f32| if side < NEAR { 0.0 } else { side };
    let high = |side: f32, border: f32| if side > border - NEAR { border } else { side };
    let rect = FrameRect {
        x1: low(rect.x1),
        y1: low(rect.y1),
        x2: high(rect.x2, width),
        y2: high(rect.y2, height),
    };
    // The box lies in the frame: their union is the frame.
    let iou = (rect.x2 - rect.x1) * (rect.y2 - rect.y1) / (width * height);
    if iou > WHOLE {
        FrameRect {
            x1: 0.0,
            y1: 0.0,
            x2: width,
            y2: height,
        }
    } else {
        rect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_near_the_border_lie_on_it() {
        let frame = Size::new(640, 480);
        let report = |x1, y1, x2, y2| {
            let rect = onto_border(FrameRect { x1, y1, x2, y2 }, frame);
            [rect.x1, rect.y1, rect.x2, rect.y2]
        };
        let cases = [
            (
                "far from all",
                [20.0, 20.0, 620.0, 200.0],
                [20.0, 20.0, 620.0, 200.0],
            ),
            (
                "left and top",
                [19.9, 19.9, 300.0, 200.0],
                [0.0, 0.0, 300.0, 200.0],
            ),
            (
                "right and bottom",
                [300.0, 200.0, 620.1, 460.1],
                [300.0, 200.0, 640.0, 480.0],
            ),
            (
                "nearly the whole frame",
                [0.0, 30.0, 640.0, 480.0],
                [0.0, 0.0, 640.0, 480.0],
            ),
            (
                "nine tenths of it",
                [0.0, 48.0, 640.0, 480.0],
                [0.0, 48.0, 640.0, 480.0],
            ),
        ];
        for (name, [x1, y1, x2, y2], expected) in cases {
            assert_eq!(report(x1, y1, x2, y2), expected, "{name}");
        }
    }
}
