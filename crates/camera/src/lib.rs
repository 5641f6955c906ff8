//! Where frames come from.
//!
//! A [`Source`] fills frames whose buffers are reused, and never waits longer than it is told.
//! Sources: [`images`] (files and folders) and [`synthetic`] (scenes with known ground truth).

pub mod images;
pub mod mjpeg;
mod pace;
mod source;
pub mod synthetic;

pub use source::{CameraError, Captured, Source};
