//! From crops to embeddings.

use std::path::Path;

use onnx::Port;
use rten_tensor::NdTensor;

use crate::{
    ClipError, Embedding,
    encoder::{self, Encoder},
};

/// CLIP's pictures, where the model doesn't say: ViT-B/32 and most others.
const USUAL_SIDE: usize = 224;
/// Sides that make sense.
const SIDES: std::ops::RangeInclusive<usize> = 8..=1024;

/// Pictures encoded at a time by a model with a fixed batch, at most.
const MOST_BATCH: usize = 64;

/// Mean and deviation of the pictures that CLIP was trained on, red, green and blue from 0 to 1
/// (the preprocessing in OpenAI's `clip.py`).
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// Something that embeds square pictures.
pub trait ImageEncoder: Send {
    /// Columns and rows of its pictures.
    fn side(&self) -> usize;

    /// Embeds pictures, `side * side * 3` bytes each, red, green and blue from 0 to 255.
    ///
    /// # Errors
    /// [`ClipError::Run`], [`ClipError::NotFinite`].
    fn embed(&mut self, pictures: &[u8]) -> Result<Vec<Embedding>, ClipError>;
}

/// An image encoder from an ONNX file.
///
/// Input: `pixel_values`, or the only one, N x 3 x side x side. Output: `image_embeds`, or the only
/// one of two dimensions.
pub struct OnnxImageEncoder {
    model: Encoder,
    input: Port,
    side: usize,
    /// Pictures that the model takes together, where it takes no other number.
    batch: Option<usize>,
}

impl OnnxImageEncoder {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ClipError::Onnx`], [`ClipError::Model`].
    pub fn open(path: &Path) -> Result<Self, ClipError> {
        Self::new(encoder::read(path)?, path)
    }

    /// A file's content; `path` names it in errors.
    pub(crate) fn new(bytes: Vec<u8>, path: &Path) -> Result<Self, ClipError> {
        let model = Encoder::new(bytes, path, "image", "image_embeds")?;
        let wrong = |cause: String| ClipError::Model {
            path: path.to_owned(),
            cause,
        };
        let mut inputs = model.inputs();
        let names: Vec<_> = inputs.iter().map(|input| input.name.clone()).collect();
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
            return Err(wrong(format!(
                "no image encoder: its inputs are {}, expected 'pixel_values' alone",
                names.join(", ")
            )));
        };
        let shape = input.shape.as_deref().unwrap_or_default();
        let &[batch, channels, height, width] = shape else {
            return Err(wrong(format!(
                "no image encoder: '{}' has {} dimensions, expected batch, channels, height, width",
                input.name,
                shape.len()
            )));
        };
        let side = width.unwrap_or(USUAL_SIDE);
        if channels.is_some_and(|channels| channels != 3)
            || height.is_some_and(|height| height != side)
            || !SIDES.contains(&side)
        {
            return Err(wrong(format!(
                "'{}' takes {:?} pictures: expected 3 channels and a square of {} to {}",
                input.name,
                shape,
                SIDES.start(),
                SIDES.end()
            )));
        }
        if batch.is_some_and(|batch| !(1..=MOST_BATCH).contains(&batch)) {
            return Err(wrong(format!(
                "'{}' takes {:?} pictures together: expected 1 to {MOST_BATCH}, or any number",
                input.name, batch
            )));
        }
        Ok(Self {
            batch,
            model,
            input,
            side,
        })
    }
}

impl ImageEncoder for OnnxImageEncoder {
    fn side(&self) -> usize {
        self.side
    }

    fn embed(&mut self, pictures: &[u8]) -> Result<Vec<Embedding>, ClipError> {
        let bytes = self.side * self.side * 3;
        let mut embeddings = Vec::with_capacity(pictures.len() / bytes);
        let together = self.batch.unwrap_or(pictures.len() / bytes).max(1);
        for batch in pictures.chunks(together * bytes) {
            let count = batch.len() / bytes;
            // Made up to the model's batch with zeros, whose embeddings are left out.
            let rows = self.batch.unwrap_or(count);
            let mut values = vec![0.0; rows * bytes];
            for (picture, planes) in batch
                .chunks_exact(bytes)
                .zip(values.chunks_exact_mut(bytes))
            {
                normalise(picture, planes);
            }
            let values = NdTensor::from_data([rows, 3, self.side, self.side], values);
            let found = self.model.run(vec![(self.input.id, values.into())], rows)?;
            for values in found.iter().take(count) {
                embeddings.push(Embedding::new(values)?);
            }
        }
        Ok(embeddings)
    }
}

/// From bytes pixel by pixel to normalised planes.
fn normalise(picture: &[u8], planes: &mut [f32]) {
    let pixels = picture.len() / 3;
    for (channel, plane) in planes.chunks_exact_mut(pixels).enumerate() {
        let (mean, deviation) = (MEAN[channel], DEVIATION[channel]);
        let levels = picture.iter().skip(channel).step_by(3);
        for (value, level) in plane.iter_mut().zip(levels) {
            *value = (f32::from(*level) / 255.0 - mean) / deviation;
        }
    }
}
