//! Asking a broker whether it would take us, and a message as large as ours may be.

use std::time::{Duration, Instant};

use rumqttc::v5::{
    AsyncClient, Event, EventLoop,
    mqttbytes::{
        QoS,
        v5::{Packet, PubAckReason, SubscribeReasonCode},
    },
};
use tokio::time::timeout;

use super::{
    failure::Failure,
    options::{Options, QUEUE},
};
use crate::MqttError;
use message::Topic;

/// How long a message may take to come back.
const ECHO: Duration = Duration::from_secs(3);

/// Sizes that are tried where the full one does not come back, in bytes: of frames with many masks, with few, and of a
/// plain number.
const SMALLER: [usize; 3] = [100_000, 10_000, 10];

/// What a broker said when it accepted a connection; `None` where it did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// The largest packet it takes, in bytes.
    pub max_packet_bytes: Option<u32>,
    /// Whether it keeps retained messages.
    pub retains: Option<bool>,
    /// What became of messages that were sent to oneself, where a topic was given.
    pub echo: Option<Echo>,
}

/// What became of messages that were sent to oneself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Echo {
    /// The largest came back.
    Whole,
    /// One of `lost` bytes did not come back, one of `largest` did.
    Cut {
        /// The smallest that did not.
        lost: usize,
        /// The largest that did.
        largest: usize,
    },
    /// The broker refuses the subscription.
    NoSubscription(String),
    /// The broker refuses the message.
    Refused(String),
    /// None came back.
    Lost,
}

/// Connects, without a last will and under a client id of its own, has messages up to the options' size come back on
/// a topic that nobody else uses, and leaves again. Neither a running daemon nor its subscribers notice.
///
/// # Errors
/// Options out of range, no event loop; or, in the inner result, why there is no connection.
pub fn probe(
    options: &Options,
    echo: Option<&Topic>,
    patience: Duration,
) -> Result<Result<Probe, String>, MqttError> {
    options.validate()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(MqttError::Runtime)?;
    let (client, mut event_loop) = AsyncClient::new(options.for_rumqttc()?, QUEUE);
    let outcome = runtime.block_on(async {
        let attempt = async {
            loop {
                if let Event::Incoming(Packet::ConnAck(ack)) = event_loop.poll().await? {
                    let said = ack.properties;
                    return Ok::<_, Failure>(said.map_or_else(Probe::default, |said| Probe {
                        max_packet_bytes: said.max_packet_size,
                        retains: said.retain_available.map(|available| available != 0),
                        echo: None,
                    }));
                }
            }
        };
        let mut probe = match timeout(patience, attempt).await {
            Ok(accepted) => accepted.map_err(|failure| failure.to_string())?,
            Err(_) => return Err(Failure::Silent.to_string()),
        };
        if let Some(topic) = echo {
            let mut shouting = Shouting {
                client: &client,
                event_loop: &mut event_loop,
                topic,
            };
            let announced = probe
                .max_packet_bytes
                .map_or(usize::MAX, |most| most as usize);
            let most = options
                .max_payload_bytes
                .min(announced.saturating_sub(1024));
            probe.echo = Some(shouting.echo(most.max(1)).await);
        }
        // Leaving politely is all that is left; a broker that has gone has nothing to miss.
        if client.disconnect().await.is_ok() {
            let _ = timeout(patience, event_loop.poll()).await;
        }
        Ok(probe)
    });
    // Resolving a host name can't be interrupted: don't wait for its thread.
    runtime.shutdown_background();
    Ok(outcome)
}

/// Sends messages to itself.
struct Shouting<'a> {
    client: &'a AsyncClient,
    event_loop: &'a mut EventLoop,
    topic: &'a Topic,
}

impl Shouting<'_> {
    async fn echo(&mut self, most: usize) -> Echo {
        match self.subscribe().await {
            Ok(None) => {}
            Ok(Some(refusal)) => return Echo::NoSubscription(refusal),
            Err(failure) => return Echo::NoSubscription(failure.to_string()),
        }
        let mut lost = None;
        let smaller = SMALLER.into_iter().filter(|size| *size < most);
        for size in std::iter::once(most).chain(smaller) {
            match (self.comes_back(size).await, lost) {
                (Ok(true), None) => return Echo::Whole,
                (Ok(true), Some(lost)) => {
                    return Echo::Cut {
                        lost,
                        largest: size,
                    };
                }
                (Ok(false), _) => lost = Some(size),
                (Err(failure), _) => return Echo::Refused(failure.to_string()),
            }
        }
        match self.refusal().await {
            Ok(None) => Echo::Lost,
            Ok(Some(cause)) => Echo::Refused(cause),
            Err(failure) => Echo::Refused(failure.to_string()),
        }
    }

    /// Subscribes; says why the broker refuses, if it does.
    async fn subscribe(&mut self) -> Result<Option<String>, Failure> {
        // The queue of a new connection has room.
        let _ = self
            .client
            .try_subscribe(self.topic.as_str(), QoS::AtMostOnce);
        let answered = async {
            loop {
                if let Event::Incoming(Packet::SubAck(ack)) = self.event_loop.poll().await? {
                    let refused = ack
                        .return_codes
                        .iter()
                        .find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
                    return Ok(refused.map(|code| format!("{code:?}")));
                }
            }
        };
        timeout(ECHO, answered)
            .await
            .unwrap_or(Err(Failure::Silent))
    }

    /// Sends a small message so that the broker says why it does not pass it on, if it does not.
    async fn refusal(&mut self) -> Result<Option<String>, Failure> {
        self.publish(1, QoS::AtLeastOnce);
        let acknowledged = async {
            loop {
                if let Event::Incoming(Packet::PubAck(ack)) = self.event_loop.poll().await? {
                    let is_taken = matches!(
                        ack.reason,
                        PubAckReason::Success | PubAckReason::NoMatchingSubscribers
                    );
                    return Ok((!is_taken).then(|| format!("{:?}", ack.reason)));
                }
            }
        };
        timeout(ECHO, acknowledged).await.unwrap_or(Ok(None))
    }

    /// The queue has room: one message is under way at a time.
    fn publish(&self, size: usize, qos: QoS) {
        let topic = self.topic.as_str();
        let _ = self.client.try_publish(topic, qos, false, vec![b' '; size]);
    }

    /// Sends a message of so many bytes, as frames are sent, and says whether it comes back.
    async fn comes_back(&mut self, size: usize) -> Result<bool, Failure> {
        self.publish(size, QoS::AtMostOnce);
        let until = Instant::now() + ECHO;
        let came = async {
            loop {
                match self.event_loop.poll().await? {
                    Event::Incoming(Packet::Publish(publish)) if publish.payload.len() == size => {
                        return Ok(true);
                    }
                    _ => {}
                }
            }
        };
        let left = until.saturating_duration_since(Instant::now());
        timeout(left, came).await.unwrap_or(Ok(false))
    }
}
