//! Safe access to onnxruntime, Microsoft's engine for ONNX models, on the CPU.
//!
//! ```text
//! Library::open() ──► Session::load(bytes) ──► run(&mut self)
//!                        └──► terminator() ──► terminate(), from any thread
//! ```
//!
//! The library is opened at run time, so a program that uses this crate builds and starts without
//! it, and no C++ is linked. What it can do is one table of functions, asked for at a level:
//! [`sys`] has the members that are called here. The level is that of onnxruntime 1.17, which all
//! later versions serve.
//!
//! Every object of the library belongs to one value here that releases it once, and keeps alive what
//! it was made from. The library itself is never closed: it has threads and thread-local state
//! of its own, which may outlive the last object.
//!
//! Threads: a [`Session`] is `Send` and runs by `&mut self`; a [`Terminator`] is for any thread.
//!
//! The interface is documented at <https://onnxruntime.ai/docs/api/c/>.

mod error;
mod library;
mod object;
mod port;
mod session;
pub mod sys;
mod terminator;

pub use error::Error;
pub use library::Library;
pub use port::{ElementType, Port};
pub use session::{Elements, Session, SessionOptions};
pub use terminator::Terminator;
