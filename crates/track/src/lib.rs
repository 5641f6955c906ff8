//! Objects over frames: ids that last, zones, lines, events.

mod associate;
mod camera;
mod grid;
mod motion;
mod object;
mod settings;
mod shape;
mod tracker;

pub use object::State;
pub use settings::Settings;
pub use tracker::{Track, Tracker};
