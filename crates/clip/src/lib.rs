//! Text prompts: which of a frame's segments look like what a text says.
//!
//! `text -> tokens -> text encoder -> embedding` and `segment -> crop -> image encoder ->
//! embedding`; CLIP ("Learning Transferable Visual Models From Natural Language Supervision",
//! Radford et al. 2021) was trained so that embeddings of a picture and of words that describe it
//! point the same way. How alike they are is the cosine of the angle between them.
//!
//! Encoders are ONNX files that run on the CPU. Text is embedded once and kept; where there is no
//! text encoder, embeddings come from a file that was made elsewhere. Nothing here knows threads,
//! clocks or cameras.

mod crop;
mod embedding;
mod encoder;
mod error;
mod image;
mod known;
mod matcher;
mod text;
mod tiny;
mod tokens;

pub use crop::{Cropper, Picture};
pub use embedding::Embedding;
pub use error::ClipError;
pub use image::{ImageEncoder, OnnxImageEncoder};
pub use known::Known;
pub use matcher::{Match, Matcher, Recollection, Settings};
pub use text::{TextEncoder, Texts};
pub use tiny::{TINY_THRESHOLD, tiny_encoders};
pub use tokens::Tokens;
