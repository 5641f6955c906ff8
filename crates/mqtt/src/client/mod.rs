//! A client that outlives its broker, in MQTT 5 or 3.1.1.
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
//! - An *event* is kept until the broker has it, in order and up to a bound, over connections too. So is an *answer* to a
//!   request, as long as somebody can be waiting for it.
//! - A request that there is no room for is refused, not lost.
//! - `offline` is published when the session is stopped, and by the broker when the connection
//!   breaks.
//! - A broker that refuses is not a connection, whatever it answers. One that speaks only MQTT 3.1.1, keeps no
//!   retained messages or knows no QoS 1 is lived with ([`dial`], [`wire`]).

mod backlog;
mod backoff;
mod dial;
mod exchange;
mod failure;
mod options;
mod probe;
mod publisher;
mod session;
mod shared;
mod sweep;
mod tally;
mod tls;
mod window;
mod wire;

use std::sync::{
    Arc,
    mpsc::{Receiver, sync_channel},
};

pub use backoff::Backoff;
pub(crate) use dial::{Known, dial};
pub use exchange::{Asker, Incoming, NotSent, Refuse, ReplyTo};
pub(crate) use failure::Failure;
pub use options::Options;
pub use probe::{Echo, Probe, probe};
pub use publisher::Publisher;
pub use session::Session;
pub use sweep::{Kept, Swept, sweep};
pub use tls::{Identity, Tls};
pub(crate) use wire::Happened;
pub use wire::{Delivery, Version};

use crate::MqttError;
use shared::Shared;

/// Messages that wait to be received. Those beyond are refused ([`Options::refuse`]).
const INBOX: usize = 128;

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
