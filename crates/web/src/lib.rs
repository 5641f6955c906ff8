//! What people look at: a live page with pictures and their masks, over HTTP.
//!
//! ```text
//! frame, segments ──► Gallery ──watch──► /ws/CAMERA ──► the page
//!                                    └─► /snapshot/CAMERA.jpg, /stream/CAMERA
//! ```
//!
//! Invariants: a picture and its masks travel in one message, so that they can't drift apart. A viewer asks for each
//! frame and gets the newest, so that slow ones skip frames and nothing queues. While nobody looks, nothing is
//! copied, encoded or kept. The server has one thread, and connections, requests and their sizes are bounded.
//!
//! The crate knows messages and no thread of the daemon: who runs it implements [`Node`].

mod api;
mod app;
mod gallery;
mod gate;
mod metrics;
mod node;
mod openapi;
mod page;
mod routes;
mod server;
#[cfg(test)]
mod tests;
mod upload;

pub use gallery::{Gallery, Outline, Shown};
pub use gate::Token;
pub use metrics::StageTimes;
pub use node::{Answer, Node, OPTIONS, Options, Outcome, Refused, SegmentAnswer};
pub use server::{Server, Site, WebError};
