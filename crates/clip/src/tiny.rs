//! A pair of encoders that knows a dozen colours and nothing else, made by `scripts/make-tiny-clip`:
//! for the demonstration, and for tests of all that does not depend on what a model knows.

use std::path::Path;

use crate::{ClipError, OnnxImageEncoder, TextEncoder};

const TEXT: &[u8] = include_bytes!("../data/tiny-text.onnx");
const IMAGE: &[u8] = include_bytes!("../data/tiny-image.onnx");

/// The least cosine of a match between the tiny encoders: most of a segment has the colour.
pub const TINY_THRESHOLD: f64 = 0.8;

/// Both encoders.
///
/// # Errors
/// None that a test would not have met: the files are part of the program.
pub fn tiny_encoders() -> Result<(TextEncoder, OnnxImageEncoder), ClipError> {
    Ok((
        TextEncoder::new(TEXT.to_vec(), Path::new("tiny-text.onnx"))?,
        OnnxImageEncoder::new(IMAGE.to_vec(), Path::new("tiny-image.onnx"))?,
    ))
}
