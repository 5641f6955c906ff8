//! Looking through what a broker has retained, and clearing what somebody chooses of it.

use std::time::{Duration, Instant};

use rumqttc::v5::{
    AsyncClient, Event, EventLoop,
    mqttbytes::{
        QoS,
        v5::{Filter, Packet, PubAckReason},
    },
};
use tokio::time::timeout;

use super::{
    failure::Failure,
    options::{Options, QUEUE},
};
use crate::MqttError;

/// The broker has sent all that it has retained when it has sent none for so long.
const QUIET: Duration = Duration::from_millis(500);

/// Messages that are looked at, at most.
const MOST: usize = 20_000;

/// A retained message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its topic.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// What became of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Topics that were cleared.
    pub cleared: Vec<String>,
    /// Topics that the broker did not let be cleared.
    pub refused: Vec<String>,
    /// Filters that the broker did not let be looked through.
    pub hidden: Vec<String>,
}

/// Connects without a last will, under the options' client id, collects what is retained on topics that the filters
/// match, clears those that `choose` names, and leaves.
///
/// # Errors
/// Options out of range, no event loop; or, in the inner result, why there is no connection.
pub fn sweep(
    options: &Options,
    filters: &[String],
    patience: Duration,
    choose: impl FnOnce(Vec<Kept>) -> Vec<String>,
) -> Result<Result<Swept, String>, MqttError> {
    options.validate()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(MqttError::Runtime)?;
    let (client, event_loop) = AsyncClient::new(options.for_rumqttc()?, QUEUE);
    let mut broom = Broom { client, event_loop };
    let work = async {
        let (kept, hidden) = broom.collect(filters).await?;
        let (cleared, refused) = broom.clear(choose(kept)).await?;
        broom.leave().await;
        Ok::<_, Failure>(Swept {
            cleared,
            refused,
            hidden,
        })
    };
    let outcome = runtime.block_on(async { timeout(patience, work).await });
    // Resolving a host name can't be interrupted: don't wait for its thread.
    runtime.shutdown_background();
    Ok(match outcome {
        Ok(Ok(swept)) => Ok(swept),
        Ok(Err(failure)) => Err(failure.to_string()),
        Err(_) => Err(Failure::Silent.to_string()),
    })
}

struct Broom {
    client: AsyncClient,
    event_loop: EventLoop,
}

impl Broom {
    /// What is retained, and the filters that the broker refuses.
    async fn collect(&mut self, filters: &[String]) -> Result<(Vec<Kept>, Vec<String>), Failure> {
        let mut kept = Vec::new();
        let mut hidden = Vec::new();
        let mut quiet_since = None;
        loop {
            let left = quiet_since.map_or(Duration::MAX, |since: Instant| {
                QUIET.saturating_sub(since.elapsed())
            });
            if left.is_zero() || kept.len() >= MOST {
                return Ok((kept, hidden));
            }
            let Ok(event) = timeout(left, self.event_loop.poll()).await else {
                continue;
            };
            match event? {
                Event::Incoming(Packet::ConnAck(_)) => {
                    let filters = filters
                        .iter()
                        .map(|path| Filter::new(path, QoS::AtMostOnce));
                    // The queue of a new connection has room.
                    let _ = self.client.try_subscribe_many(filters);
                }
                Event::Incoming(Packet::SubAck(ack)) => {
                    let refused = filters.iter().zip(&ack.return_codes);
                    let refused = refused.filter(|(_, code)| {
                        !matches!(
                            code,
                            rumqttc::v5::mqttbytes::v5::SubscribeReasonCode::Success(_)
                        )
                    });
                    hidden.extend(refused.map(|(filter, _)| filter.clone()));
                    quiet_since = Some(Instant::now());
                }
                Event::Incoming(Packet::Publish(publish)) if publish.retain => {
                    quiet_since = Some(Instant::now());
                    kept.push(Kept {
                        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                        payload: publish.payload.into(),
                    });
                }
                _ => {}
            }
        }
    }

    /// Clears topics, and says which were, and which the broker refused.
    async fn clear(&mut self, topics: Vec<String>) -> Result<(Vec<String>, Vec<String>), Failure> {
        let mut waiting = topics.into_iter().peekable();
        let mut queued = std::collections::VecDeque::new();
        let mut written = Vec::new();
        let (mut cleared, mut refused) = (Vec::new(), Vec::new());
        while waiting.peek().is_some() || !queued.is_empty() || !written.is_empty() {
            while let Some(topic) = waiting.peek() {
                let sent = self
                    .client
                    .try_publish(topic, QoS::AtLeastOnce, true, Vec::new());
                if sent.is_err() {
                    break;
                }
                queued.extend(waiting.next());
            }
            match self.event_loop.poll().await? {
                Event::Outgoing(rumqttc::Outgoing::Publish(packet)) => {
                    written.extend(queued.pop_front().map(|topic| (packet, topic)));
                }
                Event::Incoming(Packet::PubAck(ack)) => {
                    let place = written.iter().position(|(packet, _)| *packet == ack.pkid);
                    let Some((_, topic)) = place.map(|place| written.swap_remove(place)) else {
                        continue;
                    };
                    let is_taken = matches!(
                        ack.reason,
                        PubAckReason::Success | PubAckReason::NoMatchingSubscribers
                    );
                    if is_taken {
                        cleared.push(topic);
                    } else {
                        refused.push(topic);
                    }
                }
                _ => {}
            }
        }
        Ok((cleared, refused))
    }

    async fn leave(&mut self) {
        // A broker that has gone has nothing to miss.
        if self.client.try_disconnect().is_ok() {
            let _ = timeout(QUIET, self.event_loop.poll()).await;
        }
    }
}
