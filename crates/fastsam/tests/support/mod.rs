//! Recordings, for tests and benches.
#![allow(dead_code, unreachable_pub)]

pub mod sample;
