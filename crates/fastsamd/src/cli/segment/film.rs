//! A film's frames, one after the other, as ffmpeg decodes them.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use camera::{
    CameraError, Captured, Source as _,
    ffmpeg::{Ffmpeg, FfmpegSettings, FilePace},
};
use configuration::WrongInput;
use frame::Frame;

/// How long ffmpeg may take for a frame.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A film that is being read.
pub(super) struct Film {
    source: Ffmpeg,
    frame: Frame,
}

impl Film {
    /// Starts ffmpeg.
    ///
    /// # Errors
    /// A file that can't be read, or no ffmpeg.
    pub(super) fn open(path: &Path) -> Result<Self, WrongInput> {
        // As a file, whatever its name looks like.
        let settings = FfmpegSettings {
            pace: FilePace::Asked,
            timeout: LONGEST_WAIT,
            ..FfmpegSettings::new(path.to_string_lossy())
        };
        let source = Ffmpeg::open(&settings, Box::new(|_| ())).map_err(|e| wrong(path, &e))?;
        Ok(Self {
            source,
            frame: Frame::empty(),
        })
    }

    /// The next frame, or none at the end.
    ///
    /// # Errors
    /// What ffmpeg says of the film.
    pub(super) fn next(&mut self, path: &Path) -> Result<Option<&Frame>, WrongInput> {
        let started = Instant::now();
        loop {
            match self.source.capture(&mut self.frame, Duration::from_secs(1)) {
                Ok(Captured::Frame) => return Ok(Some(&self.frame)),
                Ok(Captured::End) => return Ok(None),
                Err(CameraError::Timeout(_)) if started.elapsed() < LONGEST_WAIT => {}
                Err(error) => return Err(wrong(path, &error)),
            }
        }
    }

    /// Frames per second, once there is one.
    pub(super) fn rate(&self) -> Option<f64> {
        self.source.rate()
    }
}

fn wrong(path: &Path, error: &CameraError) -> WrongInput {
    WrongInput::new(format_args!("{}: {error}", path.display()))
}
