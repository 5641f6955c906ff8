//! What subscribers depend on: topics, messages, and a client that survives its broker.
//!
//! - [`Topics`]: where everything is published;
//! - [`message`]: what is published; [`MasksWriter`] writes the message of a frame;
//! - [`connect`]: a [`Publisher`] for the daemon's threads, a [`Session`] for one of its own;
//! - [`EmbeddedBroker`]: a broker inside the process, for demonstrations and tests.

mod broker;
mod client;
mod error;
pub mod message;
mod secret;
mod topics;

pub use broker::EmbeddedBroker;
pub use client::{
    Backoff, Counters, Delivery, Incoming, NotSent, Options, Probe, Publisher, ReplyTo, Session,
    connect, probe,
};
pub use error::MqttError;
pub use message::{FrameHeader, Latency, MaskFormat, MasksWriter, Written, masks_schema};
pub use secret::Secret;
pub use topics::{CameraTopics, Topic, Topics};
