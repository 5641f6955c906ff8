//! Pictures for people: segments drawn over the frame that they were found in.

pub mod overlay;
