//! Where frames come from.

use std::{fmt, path::PathBuf};

use schemars::{JsonSchema, Schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

use super::{
    check::{self, bounded},
    choice::{self, Choice},
};

/// Each camera has a thread and buffers of its own; one accelerator serves no more than this.
const MAX_CAMERAS: usize = 16;

/// Topic levels beside the cameras' that a camera must not be named after.
const RESERVED: [&str; 7] = [
    "accelerator",
    "availability",
    "info",
    "request",
    "response",
    "set",
    "status",
];

/// One camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Camera {
    /// Its name in topics and messages; no two cameras may share one.
    #[serde(deserialize_with = "name")]
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]{1,64}$"))]
    pub name: String,
    /// What takes the pictures: `synthetic` (moving objects with known outlines) or `images`
    /// (files from a folder).
    pub source: Source,
}

impl Default for Camera {
    fn default() -> Self {
        Self {
            name: "cam0".into(),
            source: Source::default(),
        }
    }
}

/// The kinds of source, with their settings.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = allow_bare_names)]
pub enum Source {
    /// Moving, overlapping, textured objects with known ground truth.
    Synthetic(Synthetic),
    /// Pictures from files.
    Images(Images),
}

impl Default for Source {
    fn default() -> Self {
        Self::Synthetic(Synthetic::default())
    }
}

impl Choice for Source {
    const NAMES: &'static [&'static str] = &["synthetic", "images"];

    fn bare(name: &str) -> Result<Self, String> {
        match name {
            "synthetic" => Ok(Self::Synthetic(Synthetic::default())),
            "images" => Err("images need a path: {images: {path: FILE or FOLDER}}".into()),
            other => Err(Self::unknown(other)),
        }
    }

    fn with_settings<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Self, A::Error> {
        match name {
            "synthetic" => map.next_value().map(Self::Synthetic),
            "images" => map.next_value().map(Self::Images),
            other => Err(A::Error::custom(Self::unknown(other))),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::read(deserializer)
    }
}

fn allow_bare_names(schema: &mut Schema) {
    choice::allow_bare_names(schema, &["synthetic"]);
}

/// A synthetic scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Synthetic {
    /// Columns. Default: 640, what every camera can do.
    #[serde(deserialize_with = "side")]
    #[schemars(range(min = 16, max = 4096))]
    pub width: u32,
    /// Rows. Default: 480.
    #[serde(deserialize_with = "side")]
    #[schemars(range(min = 16, max = 4096))]
    pub height: u32,
    /// Frames per second. Default: 30, as most cameras.
    #[serde(deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: f64,
    /// Moving objects. Default: 8, few enough to tell apart.
    #[serde(deserialize_with = "objects")]
    #[schemars(range(max = 200))]
    pub objects: usize,
    /// The scene is a function of this number. Default: 1.
    pub seed: u64,
}

bounded!(side: u32, 16..=4096);
bounded!(objects: usize, 0..=200);

impl Default for Synthetic {
    fn default() -> Self {
        Self {
            width: 640,
            height: 480,
            fps: 30.0,
            objects: 8,
            seed: 1,
        }
    }
}

/// Pictures from files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// A PNG or JPEG file, or a folder of them, taken in the order of their names; it must exist.
    #[serde(deserialize_with = "check::existing_path")]
    pub path: PathBuf,
    /// Frames per second. Default: 1, slow enough to look at each.
    #[serde(default = "images_fps", deserialize_with = "check::rate")]
    #[schemars(range(min = 0.01, max = 1000))]
    pub fps: f64,
    /// Whether to start again after the last one. Default: true, as a camera never ends.
    #[serde(default = "images_repeat")]
    pub repeat: bool,
}

fn images_fps() -> f64 {
    1.0
}

fn images_repeat() -> bool {
    true
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = check::topic_level(deserializer)?;
    if RESERVED.contains(&name.as_str()) {
        return Err(D::Error::custom(format_args!(
            "a camera can't be named '{name}': the daemon has a topic of that name"
        )));
    }
    Ok(name)
}

/// The list of cameras: not empty, not endless, no name twice.
pub(super) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Camera>, D::Error> {
    deserializer.deserialize_seq(ListVisitor)
}

struct ListVisitor;

impl<'de> Visitor<'de> for ListVisitor {
    type Value = Vec<Camera>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cameras")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<Camera>, A::Error> {
        let mut cameras = Vec::new();
        while let Some(camera) = sequence.next_element_seed(Next { before: &cameras })? {
            cameras.push(camera);
        }
        if cameras.is_empty() {
            return Err(A::Error::custom(
                "no camera: expected at least one, or no such key",
            ));
        }
        Ok(cameras)
    }
}

/// One more camera, checked against those before it where it stands.
struct Next<'a> {
    before: &'a [Camera],
}

impl<'de> DeserializeSeed<'de> for Next<'_> {
    type Value = Camera;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Camera, D::Error> {
        let camera = Camera::deserialize(deserializer)?;
        if self.before.len() == MAX_CAMERAS {
            return Err(D::Error::custom(format_args!(
                "expected at most {MAX_CAMERAS} cameras"
            )));
        }
        if self
            .before
            .iter()
            .any(|earlier| earlier.name == camera.name)
        {
            return Err(D::Error::custom(format_args!(
                "a second camera named '{}': names tell cameras apart",
                camera.name
            )));
        }
        Ok(camera)
    }
}
