//! What can be wrong with models, texts and embeddings.

use std::{io, path::PathBuf};

use onnx::{EngineError, OnnxError};

/// Why a text or a picture can't be embedded. Each is one line.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// A model's file that can't be read, or is no model.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// A file can't be read or written.
    #[error("{path}: {cause}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A model that is no encoder.
    #[error("{path}: {cause}", path = path.display())]
    Model {
        /// Its file.
        path: PathBuf,
        /// What was found, and what was expected.
        cause: String,
    },
    /// A file of embeddings that can't be used.
    #[error("{path}: {cause}", path = path.display())]
    Embeddings {
        /// Which one.
        path: PathBuf,
        /// What was found, and what was expected.
        cause: String,
    },
    /// A model that failed at work.
    #[error("the {encoder} encoder failed: {source}")]
    Run {
        /// `text` or `image`.
        encoder: &'static str,
        /// What it said.
        source: EngineError,
    },
    /// A model whose answer is not embeddings.
    #[error("the {encoder} encoder failed: it gave {found}, expected {rows} embeddings")]
    Answer {
        /// `text` or `image`.
        encoder: &'static str,
        /// What it gave.
        found: String,
        /// How many were asked for.
        rows: usize,
    },
    /// A text without a word.
    #[error("the text is empty: expected words")]
    NoWords,
    /// A text longer than CLIP's context.
    #[error("a text of {tokens} tokens: expected at most {most}, about 50 words")]
    TooLong {
        /// How many it has.
        tokens: usize,
        /// How many there may be.
        most: usize,
    },
    /// A text that nothing can embed.
    #[error(
        "no embedding of '{text}' is known, and there is no text encoder: expected one of {known}"
    )]
    Unknown {
        /// The text.
        text: String,
        /// What is known.
        known: String,
    },
    /// Encoders that don't belong together.
    #[error(
        "the text's embedding has {text} numbers, the picture's {image}: expected encoders of one model"
    )]
    Dimensions {
        /// Of the text.
        text: usize,
        /// Of the picture.
        image: usize,
    },
    /// An encoder's answer that is no direction.
    #[error("an embedding with a number that is not finite")]
    NotFinite,
}
