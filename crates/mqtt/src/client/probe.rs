//! Asking a broker whether it would take us, without publishing anything.

use std::time::Duration;

use rumqttc::v5::{AsyncClient, Event, mqttbytes::v5::Packet};

use super::{
    failure::Failure,
    options::{Options, QUEUE},
};
use crate::MqttError;

/// What a broker said when it accepted a connection; `None` where it did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// The largest packet it takes, in bytes.
    pub max_packet_bytes: Option<u32>,
    /// Whether it keeps retained messages.
    pub retains: Option<bool>,
}

/// Connects, without a last will and under a client id of its own, and leaves again. Neither a
/// running daemon nor its subscribers notice.
///
/// # Errors
/// Options out of range, no event loop; or, in the inner result, why there is no connection.
pub fn probe(options: &Options, patience: Duration) -> Result<Result<Probe, String>, MqttError> {
    options.validate()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(MqttError::Runtime)?;
    let (client, mut event_loop) = AsyncClient::new(options.for_rumqttc(), QUEUE);
    let attempt = async {
        loop {
            if let Event::Incoming(Packet::ConnAck(ack)) = event_loop.poll().await? {
                let said = ack.properties;
                // Leaving politely is all that is left; a broker that has gone has nothing to miss.
                if client.disconnect().await.is_ok() {
                    let _ = event_loop.poll().await;
                }
                return Ok::<_, Failure>(said.map_or_else(Probe::default, |said| Probe {
                    max_packet_bytes: said.max_packet_size,
                    retains: said.retain_available.map(|available| available != 0),
                }));
            }
        }
    };
    let outcome = runtime.block_on(async { tokio::time::timeout(patience, attempt).await });
    // Resolving a host name can't be interrupted: don't wait for its thread.
    runtime.shutdown_background();
    Ok(match outcome {
        Ok(Ok(probe)) => Ok(probe),
        Ok(Err(failure)) => Err(failure.to_string()),
        Err(_) => Err(Failure::Silent.to_string()),
    })
}
