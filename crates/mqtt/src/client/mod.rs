//! A client that outlives its broker, on rumqttc's MQTT 5 client.
//!
//! [`connect`] gives three parts: a [`Publisher`], which any thread may use and which never
//! blocks; a [`Session`], which owns the connection and runs on a thread of the caller's; and the
//! receiver of what comes in.
//!
//! What can be relied on:
//! - A *frame* is sent now or never: without a connection, or with a full queue, it is refused
//!   and counted, so that nobody sees old frames as new ones. The same holds while the broker has not
//!   read what was sent before ([`window`]).
//! - A *state* is retained and remembered, the last value of each topic: on every connect
//!   subscriptions are made, then `online` is published, then all states as they are by then. So
//!   nothing depends on what a broken connection, or a broker that was restarted, has lost.
//! - An *event* is kept until the broker has it, in order and up to a bound, over connections too.
//! - `offline` is published when the session is stopped, and by the broker when the connection
//!   breaks.
//! - A broker that refuses is not a connection, whatever it answers.

mod backlog;
mod backoff;
mod exchange;
mod failure;
mod options;
mod probe;
mod publisher;
mod session;
mod shared;
mod sweep;
mod tls;
mod window;

use std::sync::{
    Arc,
    mpsc::{Receiver, sync_channel},
};

pub use backoff::Backoff;
pub use exchange::{Asker, Incoming, NotSent, ReplyTo};
pub(crate) use failure::Failure;
pub use options::Options;
pub(crate) use options::QUEUE;
pub use probe::{Echo, Probe, probe};
pub use publisher::{Delivery, Publisher};
pub use session::Session;
pub use sweep::{Kept, Swept, sweep};
pub use tls::Tls;

use crate::MqttError;
use shared::Shared;

/// Messages that wait to be received.
const INBOX: usize = 64;

/// Prepares a client. Nothing is sent before [`Session::run`], and whether the broker is there
/// makes no difference here.
///
/// # Errors
/// Options out of range; an operating system without an event loop.
pub fn connect(options: Options) -> Result<(Publisher, Session, Receiver<Incoming>), MqttError> {
    options.validate()?;
    let (inbox_in, inbox) = sync_channel(INBOX);
    let shared = Arc::new(Shared::new(&options));
    let session = Session::new(options, Arc::clone(&shared), inbox_in.clone())?;
    Ok((Publisher::new(shared, inbox_in), session, inbox))
}
