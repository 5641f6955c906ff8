//! A program that writes frames to its standard output, as a child process.
//!
//! Both its pipes are read without blocking, and every wait has an end. Invariants: the child is a
//! process group of its own; when this is dropped, the whole group is killed and the child reaped,
//! within a second; what it says on standard error goes to the log, line by line and without
//! secrets, and is always read, so that no child stops because nobody listens.

mod feed;
mod process;
mod redaction;
#[cfg(test)]
pub(crate) mod standin;
mod words;

pub use self::words::Log;
pub(crate) use self::{
    feed::{Feed, Form},
    process::{Brought, Child, Program},
    redaction::Redaction,
    words::Listener,
};
