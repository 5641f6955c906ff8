//! The `masks` message as subscribers read it.
//!
//! `bbox`, `area` and `segmentation` follow COCO's annotation format
//! (<https://cocodataset.org/#format-data>): `pycocotools.mask.decode` reads the run lengths.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the message. It changes when a field changes its meaning or goes, not when one
/// comes.
pub const SCHEMA: u32 = 1;

/// All segments of one frame, published on `<camera>/masks`. Coordinates are frame pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Masks {
    /// Version of this message: 1.
    pub schema: u32,
    /// Name of the node.
    pub node: String,
    /// Name of the camera.
    pub camera: String,
    /// What ran the network: `hailo`, `onnx`, `replay`, or `mock`, whose segments are regions of like pixels
    /// and not FastSAM's.
    #[serde(default)]
    pub backend: String,
    /// The absolute path of the picture or recording that was segmented. Only `fastsamd segment`
    /// writes it; a camera's messages have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// How masks are written.
    #[serde(default)]
    pub mask_format: Format,
    /// The frame that was segmented.
    pub frame: Frame,
    /// What was found in it, in descending score; perhaps nothing.
    pub segments: Vec<Segment>,
    /// Where the time went.
    pub latency_ms: LatencyMs,
    /// Only in a message that would have been too large for the broker: what was left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduced: Option<Reduced>,
}

/// How masks are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// As COCO's compressed run lengths.
    #[default]
    Rle,
    /// As COCO's run lengths, each a number.
    Counts,
    /// As rings.
    Polygon,
    /// Not at all.
    None,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// Number of the frame, ascending per camera; frames that were dropped leave gaps.
    pub sequence: u64,
    /// When it was captured: RFC 3339, UTC, milliseconds.
    #[schemars(extend("format" = "date-time"))]
    pub captured_at: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    /// With `track`: stays with the object from frame to frame and is never used again for another, over restarts
    /// neither. Without: numbers the frame's segments from 0.
    pub id: u64,
    /// COCO's number of the picture: the frame's `sequence`.
    #[serde(default)]
    pub image_id: u64,
    /// COCO's number of the class, from 1: 1 where there is one class only.
    #[serde(default)]
    pub category_id: u32,
    /// COCO's mark of groups, whose masks have no single outline: 0, as each segment is one object.
    #[serde(default)]
    pub iscrowd: u8,
    /// The class it is of, from 0. Only for networks that tell several apart; FastSAM doesn't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<u16>,
    /// What that class is called, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Confidence, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub score: f32,
    /// The mask's own box: `[x, y, width, height]` in whole pixels.
    pub bbox: [u32; 4],
    /// Pixels of the mask.
    pub area: u32,
    /// The network's box: `[x, y, width, height]`, with fractions of pixels.
    pub detection_bbox: [f32; 4],
    /// The mean of the mask's pixels: `[x, y]`, to a tenth of a pixel; a pixel's own place is its middle.
    #[serde(default)]
    pub centroid: [f32; 2],
    /// The object over frames; absent where frames have nothing to do with each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<Track>,
    /// The mask; absent with `mask_format: none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segmentation: Option<Segmentation>,
}

/// What is known of an object from the frames before.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Track {
    /// Milliseconds since the object was first seen.
    pub age_ms: u64,
    /// Whether it is believed.
    pub state: TrackState,
    /// Pixels a second, rightwards and downwards.
    pub velocity: [f32; 2],
}

/// Whether an object is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TrackState {
    /// Seen in too few frames so far: perhaps it is noise.
    Tentative,
    /// It is.
    Tracked,
}

/// A mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Segmentation {
    /// COCO's compressed run lengths, exact.
    Rle {
        /// Rows and columns that the mask is defined over: the frame's, or the network input's
        /// where masks of that size are asked for.
        size: [u32; 2],
        /// Lengths of runs in column-major order, compressed.
        counts: String,
    },
    /// COCO's run lengths, exact, each a number.
    Counts {
        /// Rows and columns that the mask is defined over.
        size: [u32; 2],
        /// Lengths of runs in column-major order, background first, perhaps of length 0.
        counts: Vec<u32>,
    },
    /// Rings `[x1, y1, x2, y2, ...]` on pixel borders, to be filled by the even-odd rule: the pixel in column `x` and
    /// row `y` covers `x` to `x + 1` and `y` to `y + 1`. Outlines run counter-clockwise as seen in the picture, holes
    /// clockwise. Pixels that touch at a corner alone belong to different rings.
    Polygons(Vec<Vec<u32>>),
}

/// How long the frame took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencyMs {
    /// From the capture until the accelerator's side took the frame up.
    pub capture: f64,
    /// Pre-processing and inference.
    pub infer: f64,
    /// Post-processing.
    pub segment: f64,
    /// From the capture until this message was written.
    pub total: f64,
}

/// What is missing in a message that was too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reduced {
    /// Segments left out, those of the smallest area first. The others keep their `id`.
    pub segments_dropped: u64,
}

/// The JSON Schema of the `masks` message.
pub fn masks_schema() -> serde_json::Value {
    schemars::schema_for!(Masks).to_value()
}
