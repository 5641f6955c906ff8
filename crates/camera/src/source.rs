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
/// `frame.sequence` grows with every picture taken, also with those that nobody asked for in time
/// and those that were skipped; after an error that is not transient the source is to be dropped
/// and made anew. After an error, the frame's contents mean nothing, but its buffer may be used
/// again.
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
    /// One picture of several can't be used; the next call goes on behind it.
    #[error("{path}: {cause}; going on with the next picture", path = path.display())]
    Skipped {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        cause: String,
    },
    /// A file or folder can't be read.
    #[error("{path}: {cause}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it, and what would be right.
        cause: String,
    },
    /// A setting that no source can follow.
    #[error("{name} is {found}, expected {expected}")]
    Setting {
        /// Which one.
        name: &'static str,
        /// Its value.
        found: String,
        /// The values that work.
        expected: &'static str,
    },
}

impl CameraError {
    /// Whether asking the same source again may help. No source answers with transient errors in
    /// an endless row at once: a timeout has waited, and pictures to skip run out.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Timeout(_) | Self::Skipped { .. })
    }
}
