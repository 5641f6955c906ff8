//! What subscribers depend on: where things are published ([`Topics`]), and what.
//!
//! One type for each payload. `masks` is written by [`MasksWriter`], as it goes out for every
//! frame; the others are serialized as they stand. Subscribers may rely on every field named here.
//! More may come: they should pass over fields they don't know. Nothing here knows a client or a
//! broker: the command line and the configuration speak these words, too.

pub mod discovery;
mod event;
mod masks;
pub mod prompt;
mod report;
mod secret;
mod setting;
mod time;
mod topics;
mod writer;

pub use event::{Crossing, Event, EventKind, Named, Sighting};
pub use masks::{
    Frame, LatencyMs, Masks, Reduced, SCHEMA, Segment, Segmentation, Track, TrackState,
    masks_schema,
};
pub use report::{
    AcceleratorStatus, AlarmStatus, CameraStatus, Counters, DeviceStatus, Info, State, Status,
    Summary,
};
pub use secret::Secret;
pub use setting::{Setting, SettingKind};
pub use time::timestamp;
pub use topics::{
    CAMERA_SETTINGS, CameraTopics, NODE_SETTINGS, Retained, SettingTopics, Topic, TopicError,
    Topics, birth_topic, camera_name, discovery_topic, topic_level, topic_prefix,
};
pub use writer::{Chosen, FrameHeader, Latency, MaskFormat, MasksWriter, Written};
