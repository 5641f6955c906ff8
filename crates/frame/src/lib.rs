//! Frames, pixel formats, and the letterbox between frame and network coordinates.
//!
//! These are the words that cameras and the post-processor share. Everything here is pure: no
//! device, no thread, no clock of its own.
//!
//! Coordinate spaces, each with its own types:
//! - *frame*: pixels of the captured frame, origin at the top left corner of the top left pixel
//!   ([`FramePoint`], [`FrameRect`]);
//! - *input*: pixels of the network's input, of an [`InputSize`] ([`InputPoint`], [`InputRect`]).

mod geometry;
mod input;
mod letterbox;
mod pixel;
mod preprocess;
mod resample;
mod rows;

pub use geometry::{FramePoint, FrameRect, InputPoint, InputRect, PixelRect, Size};
pub use input::{InputSize, InputSizeError, NetworkInput};
pub use letterbox::{Letterbox, PAD_VALUE};
pub use pixel::{Frame, FrameError, PixelFormat};
pub use preprocess::Preprocessor;
