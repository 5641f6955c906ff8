//! A client that survives its broker, and a broker for those who have none.
//!
//! - [`connect`]: a [`Publisher`] for the daemon's threads, a [`Session`] for one of its own;
//! - [`listen`]: what is published, for somebody who looks on;
//! - [`EmbeddedBroker`]: a broker inside the process, for demonstrations and tests.
//!
//! What is published, and where, are the words of the crate `message`.

mod broker;
mod client;
mod error;
mod listen;

pub use broker::EmbeddedBroker;
pub use client::{
    Asker, Backoff, Delivery, Echo, Identity, Incoming, Kept, NotSent, Options, Probe, Publisher,
    Refuse, ReplyTo, Session, Swept, Tls, Version, connect, probe, sweep,
};
pub use error::MqttError;
pub use listen::{Heard, listen};
