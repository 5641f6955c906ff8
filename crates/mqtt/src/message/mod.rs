//! The messages, one type each. `masks` is written by [`MasksWriter`], as it goes out per frame;
//! the others are serialized as they stand.
//!
//! Subscribers may rely on every field named here. More may come: they should pass over fields
//! they don't know.

mod masks;
pub mod prompt;
mod report;
mod time;
mod writer;

pub use masks::{Frame, LatencyMs, Masks, Reduced, SCHEMA, Segment, Segmentation, masks_schema};
pub use report::{AcceleratorStatus, CameraStatus, DeviceStatus, Info, State, Status, Summary};
pub use writer::{Chosen, FrameHeader, Latency, MaskFormat, MasksWriter, Written};
