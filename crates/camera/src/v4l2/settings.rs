//! What is asked of a camera.

use std::time::Duration;

use frame::{InputSize, Size};

use super::{controls::Controls, negotiate::Encoding};
use crate::CameraError;

/// What to capture, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct V4l2Settings {
    /// A path (`/dev/video0`, `/dev/v4l/by-id/...`), or the card's name as `fastsamd cameras` shows
    /// it. The last two stay the same when a camera is plugged in again.
    pub device: String,
    /// Columns and rows that are wished for.
    pub size: Size,
    /// Frames per second that are wished for.
    pub fps: f64,
    /// How frames are to be encoded; the best that the device offers without it.
    pub encoding: Option<Encoding>,
    /// What is to be set before the first frame.
    pub controls: Controls,
    /// The network's input, for which Motion JPEG is decoded as small as suffices; as large as it is
    /// without.
    pub input: Option<InputSize>,
    /// The longest time without a good frame.
    pub timeout: Duration,
}

impl V4l2Settings {
    /// 720p at 30 frames per second, of which the network sees every second pixel: what any camera
    /// of the last ten years has. Five seconds without a frame are more than the darkest exposure.
    pub fn new(device: impl Into<String>) -> Self {
        Self {
            device: device.into(),
            size: Size::new(1280, 720),
            fps: 30.0,
            encoding: None,
            controls: Controls::default(),
            input: Some(InputSize::DEFAULT),
            timeout: Duration::from_secs(5),
        }
    }

    pub(super) fn check(&self) -> Result<(), CameraError> {
        if self.size.pixels() == 0 {
            return Err(CameraError::Setting {
                name: "size",
                found: self.size.to_string(),
                expected: "at least 1x1",
            });
        }
        if !(0.01..=1000.0).contains(&self.fps) {
            return Err(CameraError::Setting {
                name: "fps",
                found: self.fps.to_string(),
                expected: "0.01 to 1000",
            });
        }
        Ok(())
    }
}
