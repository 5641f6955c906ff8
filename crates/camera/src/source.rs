//! The seam between the daemon and whatever takes pictures.

use std::{io, path::PathBuf, time::Duration};

use frame::{Frame, Size};

/// The largest frame that cameras, streams and children may send: 8K, 53 MB of I420. No sensor in
/// sight has more, and a broken header's claim must end somewhere.
pub const MAX_SIZE: Size = Size::new(8192, 4352);

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
    /// What it is, for people, with what was agreed on: `synthetic 640x480`,
    /// `images /srv/pictures (12 files)`, `/dev/video0 (C920), MJPEG 1280x720 at 30 fps`. What a
    /// child process sends is known once the first frame is there.
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
    /// A stream's pictures have another size than before; opened anew it brings them.
    #[error("{what}: its pictures are {size} now")]
    Resized {
        /// Which one.
        what: String,
        /// The new size.
        size: Size,
    },
    /// One frame of a stream can't be used; the next call goes on behind it.
    #[error("a frame was dropped: {cause}")]
    BadFrame {
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
    /// There is no such device.
    #[error(
        "{device}: no such camera; is it plugged in? `fastsamd cameras` lists those that there are"
    )]
    Missing {
        /// As it was asked for.
        device: String,
    },
    /// Several devices have this name.
    #[error(
        "{name}: several cameras have this name ({devices}); give the one that is meant by its port, as a path in \
         /dev/v4l/by-path: `fastsamd cameras` lists them"
    )]
    Ambiguous {
        /// As it was asked for.
        name: String,
        /// Their paths.
        devices: String,
    },
    /// The device belongs to others.
    #[error(
        "{device}: permission denied; add the user to the group `video`, or wait a moment after plugging it in"
    )]
    Permission {
        /// Which one.
        device: String,
    },
    /// Another program captures from it.
    #[error("{device}: in use by another program; `fuser -v {device}` shows which")]
    Busy {
        /// Which one.
        device: String,
    },
    /// The bus is full.
    #[error(
        "{device}: not enough USB bandwidth; use another port, a smaller size or rate, or MJPEG"
    )]
    NoBandwidth {
        /// Which one.
        device: String,
    },
    /// It was there.
    #[error("{device}: unplugged, or its driver gave it up")]
    Unplugged {
        /// Which one.
        device: String,
    },
    /// What was opened takes no pictures.
    #[error("{device}: not a camera: {cause}")]
    NotACamera {
        /// Which one.
        device: String,
        /// What it is.
        cause: String,
    },
    /// The camera has no format, or not the one asked for, that can be used.
    #[error("{device}: can't capture {wanted}; it offers {offered}")]
    Refused {
        /// Which one.
        device: String,
        /// What was asked for.
        wanted: String,
        /// What there is.
        offered: String,
    },
    /// The device answered a request with an error of no particular meaning.
    #[error("{device}: {request} failed: {source}")]
    Device {
        /// Which one.
        device: String,
        /// What was asked of it.
        request: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// The device or program is there and sends nothing that can be used.
    #[error("{device}: no usable frame for {after:?}; it hangs, or its link does")]
    Stalled {
        /// Which one.
        device: String,
        /// How long.
        after: Duration,
    },
    /// A program that brings frames is not there.
    #[error("{program}: no such program; install the package `{package}`")]
    ProgramMissing {
        /// As it was looked for.
        program: String,
        /// Where it comes from.
        package: &'static str,
    },
    /// A program that brings frames can't be used.
    #[error("{program}: {cause}")]
    Program {
        /// Which one.
        program: String,
        /// What went wrong, with its last words where it had any.
        cause: String,
    },
    /// A stream's frames are larger than any that can be used.
    #[error("{device}: frames of {size} can't be used, at most {most} can")]
    TooLarge {
        /// Who sends them.
        device: String,
        /// What it sends.
        size: Size,
        /// What can be used.
        most: Size,
    },
}

impl CameraError {
    /// Whether asking the same source again may help. No source answers with transient errors in
    /// an endless row at once: a timeout has waited, pictures to skip run out, and bad frames come
    /// no faster than the camera sends them, until it counts as stalled.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Timeout(_) | Self::Skipped { .. } | Self::BadFrame { .. }
        )
    }
}
