//! What goes out: messages and log lines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check;

/// What is published, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Publish {
    /// How masks are written: `rle` (default: COCO's compressed run lengths, exact and small),
    /// `polygon` (outlines, easier to draw) or `none` (boxes only).
    pub mask_format: MaskFormat,
    /// How far a polygon may stray from the outline, in pixels. Default: 1, which an eye does
    /// not see and which makes a fraction of the points do; 0 keeps every corner.
    #[serde(deserialize_with = "polygon_tolerance")]
    #[schemars(range(min = 0, max = 100))]
    pub polygon_tolerance: f64,
    /// Seconds between two summaries of a camera. Default: 1.
    #[serde(deserialize_with = "check::interval_s")]
    #[schemars(range(min = 0.1, max = 86_400))]
    pub summary_interval_s: f64,
    /// Seconds between two status messages. Default: 30.
    #[serde(deserialize_with = "check::interval_s")]
    #[schemars(range(min = 0.1, max = 86_400))]
    pub status_interval_s: f64,
}

check::bounded!(polygon_tolerance: f64, 0.0..=100.0);

impl Default for Publish {
    fn default() -> Self {
        Self {
            mask_format: MaskFormat::Rle,
            polygon_tolerance: 1.0,
            summary_interval_s: 1.0,
            status_interval_s: 30.0,
        }
    }
}

impl Publish {
    /// How masks are written, with the polygons' tolerance.
    pub fn format(&self) -> message::MaskFormat {
        match self.mask_format {
            MaskFormat::Rle => message::MaskFormat::Rle,
            MaskFormat::Polygon => message::MaskFormat::Polygon {
                tolerance: self.polygon_tolerance,
            },
            MaskFormat::None => message::MaskFormat::None,
        }
    }
}

/// How masks are written.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum MaskFormat {
    /// COCO's compressed run lengths.
    #[default]
    Rle,
    /// Rings of points.
    Polygon,
    /// Not at all.
    None,
}

/// What the daemon says of itself on standard error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The least important lines shown. Default: info. FASTSAMD_LOG overrides it.
    pub level: Level,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Work failed.
    Error,
    /// Something to look at.
    Warn,
    /// What a person wants to know.
    #[default]
    Info,
    /// For looking into a fault.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    /// All of them, most important first.
    const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// Its name in the configuration, which is also a directive of tracing's filter.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|level| level.name().eq_ignore_ascii_case(name))
    }
}
