//! ONNX models on the CPU: files read with a bound, and engines behind a guard.
//!
//! | type | for | engine |
//! |---|---|---|
//! | [`Session`] | networks of one input of numbers: segmentation | rten or onnxruntime, as asked |
//! | [`Model`] | networks of any inputs: text and picture encoders | rten |
//!
//! rten is linked; onnxruntime is a library that is opened where there is one.
//! Models come from outside: what is wrong with one is an error, and so is a panic of rten.
//! The format is <https://onnx.ai>'s; what rten supports of it stands at <https://docs.rs/rten>.

mod error;
mod guard;
mod model;
mod outline;
mod session;

use std::{fs::File, io::Read, path::Path};

pub use error::{EngineError, OnnxError};
pub use model::{Model, Port};
pub use onnxruntime::Terminator;
pub use rten::{NodeId, Value, ValueOrView};
pub use session::{ElementType, Engine, Session, SessionOptions, SessionPort};

/// Reads a model's file, of at most so many bytes.
///
/// # Errors
/// [`OnnxError::File`], [`OnnxError::TooLarge`].
pub fn read(path: &Path, most_bytes: u64) -> Result<Vec<u8>, OnnxError> {
    let unreadable = |source| OnnxError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(most_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > most_bytes {
        return Err(OnnxError::TooLarge {
            path: path.to_owned(),
            most_bytes,
        });
    }
    Ok(bytes)
}

/// Checks that each part of a model's file lies within the part that holds it, without loading it.
///
/// # Errors
/// Where the file is damaged, or that it is no ONNX file.
pub fn check(file: &[u8]) -> Result<(), EngineError> {
    outline::check(file).map_err(EngineError::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, [0; 11]).unwrap();
        assert_eq!(read(&path, 11).unwrap().len(), 11);
        assert!(matches!(read(&path, 10), Err(OnnxError::TooLarge { .. })));
        assert!(matches!(
            read(&folder.path().join("none"), 10),
            Err(OnnxError::File { .. })
        ));
    }
}
