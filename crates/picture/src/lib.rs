//! Pictures for people: segments drawn over the frame that they were found in, and PNG files.

mod buffer;
pub mod overlay;
pub mod png;

pub use buffer::BufferError;
