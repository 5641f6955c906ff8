//! Listening to topics, without publishing anything.

use std::{ops::ControlFlow, thread, time::Duration};

use rumqttc::v5::{
    AsyncClient, Event, EventLoop,
    mqttbytes::{QoS, v5::Packet},
};

use crate::{
    MqttError, Options,
    client::{Failure, QUEUE},
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
    loop {
        let (client, events) = AsyncClient::new(options.for_rumqttc()?, QUEUE);
        let ended = runtime.block_on(one_connection(&client, events, filters, &mut heard));
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
    client: &AsyncClient,
    mut events: EventLoop,
    filters: &[String],
    heard: &mut impl FnMut(Heard<'_>) -> ControlFlow<T>,
) -> Result<T, Failure> {
    loop {
        let flow = match events.poll().await? {
            Event::Incoming(Packet::ConnAck(_)) => {
                for filter in filters {
                    // The queue has room for all of them, and is asked for nothing else.
                    if client.try_subscribe(filter, QoS::AtLeastOnce).is_err() {
                        return Err(Failure::Closed);
                    }
                }
                heard(Heard::Connected)
            }
            Event::Incoming(Packet::Publish(message)) => match str::from_utf8(&message.topic) {
                Ok(topic) => heard(Heard::Message {
                    topic,
                    payload: &message.payload,
                }),
                Err(_) => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        };
        if let ControlFlow::Break(enough) = flow {
            return Ok(enough);
        }
    }
}
