//! `accelerator.backend.onnx`: a network on the CPU, from an ONNX file or built in.

use std::path::PathBuf;

use frame::InputSize;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::input_size;

/// A network on the CPU: no chip is needed, and frames take longer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Onnx {
    /// FastSAM as `yolo export model=FastSAM-s.pt format=onnx` makes it. Looked for when the daemon
    /// starts, so that a configuration can be checked elsewhere. Default: the network that is built in,
    /// a demonstration.
    #[serde(deserialize_with = "crate::check::optional_path")]
    pub model: Option<PathBuf>,
    /// The input's side, or its width and height, for a network that leaves them open (the built-in one,
    /// or a file made with `dynamic=True`). Default: the file's; 320 for the built-in network.
    #[serde(with = "input_size::optional")]
    #[schemars(with = "Option<input_size::Sides>")]
    pub input: Option<InputSize>,
    /// What runs it. Default: `auto`, onnxruntime where it is installed, else rten, which is inside.
    pub engine: OnnxEngine,
    /// onnxruntime's library. Default: `libonnxruntime.so`, where the system looks for libraries.
    #[serde(deserialize_with = "crate::check::optional_path")]
    pub library: Option<PathBuf>,
    /// Processors that an inference takes, 1 to 64. Default: all.
    #[serde(deserialize_with = "threads")]
    #[schemars(range(min = 1, max = 64))]
    pub threads: Option<u32>,
}

/// What runs an ONNX file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnnxEngine {
    /// onnxruntime where it is installed, else rten.
    #[default]
    Auto,
    /// rten: part of this program.
    Rten,
    /// onnxruntime, or nothing.
    OnnxRuntime,
}

fn threads<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    crate::number::optional_within(deserializer, 1..=64)
}
