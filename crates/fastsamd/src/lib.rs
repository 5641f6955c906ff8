//! The daemon behind the command line.

pub mod config;
pub mod overlay;
