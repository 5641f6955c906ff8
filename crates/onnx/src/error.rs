//! What can be wrong with a model, and what the engine says of it.

use std::{fmt::Display, io, path::PathBuf};

/// Why a model can't be loaded. Each is one line that names the file.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// The file can't be read.
    #[error("{path}: {source}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is larger than any model that makes sense here.
    #[error("{path}: larger than {} MiB, which no model for this is", most_bytes >> 20, path = path.display())]
    TooLarge {
        /// Which one.
        path: PathBuf,
        /// The most bytes.
        most_bytes: u64,
    },
    /// The engine can't make a model of the file.
    #[error("{path}: no ONNX model that can be run: {source}", path = path.display())]
    Model {
        /// Its file.
        path: PathBuf,
        /// What the engine says.
        source: EngineError,
    },
    /// The engine that was asked for can't be had.
    #[error("{path}: {cause}", path = path.display())]
    Engine {
        /// The model's file.
        path: PathBuf,
        /// Why not, and what helps.
        cause: String,
    },
}

/// What the engine says, in one line: its own errors have no types to rely on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(String);

impl EngineError {
    /// Takes what it says.
    pub(crate) fn new(said: impl Display) -> Self {
        let said = said.to_string();
        let words: Vec<&str> = said.split_whitespace().collect();
        Self(words.join(" "))
    }
}
