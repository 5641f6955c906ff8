//! What tests and benches share: recordings, painted tensors, and the reference.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic)]

pub mod reference;
pub mod sample;
pub mod scene;
pub mod stages;
