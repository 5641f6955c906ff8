//! The C functions, with the behaviour that libhailort 4.20 to 4.23 was seen to have.
//!
//! Each is `unsafe` as in C: pointers that the caller passes must be valid as the real library's
//! documentation says. NULL where it is not allowed is a violation, not a crash.

// Reached by name, from outside.
#![allow(unreachable_pub)]

mod device;
mod handle;
mod hef;
mod library;
mod memory;
mod network;
mod network_group;
mod transfer;
mod vdevice;
mod vstream;

pub(crate) use vdevice::is_lost;
