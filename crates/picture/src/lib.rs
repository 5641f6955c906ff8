//! Pictures for people: segments drawn over the frame that they were found in, PNG files, snapshots, label maps.

mod buffer;
pub mod labelmap;
pub mod overlay;
pub mod png;
pub mod snapshot;

pub use buffer::BufferError;
