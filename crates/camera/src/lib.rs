//! Where frames come from.
//!
//! A [`Source`] fills frames whose buffers are reused, and never waits longer than it is told.
//! Sources: [`v4l2`] (USB cameras), [`rpicam`] (a Raspberry Pi's CSI cameras), [`ffmpeg`] (network
//! streams and video files), [`images`] (files and folders) and [`synthetic`] (scenes with known
//! ground truth). [`devices`] lists the cameras that there are.

mod address;
mod child;
pub mod devices;
pub mod ffmpeg;
pub mod images;
pub mod mjpeg;
mod pace;
pub mod rpicam;
mod source;
pub mod synthetic;
pub mod v4l2;

pub use address::{Login, without_secrets};
pub use child::Log;
pub use source::{CameraError, Captured, MAX_SIZE, Source};
