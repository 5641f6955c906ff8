//! The text model: what looks like what a text says.

use std::{num::NonZeroUsize, path::PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    check::{self, Section, bounded},
    quote::quoted,
};

/// CLIP's encoders, for text prompts. `fastsamd fetch clip` gets them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The image encoder, an ONNX file.
    #[serde(deserialize_with = "check::existing_path")]
    pub image_encoder: PathBuf,
    /// The text encoder, an ONNX file of the same model. Default: none; then `embeddings` is needed.
    #[serde(default, deserialize_with = "check::optional_file")]
    pub text_encoder: Option<PathBuf>,
    /// Embeddings of texts that were made elsewhere, a JSON file: the only texts that are
    /// understood where there is no text encoder. Default: none.
    #[serde(default, deserialize_with = "check::optional_file")]
    pub embeddings: Option<PathBuf>,
    /// Sentences that a text is put into, in the place of `{}`; what they have in common counts.
    /// Default: "a photo of a {}", "a photo of the {}", "{}": the models have seen sentences.
    #[serde(default = "templates")]
    #[schemars(length(max = 100))]
    pub templates: Vec<String>,
    /// A segment matches where the cosine of its embedding and the text's is at least this.
    /// Default: 0.25, which suits OpenAI's ViT-B/32; each model has its own.
    #[serde(default = "threshold", deserialize_with = "cosine")]
    #[schemars(range(min = -1, max = 1))]
    pub threshold: f64,
    /// Segments of fewer pixels are not looked at. Default: 400, 20 by 20: less is a smudge.
    #[serde(default = "min_area")]
    pub min_area: u32,
    /// Of all others the largest so many are. Default: 32: each costs its time, on a Raspberry Pi
    /// about 0.1 s.
    #[serde(default = "max_segments")]
    pub max_segments: NonZeroUsize,
    /// Black room around a segment in its picture, as a share of its longer side. Default: 0.1.
    #[serde(default = "margin", deserialize_with = "check::fraction")]
    #[schemars(range(min = 0, max = 1))]
    pub margin: f64,
    /// Seconds after which standing text prompts look again; in between they follow what they
    /// found. Default: 1.
    #[serde(default = "refresh_s", deserialize_with = "check::interval_s")]
    #[schemars(range(min = 0.1, max = 86400))]
    pub refresh_s: f64,
}

bounded!(cosine: f64, -1.0..=1.0);

fn templates() -> Vec<String> {
    ["a photo of a {}", "a photo of the {}", "{}"]
        .map(str::to_owned)
        .to_vec()
}

fn threshold() -> f64 {
    0.25
}

fn min_area() -> u32 {
    400
}

fn max_segments() -> NonZeroUsize {
    const { NonZeroUsize::new(32).unwrap() }
}

fn margin() -> f64 {
    0.1
}

fn refresh_s() -> f64 {
    1.0
}

impl Section for Text {
    fn check(&self) -> Result<(), String> {
        if self.text_encoder.is_none() && self.embeddings.is_none() {
            return Err("text: expected 'text_encoder', 'embeddings' or both".into());
        }
        if let Some(template) = self
            .templates
            .iter()
            .find(|template| !template.contains("{}"))
        {
            return Err(format!(
                "template {}: expected '{{}}' in the place of the text",
                quoted(template)
            ));
        }
        if self.templates.len() > 100 {
            return Err(format!(
                "{} templates: expected at most 100",
                self.templates.len()
            ));
        }
        Ok(())
    }
}
