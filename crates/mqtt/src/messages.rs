//! The messages' types, as subscribers read them. `masks` messages are written by
//! [`crate::MasksWriter`], which needs no allocation; [`Masks`] is what they parse to, and the
//! source of their JSON Schema.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the `masks` message.
pub const SCHEMA: u32 = 1;

/// The segments of one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Masks {
    /// Version of this message's form: 1.
    pub schema: u32,
    /// The machine that took the frame.
    pub node: String,
    /// The camera.
    pub camera: String,
    /// Which frame.
    pub frame: Frame,
    /// What is in it, in descending score.
    pub segments: Vec<Segment>,
    /// Where the time went.
    pub latency_ms: Latency,
    /// Segments left out, those of the fewest pixels first, because the broker would not have taken
    /// the whole message. Not there when none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments_left_out: Option<usize>,
}

/// Which frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Counts the camera's frames from 0; a gap is a frame that was dropped.
    pub sequence: u64,
    /// When it was taken, UTC, RFC 3339 with milliseconds.
    pub captured_at: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// Its number in this frame.
    pub id: usize,
    /// Confidence, 0 to 1.
    pub score: f32,
    /// The mask's own box in whole pixels: x, y, width, height.
    pub bbox: [u32; 4],
    /// The network's box, with fractions: x, y, width, height.
    pub detection_bbox: [f32; 4],
    /// The mask's pixels.
    pub area: u32,
    /// The mask; not there with `mask_format: none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segmentation: Option<Segmentation>,
}

/// A mask in COCO's form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Segmentation {
    /// Compressed run lengths, column by column.
    Rle {
        /// Rows, columns.
        size: [u32; 2],
        /// The runs, as `pycocotools.mask.decode` reads them.
        counts: String,
    },
    /// Rings `[x1, y1, x2, y2, ...]`.
    Polygons(Vec<Vec<u32>>),
}

/// Where a frame's time went, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// From the capture until the frame was taken up.
    pub capture: f64,
    /// From then until the accelerator's answer, preparation included.
    pub infer: f64,
    /// Post-processing, with the wait for it.
    pub segment: f64,
    /// From the capture until the message was written.
    pub total: f64,
}

/// What the daemon is; retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Info {
    /// The daemon's version.
    pub version: String,
    /// `mock`, `replay`, ...
    pub backend: String,
    /// The network or recording behind it.
    pub network: String,
    /// Frames under way at once.
    pub in_flight: usize,
    /// Frames the chip takes together.
    pub batch_size: usize,
    /// The configuration in force, without secrets.
    pub config: serde_json::Value,
}

/// One camera's last second; retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Segments in the last frame.
    pub count: usize,
    /// Frames published per second since the last summary.
    pub fps: f64,
    /// Where the last frame's time went.
    pub latency_ms: Latency,
    /// The last frame's number.
    pub sequence: u64,
}

/// The daemon's health; retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Frames captured, segmented and published since the start.
    pub frames: BTreeMap<String, u64>,
    /// Frames lost since the start, by where.
    pub dropped: BTreeMap<String, u64>,
    /// What waits, by where.
    pub queued: BTreeMap<String, usize>,
    /// Times the broker has been connected to.
    pub mqtt_connects: u64,
    /// Resident memory of the process, bytes; 0 where the system does not say.
    pub rss_bytes: u64,
}
