//! Embeds a text and a picture of raw bytes and prints both, for `scripts/export-clip` to compare:
//!
//! ```text
//! embed VISION.onnx TEXT.onnx WORDS PICTURE     PICTURE: side * side * 3 bytes
//! ```

#![expect(clippy::print_stdout, reason = "the answer goes to the script")]

use std::{error::Error, path::Path};

use clip::{ImageEncoder as _, OnnxImageEncoder, TextEncoder, Texts};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [vision, text, words, picture] = arguments.as_slice() else {
        return Err("expected: VISION.onnx TEXT.onnx WORDS PICTURE".into());
    };
    let encoder = TextEncoder::open(Path::new(text))?;
    let words = Texts::new(Some(encoder), &[], None).embed(words)?;
    let pictures = OnnxImageEncoder::open(Path::new(vision))?.embed(&std::fs::read(picture)?)?;
    for embedding in pictures.iter().chain([&words]) {
        println!("{}", serde_json::to_string(embedding.values())?);
    }
    Ok(())
}
