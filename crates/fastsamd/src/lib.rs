//! The daemon behind the command line.

pub mod cli;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod host;
pub mod overlay;
mod prompts;
mod text;
