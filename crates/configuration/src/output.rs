//! What goes out: messages and log lines.

use std::{borrow::Cow, fmt, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

use crate::{check, error};

/// What is published, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Publish {
    /// Which frames become a `masks` message: `all` (default), a number (at most so many a second),
    /// `changed` (when an object comes, goes, or moves) or `never`.
    pub masks: Masks,
    /// How masks are written: `rle` (default: COCO's compressed run lengths, exact and small),
    /// `counts` (the same as a list of numbers, for those without a decoder), `polygon` (outlines, easier
    /// to draw) or `none` (boxes only).
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
    /// Seconds between two changes of a count, at least. Default: 0.5.
    #[serde(deserialize_with = "check::interval_s")]
    #[schemars(range(min = 0.1, max = 86_400))]
    pub count_interval_s: f64,
    /// Seconds between two status messages. Default: 30.
    #[serde(deserialize_with = "check::interval_s")]
    #[schemars(range(min = 0.1, max = 86_400))]
    pub status_interval_s: f64,
    /// Whether every frame is published as a label map, too: a PNG whose pixels number segments. Default: false, as
    /// most read masks.
    pub labelmap: bool,
    /// Whether every `masks` message is published in its binary form, too, which has four tenths of the bytes. Default:
    /// false, as most read JSON.
    pub binary: bool,
    /// Seconds between two snapshots of a camera: a JPEG with its segments, retained. Default: 0, none.
    #[serde(deserialize_with = "snapshot_interval_s")]
    #[schemars(range(min = 0, max = 86_400))]
    pub snapshot_interval_s: f64,
}

/// Seconds between two snapshots, or 0.
fn snapshot_interval_s<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    if seconds == 0.0 || (0.1..=86_400.0).contains(&seconds) {
        return Ok(seconds);
    }
    Err(D::Error::custom(format_args!(
        "{seconds} is out of range: expected 0.1 to 86400, or 0 for none"
    )))
}

check::bounded!(polygon_tolerance: f64, 0.0..=100.0);

impl Default for Publish {
    fn default() -> Self {
        Self {
            masks: Masks::All,
            mask_format: MaskFormat::Rle,
            polygon_tolerance: 1.0,
            summary_interval_s: 1.0,
            count_interval_s: 0.5,
            status_interval_s: 30.0,
            labelmap: false,
            binary: false,
            snapshot_interval_s: 0.0,
        }
    }
}

impl Publish {
    /// The time between two snapshots, where there are any.
    pub fn snapshot_interval(&self) -> Option<Duration> {
        let seconds = self.snapshot_interval_s;
        (seconds > 0.0).then(|| Duration::from_secs_f64(seconds))
    }

    /// How masks are written, with the polygons' tolerance.
    pub fn format(&self) -> message::MaskFormat {
        match self.mask_format {
            MaskFormat::Rle => message::MaskFormat::Rle,
            MaskFormat::Counts => message::MaskFormat::Counts,
            MaskFormat::Polygon => message::MaskFormat::Polygon {
                tolerance: self.polygon_tolerance,
            },
            MaskFormat::None => message::MaskFormat::None,
        }
    }
}

/// Which frames become a `masks` message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Masks {
    /// Every one.
    #[default]
    All,
    /// At most so many a second.
    PerSecond(f64),
    /// Those in which an object comes, goes, or has moved.
    Changed,
    /// None.
    Never,
}

impl Masks {
    const NAMES: [&'static str; 3] = ["all", "changed", "never"];
    /// Most a second: more than any camera has.
    const RATES: std::ops::RangeInclusive<f64> = 0.01..=1000.0;

    /// The time between two messages, where there is a limit.
    pub fn interval(self) -> Option<Duration> {
        match self {
            Self::PerSecond(rate) => Some(Duration::from_secs_f64(1.0 / rate)),
            Self::All | Self::Changed | Self::Never => None,
        }
    }
}

impl Serialize for Masks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::PerSecond(rate) => serializer.serialize_f64(*rate),
            Self::Changed => serializer.serialize_str("changed"),
            Self::Never => serializer.serialize_str("never"),
        }
    }
}

impl<'de> Deserialize<'de> for Masks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MasksVisitor)
    }
}

struct MasksVisitor;

impl Visitor<'_> for MasksVisitor {
    type Value = Masks;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all, changed, never, or how many a second")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Masks, E> {
        match name {
            "all" => Ok(Masks::All),
            "changed" => Ok(Masks::Changed),
            "never" => Ok(Masks::Never),
            other => Err(E::custom(error::unknown("value", other, &Masks::NAMES))),
        }
    }

    fn visit_f64<E: Error>(self, rate: f64) -> Result<Masks, E> {
        if Masks::RATES.contains(&rate) {
            return Ok(Masks::PerSecond(rate));
        }
        let (least, most) = (Masks::RATES.start(), Masks::RATES.end());
        Err(E::custom(format_args!(
            "{rate} a second is out of range: expected {least} to {most}, or never"
        )))
    }

    fn visit_u64<E: Error>(self, rate: u64) -> Result<Masks, E> {
        self.visit_f64(rate as f64)
    }

    fn visit_i64<E: Error>(self, rate: i64) -> Result<Masks, E> {
        self.visit_f64(rate as f64)
    }
}

impl JsonSchema for Masks {
    fn schema_name() -> Cow<'static, str> {
        "Masks".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let (least, most) = (Self::RATES.start(), Self::RATES.end());
        json_schema!({
            "description": "Which frames become a `masks` message.",
            "oneOf": [
                { "type": "string", "enum": Self::NAMES },
                { "type": "number", "minimum": least, "maximum": most }
            ]
        })
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
    /// COCO's run lengths as a list of numbers.
    Counts,
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
    /// How lines are written. Default: text.
    pub format: LogFormat,
}

/// How lines of the log are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people: with colours on a terminal, with priorities for journald.
    #[default]
    Text,
    /// For programs: one JSON object a line.
    Json,
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
    pub const ALL: [Self; 5] = [
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
