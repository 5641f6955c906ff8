//! Prompts at work: who asks, which frame answers, and what of it is kept.
//!
//! What a prompt means stands in [`crate::prompts`]; here are the daemon's queues and threads.

pub(crate) mod desk;
pub(crate) mod pictures;
pub(crate) mod question;
pub(crate) mod requests;
mod standing;
pub(crate) mod text;
