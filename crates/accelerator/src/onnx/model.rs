//! Which network runs: a file's, or the one that is part of the program.

use std::path::{Path, PathBuf};

use super::{built_in, error::OnnxBackendError};

/// The largest file that is read: FastSAM-x takes 280 MB.
pub const MOST_BYTES: u64 = 1 << 30;

/// Which network runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    /// The one in this file.
    File(PathBuf),
    /// The one that is part of the program.
    BuiltIn,
}

impl Model {
    /// The network in this file, or the one that is built in.
    pub fn of(file: Option<&Path>) -> Self {
        file.map_or(Self::BuiltIn, |file| Self::File(file.to_owned()))
    }

    /// What errors call it.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::BuiltIn => Path::new(built_in::NAME),
        }
    }

    /// Its content.
    pub(super) fn read(&self) -> Result<Vec<u8>, OnnxBackendError> {
        Ok(match self {
            Self::File(path) => onnx::read(path, MOST_BYTES)?,
            Self::BuiltIn => built_in::FILE.to_vec(),
        })
    }

    /// What its outputs' names begin with, so that recordings tell whose answers they hold.
    pub(super) fn prefix(&self) -> &'static str {
        match self {
            Self::File(_) => "onnx",
            Self::BuiltIn => built_in::NAME,
        }
    }
}
