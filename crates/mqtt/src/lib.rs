//! What subscribers depend on: topics, messages, and a client that outlives its broker.
//!
//! [`topics`] and [`messages`] are the contract; [`client`] keeps a connection to the broker and the
//! retained state on it; [`broker`] is the broker inside the demonstration and the tests.

pub mod broker;
pub mod client;
mod masks;
pub mod messages;
pub mod topics;

pub use client::{Dropped, MqttError, Options, Publisher, QoS, Session, Stopper, connect};
pub use masks::{FrameHeader, MaskFormat, MasksWriter, Written};
pub use topics::Topics;
