//! What a node says of itself and its cameras.
//!
//! Names of edges, queues, sensors and versions are the daemon's: these messages carry what it
//! counts without knowing its parts.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::LatencyMs;

/// A name given by the daemon.
type Name = Cow<'static, str>;

/// Whether something works: the payload of `availability` and of each `state`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It does.
    Online,
    /// It doesn't.
    Offline,
}

impl State {
    /// The payload, without quotes.
    pub const fn payload(self) -> &'static [u8] {
        match self {
            Self::Online => b"online",
            Self::Offline => b"offline",
        }
    }
}

impl From<bool> for State {
    fn from(online: bool) -> Self {
        if online { Self::Online } else { Self::Offline }
    }
}

/// `info`: what runs here. Published once per start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Info {
    /// Version of the `masks` message.
    pub schema: u32,
    /// Version of fastsamd.
    pub version: Name,
    /// Name of the node.
    pub node: String,
    /// When the daemon started: RFC 3339, UTC.
    pub started_at: String,
    /// What runs the network: `mock`, `replay`, `hailo`, `onnx`.
    pub backend: String,
    /// The network: a name, or the file it was read from.
    pub network: String,
    /// How long one inference took at the start, in milliseconds, where the processor runs the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inference_ms: Option<f64>,
    /// Frames per second that this machine can be expected to segment, where the processor runs the
    /// network: one inference after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_fps: Option<f64>,
    /// Versions of libraries, engines, drivers and firmware.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<Name, String>,
    /// The cameras' names.
    pub cameras: Vec<String>,
    /// The configuration in force, without secrets.
    pub config: serde_json::Value,
}

/// `<camera>/summary`: small enough for a home automation's sensors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// What runs the network, as in `masks`.
    #[serde(default)]
    pub backend: String,
    /// Segments in the last frame.
    pub count: u64,
    /// Objects in each zone, by the zone's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, u32>,
    /// Frames per second that became `masks` messages since the last summary.
    pub fps: f64,
    /// Of the last frame.
    pub latency_ms: LatencyMs,
    /// Number of the last frame.
    pub sequence: u64,
}

/// `status`: the health of the node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Seconds since the daemon started.
    pub uptime_s: u64,
    /// Memory in use (resident set size), bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<u64>,
    /// Frames lost since the start, by the place where they were lost; and segments that were left
    /// out of frames as noise, and messages that had to be reduced.
    pub dropped: BTreeMap<Name, u64>,
    /// Items that wait now, by queue.
    pub queues: BTreeMap<Name, u64>,
    /// Each camera.
    pub cameras: BTreeMap<String, CameraStatus>,
    /// What runs the network.
    #[serde(default)]
    pub accelerator: AcceleratorStatus,
    /// The connection to the broker.
    pub mqtt: Counters,
    /// Degrees Celsius by sensor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub temperatures_c: BTreeMap<Name, f64>,
    /// Whether something runs slower because of heat or power; absent where it can't be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled: Option<bool>,
    /// Whether the time of day was set from the network since the machine started; absent where it can't be known.
    /// While it is false, times in messages may be off by weeks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_set: Option<bool>,
}

/// The connection to the broker: what became of messages since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counters {
    /// Whether there is a connection now.
    pub connected: bool,
    /// Attempts to connect.
    pub attempts: u64,
    /// Those that the broker accepted.
    pub connects: u64,
    /// Messages written to the network.
    pub published: u64,
    /// Messages that wait to be written now.
    pub waiting: u64,
    /// Frames dropped because there was no connection, or because it broke while they waited.
    pub dropped_offline: u64,
    /// Frames dropped because the broker takes them more slowly than they come.
    pub dropped_queue_full: u64,
    /// Frames dropped because the broker had not read what was sent before.
    #[serde(default)]
    pub dropped_behind: u64,
    /// Messages larger than the broker or the configuration allows.
    pub dropped_too_large: u64,
    /// Events that the broker does not have yet.
    #[serde(default)]
    pub events_waiting: u64,
    /// Events lost because too many waited already, or that were too large.
    #[serde(default)]
    pub dropped_events: u64,
    /// Events that the broker refused.
    #[serde(default)]
    pub refused: u64,
    /// Incoming messages dropped because nobody took them in time.
    pub inbox_overflows: u64,
}

/// A camera's health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CameraStatus {
    /// Whether frames flow.
    pub online: bool,
    /// Frames per second captured, over the last ten seconds.
    pub fps: f64,
    /// Frames captured since the start.
    pub captured: u64,
    /// Times it had to be opened again since the start.
    pub reconnects: u64,
}

/// The accelerator's health.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AcceleratorStatus {
    /// Whether it answers.
    pub online: bool,
    /// Faults since the start: each cost frames and led to a step of recovery.
    pub faults: u64,
    /// What failed last, and what was done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_fault: Option<String>,
    /// Steps of recovery taken, and frames lost, since the start.
    pub recovery: BTreeMap<Name, u64>,
    /// The chip, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceStatus>,
    /// What the chip told of heat and current, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarms: Option<AlarmStatus>,
}

/// What a chip told of itself unasked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmStatus {
    /// `none`, `hot` (it slows down), `too_hot` (it stops), by the latest alarm.
    pub temperature: Name,
    /// Alarms of temperature since the start, those that ended one included.
    pub temperature_alarms: u64,
    /// Whether it draws too much current, by the latest alarm.
    pub overcurrent: bool,
    /// Alarms of current since the start, those that ended one included.
    pub overcurrent_alarms: u64,
}

/// What a chip is and how it is attached; what it doesn't say is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DeviceStatus {
    /// PCIe address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `Hailo-8`, `Hailo-8L`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Version of its firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<String>,
    /// Version of the library that drives it.
    pub library: String,
    /// Version of its kernel driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// Speed of its PCIe link, gigatransfers per second; 8 is full speed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcie_gts: Option<f64>,
    /// Lanes of its PCIe link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pcie_lanes: Option<u32>,
    /// Whether the chip slows down by itself when it gets hot or draws too much current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttling_enabled: Option<bool>,
}
