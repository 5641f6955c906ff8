//! What runs the network.

use std::{borrow::Cow, path::PathBuf};

use frame::InputSize;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess},
};

use crate::{
    check::{self, bounded},
    choice::{self, Choice},
    number,
    onnx::Onnx,
    quote::quoted,
};

/// The accelerator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Accelerator {
    /// Which one: `onnx` (a network on the CPU: FastSAM from a file, or the one that is built in),
    /// `hailo` (a Hailo-8 or 8L), `replay` (repeats a recording) or `mock` (for tests: finds regions of
    /// similar colour and answers as the network would). Default: `onnx` with the built-in network.
    pub backend: Backend,
    /// Frames under way at once, at most. Default: 4, or two batches. Each frame is sent right before
    /// the chip is free for it, so that more than are needed are under way only while that is found
    /// out.
    #[serde(deserialize_with = "in_flight")]
    #[schemars(range(min = 1, max = 32))]
    pub in_flight: Option<usize>,
    /// Frames the chip takes together. Default: 1, for the least latency; 8 raises a Hailo-8
    /// from 48 to 65 frames per second.
    #[serde(deserialize_with = "batch_size")]
    #[schemars(range(min = 1, max = 16))]
    pub batch_size: usize,
    /// What the network's classes are called, one name for each, where it tells several apart.
    /// Default: what an ONNX file says, or COCO's names where there are 80.
    pub class_names: Option<Vec<String>>,
}

bounded!(batch_size: usize, 1..=16);

impl Default for Accelerator {
    fn default() -> Self {
        Self {
            backend: Backend::default(),
            in_flight: None,
            batch_size: 1,
            class_names: None,
        }
    }
}

impl Accelerator {
    /// Frames under way at once.
    pub fn frames_in_flight(&self) -> usize {
        self.in_flight.unwrap_or((2 * self.batch_size).max(4))
    }
}

fn in_flight<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    number::optional_within(deserializer, 1..=32)
}

/// The kinds of accelerator, with their settings.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = allow_bare_names)]
pub enum Backend {
    /// A stand-in that computes from the pixels, at a Hailo-8's pace.
    Mock(Mock),
    /// A Hailo-8 or Hailo-8L, through libhailort.
    Hailo(Hailo),
    /// A network on the CPU, from an ONNX file or built in.
    Onnx(Onnx),
    /// Answers from a recording, whatever the input.
    Replay(Replay),
}

impl Default for Backend {
    fn default() -> Self {
        Self::Onnx(Onnx::default())
    }
}

impl Backend {
    /// Its name in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Mock(_) => "mock",
            Self::Hailo(_) => "hailo",
            Self::Onnx(_) => "onnx",
            Self::Replay(_) => "replay",
        }
    }
}

impl Choice for Backend {
    const NAMES: &'static [&'static str] = &["mock", "hailo", "onnx", "replay"];

    fn bare(name: &str) -> Result<Self, String> {
        match name {
            "mock" => Ok(Self::Mock(Mock::default())),
            "hailo" => Ok(Self::Hailo(Hailo::default())),
            "onnx" => Ok(Self::Onnx(Onnx::default())),
            "replay" => Err("replay needs a recording: {replay: {recording: FOLDER}}".into()),
            other => Err(Self::unknown(other)),
        }
    }

    fn with_settings<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Self, A::Error> {
        match name {
            "mock" => map.next_value().map(Self::Mock),
            "hailo" => map.next_value().map(Self::Hailo),
            "onnx" => map.next_value().map(Self::Onnx),
            "replay" => map.next_value().map(Self::Replay),
            other => Err(A::Error::custom(Self::unknown(other))),
        }
    }
}

impl<'de> Deserialize<'de> for Backend {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::read(deserializer)
    }
}

fn allow_bare_names(schema: &mut Schema) {
    choice::allow_bare_names(schema, &["mock", "hailo", "onnx"]);
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
    /// The network's input: its side, or its width and height, all multiples of 32 from 32 to 1280.
    /// Default: 640, as the published networks have it. Other backends take the input's size from
    /// their file.
    #[serde(with = "crate::input_size")]
    #[schemars(with = "crate::input_size::Sides")]
    pub input: InputSize,
}

bounded!(latency_ms: u32, 0..=10_000);

impl Default for Mock {
    fn default() -> Self {
        Self {
            fps: 48.0,
            fps_batch_8: 65.0,
            latency_ms: 0,
            input: InputSize::DEFAULT,
        }
    }
}

/// A Hailo-8 or Hailo-8L.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Hailo {
    /// A FastSAM HEF for the chip. Default: where `fastsamd fetch fast_sam_s --for hailo8` puts it.
    /// Looked for when the daemon starts, so that a configuration can be checked elsewhere.
    pub hef: PathBuf,
    /// The HEF's sha256, 64 hexadecimal digits: another file is refused. Default: any is taken.
    pub sha256: Option<Sha256>,
    /// libhailort. Default: `libhailort.so` and versions 4.23.0 to 4.20.0, where the system looks
    /// for libraries.
    #[serde(deserialize_with = "check::optional_path")]
    pub library: Option<PathBuf>,
    /// The device's PCIe address, such as `0001:01:00.0`. Default: any that is free.
    pub device: Option<String>,
    /// Shares the chip with other users of the group inside this process. Default: taken alone.
    pub group_id: Option<String>,
    /// Shares the chip with other programs through a running hailort_service. Default: no.
    pub multi_process_service: bool,
    /// How long the chip waits for a batch to fill. Default: 100.
    #[serde(deserialize_with = "scheduler_timeout_ms")]
    #[schemars(range(min = 1, max = 1000))]
    pub scheduler_timeout_ms: u32,
    /// Who goes first where programs share the chip, 0 to 31. Default: the library's, 16.
    #[serde(deserialize_with = "priority")]
    #[schemars(range(max = 31))]
    pub priority: Option<u8>,
    /// The longest a frame may take before the vstreams are made anew. Default: 500; a frame
    /// takes about 21, a batch of 8 about 123.
    #[serde(deserialize_with = "timeout_ms")]
    #[schemars(range(min = 200, max = 1200))]
    pub timeout_ms: u32,
    /// How often in a row the device is taken anew before the daemon gives up and exits, so that
    /// the service manager starts it afresh. Default: 10, about 15 seconds.
    #[serde(deserialize_with = "restart_attempts")]
    #[schemars(range(min = 1, max = 1000))]
    pub restart_attempts: u32,
}

bounded!(scheduler_timeout_ms: u32, 1..=1000);
// A reader may wait twice this long: nothing is to hang for more than 3 seconds.
bounded!(timeout_ms: u32, 200..=1200);
bounded!(restart_attempts: u32, 1..=1000);

impl Default for Hailo {
    fn default() -> Self {
        Self {
            hef: "/usr/share/fastsamd/hef/fast_sam_s.hailo8.hef".into(),
            sha256: None,
            library: None,
            device: None,
            group_id: None,
            multi_process_service: false,
            scheduler_timeout_ms: 100,
            priority: None,
            timeout_ms: 500,
            restart_attempts: 10,
        }
    }
}

fn priority<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    number::optional_within(deserializer, 0..=31)
}

/// A file's SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits = self.0.map(|byte| format!("{byte:02x}")).concat();
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let mut sum = [0; 32];
        let bytes = digits.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            let hexadecimal = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(pair, 16).ok().filter(|_| hexadecimal)
        });
        let complete = digits.len() == 2 * sum.len()
            && sum
                .iter_mut()
                .zip(bytes)
                .all(|(byte, read)| read.inspect(|&read| *byte = read).is_some());
        if complete {
            Ok(Self(sum))
        } else {
            Err(D::Error::custom(format_args!(
                "{} is no SHA-256: expected 64 hexadecimal digits, as sha256sum prints",
                quoted(&digits)
            )))
        }
    }
}

impl JsonSchema for Sha256 {
    fn schema_name() -> Cow<'static, str> {
        "Sha256".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[0-9A-Fa-f]{64}$" })
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
