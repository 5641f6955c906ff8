//! What runs the network.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer, Serialize, de::MapAccess};

use super::{
    check::{self, bounded},
    choice::{self, Choice},
};

/// The accelerator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Accelerator {
    /// Which one: `mock` (no hardware: finds regions in the pixels and answers as the network
    /// would) or `replay` (repeats a recording).
    pub backend: Backend,
    /// Frames under way at once. Default: 4, enough to keep the chip busy while one frame is
    /// prepared and one is read; each more adds a frame time of latency.
    #[serde(deserialize_with = "in_flight")]
    #[schemars(range(min = 1, max = 32))]
    pub in_flight: usize,
    /// Frames the chip takes together. Default: 1, for the least latency; 8 raises a Hailo-8
    /// from 48 to 65 frames per second.
    #[serde(deserialize_with = "batch_size")]
    #[schemars(range(min = 1, max = 16))]
    pub batch_size: usize,
}

bounded!(in_flight: usize, 1..=32);
bounded!(batch_size: usize, 1..=16);

impl Default for Accelerator {
    fn default() -> Self {
        Self {
            backend: Backend::default(),
            in_flight: 4,
            batch_size: 1,
        }
    }
}

/// The kinds of accelerator, with their settings.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = allow_bare_names)]
pub enum Backend {
    /// A stand-in that computes from the pixels, at a Hailo-8's pace.
    Mock(Mock),
    /// Answers from a recording, whatever the input.
    Replay(Replay),
}

impl Default for Backend {
    fn default() -> Self {
        Self::Mock(Mock::default())
    }
}

impl Choice for Backend {
    const NAMES: &'static [&'static str] = &["mock", "replay"];

    fn bare(name: &str) -> Result<Self, String> {
        match name {
            "mock" => Ok(Self::Mock(Mock::default())),
            "replay" => Err("replay needs a recording: {replay: {recording: FOLDER}}".into()),
            other => Err(Self::unknown(other)),
        }
    }

    fn with_settings<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Self, A::Error> {
        match name {
            "mock" => map.next_value().map(Self::Mock),
            "replay" => map.next_value().map(Self::Replay),
            other => Err(serde::de::Error::custom(Self::unknown(other))),
        }
    }
}

impl<'de> Deserialize<'de> for Backend {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::read(deserializer)
    }
}

fn allow_bare_names(schema: &mut Schema) {
    choice::allow_bare_names(schema, &["mock"]);
}

/// The mock accelerator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mock {
    /// Frames per second at batch size 1. Default: 48, a Hailo-8's published rate for
    /// fast_sam_s.
    #[serde(deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: f64,
    /// Frames per second at batch size 8; in between the rate is interpolated. Default: 65, a
    /// Hailo-8's published rate.
    #[serde(deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps_batch_8: f64,
    /// Time from input to answer on top of the frame time. Default: 0.
    #[serde(deserialize_with = "latency_ms")]
    #[schemars(range(max = 10_000))]
    pub latency_ms: u32,
}

bounded!(latency_ms: u32, 0..=10_000);

impl Default for Mock {
    fn default() -> Self {
        Self {
            fps: 48.0,
            fps_batch_8: 65.0,
            latency_ms: 0,
        }
    }
}

/// Answers from a recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// A recording (a folder with manifest.json) or a folder of recordings; it must exist.
    #[serde(deserialize_with = "check::existing_path")]
    pub recording: PathBuf,
    /// Frames per second. Default: 48, as the mock.
    #[serde(default = "replay_fps", deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: f64,
}

fn replay_fps() -> f64 {
    Mock::default().fps
}
