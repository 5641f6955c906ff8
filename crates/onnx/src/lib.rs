//! ONNX models on the CPU: files read with a bound, and one engine, rten, behind a guard.
//!
//! Models come from outside: what is wrong with one is an error, and so is a panic of the engine.
//! The format is <https://onnx.ai>'s; what rten supports of it stands at
//! <https://docs.rs/rten>.

mod error;

use std::{
    fs::File,
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use rten::{Dimension, ModelOptions};
use sha2::{Digest as _, Sha256};

pub use error::{EngineError, OnnxError};
pub use rten::{NodeId, Value, ValueOrView};

/// A model that is loaded and ready to run.
pub struct Model {
    model: rten::Model,
    /// SHA-256 of its file, in hexadecimal.
    sha256: String,
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// What the engine knows it by.
    pub id: NodeId,
    /// Its name in the file.
    pub name: String,
    /// Its shape, `None` for sizes that are free; no shape at all where the file gives none.
    pub shape: Option<Vec<Option<usize>>>,
}

impl Model {
    /// Loads a file's content; `path` names it in errors.
    ///
    /// # Errors
    /// [`OnnxError::Model`].
    pub fn load(bytes: Vec<u8>, path: &Path) -> Result<Self, OnnxError> {
        let sha256 = format!("{:x}", Sha256::digest(&bytes));
        let model = guarded(|| ModelOptions::with_all_ops().load(bytes))
            .and_then(|loaded| loaded.map_err(EngineError::new))
            .map_err(|source| OnnxError::Model {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self { model, sha256 })
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// All inputs that have a name.
    pub fn inputs(&self) -> Vec<Port> {
        self.ports(self.model.input_ids())
    }

    /// All outputs that have a name.
    pub fn outputs(&self) -> Vec<Port> {
        self.ports(self.model.output_ids())
    }

    fn ports(&self, ids: &[NodeId]) -> Vec<Port> {
        let size = |dimension: &Dimension| match dimension {
            Dimension::Fixed(size) => Some(*size),
            Dimension::Symbolic(_) => None,
        };
        let port = |id: &NodeId| {
            let info = self.model.node_info(*id)?;
            Some(Port {
                id: *id,
                name: info.name()?.to_owned(),
                shape: info.shape().map(|shape| shape.iter().map(size).collect()),
            })
        };
        ids.iter().filter_map(port).collect()
    }

    /// Runs the model for one output.
    ///
    /// # Errors
    /// Whatever the engine says, a panic of its included.
    pub fn run(
        &self,
        inputs: Vec<(NodeId, ValueOrView<'_>)>,
        output: NodeId,
    ) -> Result<Value, EngineError> {
        let [value] = guarded(|| self.model.run_n(inputs, [output], None))
            .and_then(|outcome| outcome.map_err(EngineError::new))?;
        Ok(value)
    }
}

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

/// Makes an error of a panic.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .map(|said| (*said).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        EngineError::new(said.unwrap_or_else(|| "the engine gave up".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_engine_is_an_error_of_one_line() {
        let caught = guarded(|| -> () { panic!("index out\nof bounds") });
        assert_eq!(caught.unwrap_err().to_string(), "index out of bounds");
    }

    #[test]
    fn what_is_no_model_is_refused_with_its_path() {
        let Err(error) = Model::load(b"GIF89a".to_vec(), Path::new("cat.onnx")) else {
            panic!("a picture was taken for a model");
        };
        let said = error.to_string();
        assert!(said.starts_with("cat.onnx: "), "{said}");
        assert_eq!(said.lines().count(), 1);
    }

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
