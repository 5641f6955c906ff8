//! One encoder: an ONNX model with one output that matters, whose rows are embeddings.

use std::path::Path;

use onnx::{Model, NodeId, Port, ValueOrView};
use rten_tensor::{AsView as _, Layout as _, NdTensor};

use crate::ClipError;

/// The largest encoders in use have 2.5 GB; those that make sense on a small machine 0.6.
const MOST_BYTES: u64 = 4 << 30;

/// A model with one output that matters.
pub(crate) struct Encoder {
    model: Model,
    output: NodeId,
    /// `text` or `image`.
    kind: &'static str,
}

/// Reads an encoder's file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ClipError> {
    Ok(onnx::read(path, MOST_BYTES)?)
}

impl Encoder {
    /// Takes a model whose output has this name, or is the only one of two dimensions. `path` and
    /// `kind` name it in errors.
    pub(crate) fn new(
        bytes: Vec<u8>,
        path: &Path,
        kind: &'static str,
        output: &str,
    ) -> Result<Self, ClipError> {
        let model = Model::load(bytes, path)?;
        let outputs = model.outputs();
        let rank = |port: &Port| port.shape.as_ref().map(Vec::len);
        let flat = || {
            let mut flat = outputs.iter().filter(|port| rank(port) == Some(2));
            let only = flat.next();
            only.filter(|_| flat.next().is_none())
        };
        let found = outputs
            .iter()
            .find(|port| port.name == output)
            .or_else(flat);
        let Some(found) = found else {
            let names: Vec<_> = outputs.iter().map(|port| port.name.as_str()).collect();
            return Err(ClipError::Model {
                path: path.to_owned(),
                cause: format!(
                    "no {kind} encoder: its outputs are {}, expected '{output}'",
                    names.join(", ")
                ),
            });
        };
        Ok(Self {
            output: found.id,
            model,
            kind,
        })
    }

    /// SHA-256 of its file, in hexadecimal.
    pub(crate) fn sha256(&self) -> &str {
        self.model.sha256()
    }

    /// All inputs.
    pub(crate) fn inputs(&self) -> Vec<Port> {
        self.model.inputs()
    }

    /// Runs the model; the output's rows.
    pub(crate) fn run(
        &self,
        inputs: Vec<(NodeId, ValueOrView<'_>)>,
        rows: usize,
    ) -> Result<Vec<Vec<f32>>, ClipError> {
        let output = self.model.run(inputs, self.output);
        let output = output.map_err(|source| ClipError::Run {
            encoder: self.kind,
            source,
        })?;
        let wrong = |found: String| ClipError::Answer {
            encoder: self.kind,
            found,
            rows,
        };
        let output: NdTensor<f32, 2> = output
            .try_into()
            .map_err(|_| wrong("something else".to_owned()))?;
        let [found, dimension] = output.shape();
        if found != rows || dimension == 0 {
            return Err(wrong(format!("{found} x {dimension} numbers")));
        }
        let values = output.to_vec();
        Ok(values
            .chunks_exact(dimension)
            .map(<[f32]>::to_vec)
            .collect())
    }
}
