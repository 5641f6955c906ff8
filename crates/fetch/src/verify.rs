//! Whether what came is the kind of file that was asked for, whole, and has the right sum.

use std::{fs, io, path::Path};

use hailort::hef_file::{HefFile, HefFileError, MAX_SIZE};
use onnx::OnnxError;

use crate::Sum;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A network for a Hailo chip.
    Hef,
    /// An ONNX model.
    Onnx,
}

impl Kind {
    /// The most bytes that one may have; the largest that is published has a third of that.
    pub(crate) fn most_bytes(self) -> u64 {
        match self {
            Self::Hef => MAX_SIZE,
            Self::Onnx => 1 << 30,
        }
    }
}

/// Why what came was not put in place.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// It is no HEF, or a damaged one.
    #[error(transparent)]
    Hef(#[from] HefFileError),
    /// It is no ONNX file.
    #[error("it is not an ONNX file")]
    NotOnnx,
    /// It is damaged.
    #[error("{0}")]
    Onnx(String),
    /// It has another sum.
    #[error("its sha256 is {found}, expected {expected}")]
    Sum {
        /// What came.
        found: Sum,
        /// What should have.
        expected: Sum,
    },
    /// It is larger than any model.
    #[error("it has more than {most_bytes} bytes, which no such model has")]
    TooLarge {
        /// The most that are taken.
        most_bytes: u64,
    },
    /// The archive can't be read.
    #[error("the archive can't be read: {0}")]
    Archive(String),
    /// The archive holds something else.
    #[error("the archive holds no {wanted}, but {found}")]
    NotInArchive {
        /// What was looked for.
        wanted: String,
        /// What is there.
        found: String,
    },
    /// It can't be looked at.
    #[error("what came can't be read: {0}")]
    Read(#[from] io::Error),
}

/// Checks a file, and returns its sum.
pub(crate) fn verify(path: &Path, kind: Kind, expected: Option<&Sum>) -> Result<Sum, Rejection> {
    match kind {
        Kind::Hef => {
            let file = HefFile::read(path)?;
            match file.verify() {
                // What a newer zoo may have. A right sum says enough; without one, nothing does.
                Err(HefFileError::Version(_)) if expected.is_some() => {}
                verified => verified?,
            }
        }
        Kind::Onnx => verify_onnx(path)?,
    }
    let found = Sum::of(path)?;
    match expected {
        Some(expected) if *expected != found => Err(Rejection::Sum {
            found,
            expected: expected.clone(),
        }),
        _ => Ok(found),
    }
}

/// ONNX files begin with their format's version; the rest is held to the format.
fn verify_onnx(path: &Path) -> Result<(), Rejection> {
    /// The key of field 1, `ir_version`, in protobuf's encoding.
    const VERSION_KEY: u8 = 0x08;
    let bytes = match onnx::read(path, Kind::Onnx.most_bytes()) {
        Ok(bytes) => bytes,
        Err(OnnxError::File { source, .. }) => return Err(source.into()),
        Err(error) => return Err(Rejection::Onnx(error.to_string())),
    };
    if bytes.first() != Some(&VERSION_KEY) {
        return Err(Rejection::NotOnnx);
    }
    onnx::check(&bytes).map_err(|damage| Rejection::Onnx(damage.to_string()))
}

/// Whether a file is an archive, by how it begins.
pub(crate) fn is_zip(path: &Path) -> io::Result<bool> {
    let mut front = [0; 2];
    let mut file = fs::File::open(path)?;
    match io::Read::read_exact(&mut file, &mut front) {
        Ok(()) => Ok(front == *b"PK"),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
