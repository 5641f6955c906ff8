//! The cameras: each is opened and asked for one frame.

use std::time::{Duration, Instant};

use ::camera::{CameraError, Captured};
use frame::Frame;

use super::finding::Finding;
use crate::open::cameras;
use configuration::Camera;

/// How long the first frame may take: cameras that sleep need a second or two.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn examine(camera: &Camera) -> Finding {
    let check = format!("camera {}", camera.name);
    match first_frame(camera) {
        Ok(Some(seen)) => Finding::ok(check, seen),
        Ok(None) => Finding::failed(
            check,
            "its pictures ended before the first",
            "give it pictures, or another source".to_owned(),
        ),
        // What to do stands in the error.
        Err(error) => Finding::failed(check, error.to_string(), None),
    }
}

/// What the camera is and what it shows.
fn first_frame(camera: &Camera) -> Result<Option<String>, CameraError> {
    let mut source = cameras::camera(camera, None)()?;
    let mut frame = Frame::empty();
    let started = Instant::now();
    loop {
        let left = PATIENCE.saturating_sub(started.elapsed());
        match source.capture(&mut frame, left) {
            Ok(Captured::Frame) => {
                let seen = format!("{}: frames of {}", source.describe(), frame.full_size());
                return Ok(Some(seen));
            }
            Ok(Captured::End) => return Ok(None),
            Err(error) if error.is_transient() && started.elapsed() < PATIENCE => {}
            Err(error) => return Err(error),
        }
    }
}
