//! The pixels of a mask within a detection's box.

use frame::{FrameRect, InputRect, Letterbox, Size};

use crate::MaskSize;

/// Pixels that a mask is cropped to: `left <= x < right`, `top <= y < bottom`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crop {
    pub(super) left: u32,
    pub(super) top: u32,
    pub(super) right: u32,
    pub(super) bottom: u32,
}

impl Crop {
    /// The pixels of a mask within a detection's box; `None` where there are none.
    pub(super) fn of(bbox: InputRect, letterbox: &Letterbox, size: MaskSize) -> Option<Self> {
        match size {
            MaskSize::Frame => {
                let FrameRect { x1, y1, x2, y2 } = letterbox.rect_to_frame(bbox);
                Self::new([x1, y1, x2, y2], letterbox.frame)
            }
            MaskSize::Network => {
                let InputRect { x1, y1, x2, y2 } = bbox;
                Self::new([x1, y1, x2, y2], letterbox.input.size())
            }
        }
    }

    /// The pixels `i` of an area with `low <= i < high` on both axes.
    fn new([x1, y1, x2, y2]: [f32; 4], size: Size) -> Option<Self> {
        // `low <= i` is `ceil(low) <= i`, and `i < high` is `i < ceil(high)`. Casts saturate, and
        // make 0 of NaN.
        let crop = Self {
            left: x1.ceil() as u32,
            top: y1.ceil() as u32,
            right: (x2.ceil() as u32).min(size.width),
            bottom: (y2.ceil() as u32).min(size.height),
        };
        (crop.left < crop.right && crop.top < crop.bottom).then_some(crop)
    }
}
