//! Prompts that are asked of every frame.

use message::prompt::Prompt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check;

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
