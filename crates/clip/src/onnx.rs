//! ONNX models on the CPU, through rten. Models come from outside: what is wrong with one is an
//! error, and a panic of the engine is one, too.

use std::{
    fs::File,
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use rten::{Dimension, Model, ModelOptions, NodeId, Value, ValueOrView};
use rten_tensor::{AsView as _, Layout as _, NdTensor};
use sha2::{Digest as _, Sha256};

use crate::ClipError;

/// The largest encoders in use have 2.5 GB; those that make sense on a small machine 0.6.
const MOST_BYTES: u64 = 4 << 30;

/// A model with one output that matters.
pub(crate) struct Onnx {
    model: Model,
    output: NodeId,
    encoder: &'static str,
    /// SHA-256 of its file, in hexadecimal.
    pub(crate) sha256: String,
}

/// An input: its name and shape, `None` for sizes that are free.
pub(crate) struct Input {
    pub(crate) id: NodeId,
    pub(crate) name: String,
    pub(crate) shape: Vec<Option<usize>>,
}

impl Onnx {
    /// Takes a model whose output has this name, or is the only one of two dimensions. `path` and
    /// `encoder` name it in errors.
    pub(crate) fn new(
        bytes: Vec<u8>,
        path: &Path,
        encoder: &'static str,
        output: &str,
    ) -> Result<Self, ClipError> {
        let sha256 = hexadecimal(&Sha256::digest(&bytes));
        let wrong = |cause: String| ClipError::Model {
            path: path.to_owned(),
            cause,
        };
        let model = guarded(|| ModelOptions::with_all_ops().load(bytes))
            .and_then(|loaded| loaded.map_err(|error| one_line(&error.to_string())))
            .map_err(|cause| wrong(format!("no ONNX model that can be run: {cause}")))?;
        let named = |id: &NodeId| {
            let info = model.node_info(*id)?;
            Some((
                *id,
                info.name()?.to_owned(),
                info.shape().map(|shape| shape.len()),
            ))
        };
        let outputs: Vec<_> = model.output_ids().iter().filter_map(named).collect();
        let flat = || {
            let mut flat = outputs.iter().filter(|(_, _, rank)| *rank == Some(2));
            let only = flat.next();
            only.filter(|_| flat.next().is_none())
        };
        let found = outputs
            .iter()
            .find(|(_, name, _)| name == output)
            .or_else(flat);
        let Some(&(output, ..)) = found else {
            let names: Vec<_> = outputs.iter().map(|(_, name, _)| name.as_str()).collect();
            return Err(wrong(format!(
                "no {encoder} encoder: its outputs are {}, expected '{output}'",
                names.join(", ")
            )));
        };
        Ok(Self {
            model,
            output,
            encoder,
            sha256,
        })
    }

    /// All inputs.
    pub(crate) fn inputs(&self) -> Vec<Input> {
        let input = |id: &NodeId| {
            let info = self.model.node_info(*id)?;
            let shape = info.shape().unwrap_or_default();
            Some(Input {
                id: *id,
                name: info.name()?.to_owned(),
                shape: shape
                    .iter()
                    .map(|dimension| match dimension {
                        Dimension::Fixed(size) => Some(*size),
                        Dimension::Symbolic(_) => None,
                    })
                    .collect(),
            })
        };
        self.model.input_ids().iter().filter_map(input).collect()
    }

    /// Runs the model; the output's rows.
    pub(crate) fn run(
        &self,
        inputs: Vec<(NodeId, ValueOrView<'_>)>,
        rows: usize,
    ) -> Result<Vec<Vec<f32>>, ClipError> {
        let failed = |cause: String| ClipError::Run {
            encoder: self.encoder,
            cause,
        };
        let [output] = guarded(|| self.model.run_n(inputs, [self.output], None))
            .and_then(|outcome| outcome.map_err(|error| one_line(&error.to_string())))
            .map_err(failed)?;
        let output: NdTensor<f32, 2> =
            output
                .try_into()
                .map_err(|error: <NdTensor<f32, 2> as TryFrom<Value>>::Error| {
                    failed(one_line(&error.to_string()))
                })?;
        let [found, dimension] = output.shape();
        if found != rows || dimension == 0 {
            return Err(failed(format!(
                "it gave {found} x {dimension} numbers: expected {rows} embeddings"
            )));
        }
        let values = output.to_vec();
        Ok(values
            .chunks_exact(dimension)
            .map(<[f32]>::to_vec)
            .collect())
    }
}

/// Reads a model's file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ClipError> {
    let unreadable = |cause| ClipError::File {
        path: path.to_owned(),
        cause,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(ClipError::Model {
            path: path.to_owned(),
            cause: format!("larger than {} GiB: expected an encoder", MOST_BYTES >> 30),
        });
    }
    Ok(bytes)
}

/// Makes an error of a panic.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic
            .downcast_ref::<&str>()
            .map(|said| (*said).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned());
        one_line(&said.unwrap_or_else(|| "the engine gave up".to_owned()))
    })
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
