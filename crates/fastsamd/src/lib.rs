//! The daemon behind the command line.

mod bug;
pub mod cli;
pub mod daemon;
pub mod doctor;
pub mod host;
mod open;
mod prompts;
mod trial;
