//! What a frame's masks are painted on.

use frame::{Letterbox, Size};

use crate::MaskSize;

/// What the masks are painted on, and how the frame lies on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canvas {
    /// How the frame lies in the network input.
    pub letterbox: Letterbox,
    /// Which pixels masks are made of.
    pub mask_size: MaskSize,
}

impl Canvas {
    /// Columns and rows of the masks.
    pub fn size(&self) -> Size {
        match self.mask_size {
            MaskSize::Frame => self.letterbox.frame,
            MaskSize::Network => self.letterbox.input.size(),
        }
    }
}
