//! A model with any inputs, run by rten for one output.

use std::path::Path;

use rten::{Dimension, NodeId, Value, ValueOrView};
use sha2::{Digest as _, Sha256};

use crate::{
    EngineError, OnnxError,
    guard::{guarded, load},
};

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
        let model = load(bytes, path)?;
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
        let port = |id: &NodeId| {
            let info = self.model.node_info(*id)?;
            Some(Port {
                id: *id,
                name: info.name()?.to_owned(),
                shape: info.shape().map(|shape| sizes(&shape)),
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

/// A shape's sizes, `None` for those that are free.
pub(crate) fn sizes(shape: &[Dimension]) -> Vec<Option<usize>> {
    let size = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => Some(*size),
        Dimension::Symbolic(_) => None,
    };
    shape.iter().map(size).collect()
}
