//! What can be wrong with a recording.

use std::{io, path::PathBuf};

use tensors::{LayoutError, NamesError};

use crate::{names::MANIFEST, npy::NpyError};

/// Why a recording can't be read or written. Each is one line that names the file.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file or folder can't be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The manifest is not JSON, or lacks a key.
    #[error("{path}: {source}", path = path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong with it, and where.
        source: serde_json::Error,
    },
    /// The frame has a size that no frame has.
    #[error("{path}: a frame of {width}x{height}: both sides must be 1 to 65535 pixels", path = path.display())]
    FrameSize {
        /// The manifest.
        path: PathBuf,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// The network's input has a size that none has.
    #[error(
        "{path}: the input's shape is {shape:?}: expected height, width and 3, both sides multiples of 32 from 32 to 1280",
        path = path.display()
    )]
    InputShape {
        /// The manifest.
        path: PathBuf,
        /// Rows, columns, channels.
        shape: [u32; 3],
    },
    /// The outputs are not FastSAM's ten.
    #[error("{path}: {source}", path = path.display())]
    Layout {
        /// The manifest.
        path: PathBuf,
        /// Which output is wrong.
        source: LayoutError,
    },
    /// There are not as many names as classes.
    #[error("{path}: class_names: {source}", path = path.display())]
    ClassNames {
        /// The manifest.
        path: PathBuf,
        /// How many of each there are.
        source: NamesError,
    },
    /// Two outputs name one file.
    #[error("{path}: '{file}' is the file of two outputs", path = path.display())]
    DoubledFile {
        /// The manifest.
        path: PathBuf,
        /// The file's name.
        file: String,
    },
    /// An output's file lies outside the recording's folder.
    #[error("{path}: '{file}' is no file name inside the recording's folder", path = path.display())]
    FileName {
        /// The manifest.
        path: PathBuf,
        /// What is no name.
        file: String,
    },
    /// An output's file is not the array that the manifest says.
    #[error("{path}: {source}", path = path.display())]
    Array {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: NpyError,
    },
    /// What is to be removed is no recording's.
    #[error("{path}: not a part of a recording; move it away first", path = path.display())]
    Foreign {
        /// What is in the way.
        path: PathBuf,
    },
    /// There is no recording in a folder.
    #[error("{path}: no recording: expected a folder with {MANIFEST}, or one of such folders", path = path.display())]
    None {
        /// The folder.
        path: PathBuf,
    },
}

impl RecordingError {
    /// Whether the recording itself is wrong, and not the disk that it lies on.
    pub fn is_users_fault(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::PermissionDenied
                    | io::ErrorKind::InvalidInput
            ),
            _ => true,
        }
    }
}
