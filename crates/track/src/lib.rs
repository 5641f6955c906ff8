//! Objects over frames: ids that last, zones, lines, events.
//!
//! ```text
//! segments ──► Tracker ──ids, ages, velocities──► Monitor ──► events, counts
//! ```
//!
//! A [`Tracker`] says of each segment of a frame which object it shows; a [`Monitor`] says what happened to
//! the objects. Both are pure: the caller hands in the time, nothing is read, written, logged or waited
//! for, and once their buffers have grown nothing is allocated per frame. Coordinates are pixels of the masks
//! throughout, which are the frame's own or the network input's ([`fastsam::MaskSize`]); only polygons and
//! lines are given in the frame's.
//!
//! Ids are never used again as long as the caller begins each tracker above all ids given before:
//! [`Tracker::next_id`] tells how far it has come.

mod associate;
mod camera;
mod event;
mod grid;
mod monitor;
mod motion;
mod object;
mod polygon;
mod record;
mod settings;
mod shape;
mod tracker;

pub use event::{Change, Direction, Event, Snapshot};
pub use monitor::{Anchor, Inside, Monitor, Tripwire, Watch, WatchError, Zone};
pub use object::State;
pub use polygon::{Area, GeometryError, Line, MAX_CORNERS, Polygon, Unit};
pub use settings::Settings;
pub use tracker::{Observation, Track, Tracker};
