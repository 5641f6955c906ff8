//! What tests and benches share: recordings, painted tensors, and the reference.
#![allow(dead_code, unreachable_pub)]

pub mod reference;
pub mod sample;
pub mod scene;
