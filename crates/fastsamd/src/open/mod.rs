//! Cameras, accelerators and text models, as the configuration names them.
//!
//! `run`, `record` and `doctor` open them alike.

pub(crate) mod accelerator;
pub(crate) mod cameras;
pub(crate) mod text;
