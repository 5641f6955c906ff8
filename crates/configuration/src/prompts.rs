//! Prompts that are asked of every frame.

use message::prompt::Prompt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{check, quote::quoted};

/// A prompt that is asked of every frame of a camera, and answered on `CAMERA/prompts/NAME`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StandingPrompt {
    /// Its name, the last level of its topic.
    #[serde(deserialize_with = "check::topic_level")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,64}$"))]
    pub name: String,
    /// The camera; may be left out where there is one.
    #[serde(default)]
    pub camera: Option<String>,
    /// Whether it follows the objects that it found from frame to frame, instead of staying on the pixel.
    /// Default: true.
    #[serde(default = "follow")]
    pub follow: bool,
    /// What is asked: points, boxes, ids, text.
    pub prompt: Prompt,
}

fn follow() -> bool {
    true
}

/// What is wrong with standing prompts beside these cameras, and with or without a text model: each by its number.
pub(crate) fn mistakes(
    prompts: &[StandingPrompt],
    names: &[&str],
    has_text_model: bool,
) -> Vec<(usize, String)> {
    let cause = |prompt: &StandingPrompt| {
        let name = quoted(&prompt.name);
        match &prompt.camera {
            None if names.len() > 1 => Some(format!(
                "prompt {name} without 'camera' beside several cameras: expected one of {}",
                names.join(", ")
            )),
            Some(camera) if !names.contains(&camera.as_str()) => Some(format!(
                "prompt {name} is for camera {}, which there is not: expected one of {}",
                quoted(camera),
                names.join(", ")
            )),
            _ if prompt.prompt.text.is_some() && !has_text_model => Some(format!(
                "prompt {name} asks for a text, which needs a text model: expected the section 'text' beside it"
            )),
            _ => None,
        }
    };
    prompts
        .iter()
        .enumerate()
        .filter_map(|(number, prompt)| Some((number, cause(prompt)?)))
        .collect()
}
