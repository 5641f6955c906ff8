//! The seam between the daemon and whatever takes pictures.

use std::{path::PathBuf, time::Duration};

use frame::Frame;

/// What a capture call brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured {
    /// The frame was filled.
    Frame,
    /// The source has come to its end; later calls say the same.
    End,
}

/// Something that takes pictures.
///
/// Invariants: `capture` returns within `timeout` plus the time one picture takes to decode;
/// `frame.sequence` grows with every picture taken, also with those that nobody asked for in time;
/// after an error that is not transient the source is to be dropped and made anew.
pub trait Source: Send {
    /// What it is, for people: `synthetic 640x480`, `images /srv/pictures (12 files)`.
    fn describe(&self) -> String;

    /// Waits for the next picture, at most `timeout`, and fills `frame`, reusing its buffer.
    fn capture(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Captured, CameraError>;
}

/// Why no picture came.
#[derive(Debug, thiserror::Error)]
pub enum CameraError {
    /// None came in time.
    #[error("no frame came within {0:?}")]
    Timeout(Duration),
    /// A file or folder can't be read.
    #[error("{path}: {cause}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        cause: String,
    },
}

impl CameraError {
    /// Whether asking the same source again may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }
}
