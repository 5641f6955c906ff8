//! From a frame in any pixel format to the network input, in one pass.
//!
//! `read a row -> blend columns -> blend rows`, for each row of the input: no RGB picture of the
//! frame is made on the way. A frame that already has its size inside the input (a gain of 1) is
//! copied exactly.
//!
//! All of it is inlined into where the processor's vector instructions are chosen, and loops instead
//! of handing closures to iterators: what of the standard library lies between would not be compiled
//! for them.

use fearless_simd::{Level, dispatch};

use crate::{
    Frame, FrameError, Letterbox, NetworkInput, PAD_VALUE, resample::Resampler, rows::RowReader,
};

/// Turns frames into network inputs, reusing its row buffers and tables: it allocates when the
/// frames' size or format or the input's size changes, not otherwise.
#[derive(Debug, Default)]
pub struct Preprocessor {
    reader: RowReader,
    resampler: Resampler,
}

impl Preprocessor {
    /// A preprocessor without buffers yet; the first frame makes them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the letterboxed `frame` into `input`, whose size it is fitted into, and says where it
    /// lies.
    ///
    /// The resampling is bilinear at half-pixel centres, as `cv2.resize` does it: against the
    /// fixtures in `tests/data` the largest difference is 0 grey levels. A frame that was decoded
    /// smaller lies where the whole one would ([`Frame::scaled_from`]).
    ///
    /// # Errors
    /// What [`Frame::validate`] finds; `input` is left as it was.
    pub fn letterbox(
        &mut self,
        frame: &Frame,
        input: &mut NetworkInput,
    ) -> Result<Letterbox, FrameError> {
        frame.validate()?;
        let letterbox = Letterbox::fit(frame.full_size(), input.size());
        dispatch!(Level::new(), _ => self.fill(frame, &letterbox, input.bytes_mut()));
        Ok(letterbox)
    }

    #[inline(always)]
    fn fill(&mut self, frame: &Frame, letterbox: &Letterbox, input: &mut [u8]) {
        let stride = letterbox.input.row_bytes();
        let (left, top) = (letterbox.left as usize * 3, letterbox.top as usize);
        let (width, height) = (
            letterbox.resized.width as usize * 3,
            letterbox.resized.height as usize,
        );

        let (above, rest) = input.split_at_mut(top * stride);
        let (content, below) = rest.split_at_mut(height * stride);
        above.fill(PAD_VALUE);
        below.fill(PAD_VALUE);
        let content = content.chunks_exact_mut(stride).map(|row| {
            row[..left].fill(PAD_VALUE);
            row[left + width..].fill(PAD_VALUE);
            &mut row[left..left + width]
        });
        if letterbox.resized == frame.size {
            for (y, out) in content.enumerate() {
                self.reader.read(frame, y).write_rgb(out);
            }
        } else {
            self.resampler.resize(frame, letterbox.resized, content);
        }
    }

    /// Writes the whole frame as packed RGB (stride `3 * width`) into `rgb`, which is resized.
    ///
    /// # Errors
    /// What [`Frame::validate`] finds; `rgb` is left as it was.
    pub fn to_rgb(&mut self, frame: &Frame, rgb: &mut Vec<u8>) -> Result<(), FrameError> {
        frame.validate()?;
        rgb.resize(frame.size.pixels() * 3, 0);
        dispatch!(Level::new(), _ => self.convert(frame, rgb));
        Ok(())
    }

    #[inline(always)]
    fn convert(&mut self, frame: &Frame, rgb: &mut [u8]) {
        let rows = rgb.chunks_exact_mut(frame.size.width as usize * 3);
        for (y, out) in rows.enumerate() {
            self.reader.read(frame, y).write_rgb(out);
        }
    }
}

#[cfg(test)]
mod tests;
