//! Listening to topics, without publishing anything.

use std::{ops::ControlFlow, thread, time::Duration};

use crate::{
    Delivery, MqttError, Options,
    client::{Failure, Happened, Known, dial},
};

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(2);

/// What a listener hears.
#[derive(Debug)]
pub enum Heard<'a> {
    /// The broker is there.
    Connected,
    /// The connection is lost, or could not be made; it is tried again.
    Lost(String),
    /// A message.
    Message {
        /// Where it was published.
        topic: &'a str,
        /// What.
        payload: &'a [u8],
    },
}

/// Connects without a last will, subscribes to these filters, and hands over what comes until `heard` has enough. A
/// connection that is lost is made again, for as long as `heard` goes on.
///
/// # Errors
/// Options out of range; an operating system without an event loop.
pub fn listen<T>(
    options: &Options,
    filters: &[String],
    mut heard: impl FnMut(Heard<'_>) -> ControlFlow<T>,
) -> Result<T, MqttError> {
    options.validate()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(MqttError::Runtime)?;
    let mut known = Known::default();
    loop {
        let ended = runtime.block_on(one_connection(options, &mut known, filters, &mut heard));
        let ended = match ended {
            Ok(enough) => ControlFlow::Break(enough),
            Err(failure) => heard(Heard::Lost(failure.to_string())),
        };
        if let ControlFlow::Break(enough) = ended {
            // Resolving a host name can't be interrupted: don't wait for its thread.
            runtime.shutdown_background();
            return Ok(enough);
        }
        thread::sleep(PAUSE);
    }
}

async fn one_connection<T>(
    options: &Options,
    known: &mut Known,
    filters: &[String],
    heard: &mut impl FnMut(Heard<'_>) -> ControlFlow<T>,
) -> Result<T, Failure> {
    let (mut line, _) = dial(options, false, known).await?;
    let wanted = filters.iter().map(String::as_str);
    let subscribed = line.outbox().subscribe(wanted, Delivery::AtLeastOnce, true);
    // The queue of a new connection has room.
    subscribed.map_err(|_| Failure::Closed)?;
    if let ControlFlow::Break(enough) = heard(Heard::Connected) {
        return Ok(enough);
    }
    loop {
        if let Happened::Arrived(message) = line.poll().await?
            && let ControlFlow::Break(enough) = heard(Heard::Message {
                topic: &message.topic,
                payload: &message.payload,
            })
        {
            return Ok(enough);
        }
    }
}
