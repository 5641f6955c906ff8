//! What can be wrong with a network in an ONNX file.

use std::path::PathBuf;

use onnx::{EngineError, OnnxError};

use super::kind::KindError;
use crate::{AcceleratorError, Fault, FaultKind};

/// Why a network in an ONNX file can't be run. Each is one line that names the file.
#[derive(Debug, thiserror::Error)]
pub enum OnnxBackendError {
    /// The file can't be read, or is no model.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// It is none of FastSAM's.
    #[error("{path}: {cause}", path = path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        #[source]
        cause: KindError,
    },
    /// Every score is exactly 0, whatever the picture.
    #[error(
        "{path}: all its scores are exactly 0: quantized to 8 bits as a whole, boxes and scores share one scale, and nothing is left of the scores; quantize all but the last module, or export it in floats: `yolo export model=FastSAM-s.pt format=onnx`",
        path = path.display()
    )]
    Dead {
        /// The file.
        path: PathBuf,
    },
    /// The engine failed.
    #[error("{path}: {source}", path = path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: EngineError,
    },
    /// An output had another shape than its file says.
    #[error("{path}: output {place} has the shape {found:?} and not {expected:?}", path = path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// Its place among the outputs.
        place: usize,
        /// The shape that came.
        found: Vec<usize>,
        /// The shape that was expected.
        expected: Vec<usize>,
    },
}

impl From<OnnxBackendError> for AcceleratorError {
    fn from(error: OnnxBackendError) -> Self {
        let kind = match error {
            OnnxBackendError::Engine { .. } => FaultKind::Lasting,
            _ => FaultKind::Users,
        };
        Fault::new(kind, error).into()
    }
}
