//! Asking a broker whether it would take us, and a message as large as ours may be.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{
    dial::{Known, dial},
    failure::Failure,
    options::Options,
    wire::{Delivery, Happened, Line, Properties, Version},
};
use crate::MqttError;
use message::Topic;

/// How long a message may take to come back.
const ECHO: Duration = Duration::from_secs(3);

/// Sizes that are tried where the full one does not come back, in bytes: of frames with many masks, with few, and of a
/// plain number.
const SMALLER: [usize; 3] = [100_000, 10_000, 10];

/// What a broker said when it accepted a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The newest version of MQTT that it speaks, of those that we do.
    pub version: Version,
    /// The largest packet it takes, in bytes, where it said so.
    pub max_packet_bytes: Option<u32>,
    /// Whether it keeps retained messages, as far as it said.
    pub retains: bool,
    /// Whether it takes messages of QoS 1, as far as it said.
    pub acknowledges: bool,
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
    let outcome = runtime.block_on(async {
        let mut known = Known::default();
        let (mut line, accepted) = match timeout(patience, dial(options, false, &mut known)).await {
            Ok(made) => made.map_err(|failure| failure.to_string())?,
            Err(_) => return Err(Failure::Silent.to_string()),
        };
        let mut probe = Probe {
            version: accepted.version,
            max_packet_bytes: accepted.max_packet_bytes,
            retains: accepted.can.retain,
            acknowledges: accepted.can.acknowledge,
            echo: None,
        };
        if let Some(topic) = echo {
            let mut shouting = Shouting {
                line: &mut line,
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
        line.leave().await;
        Ok(probe)
    });
    // Resolving a host name can't be interrupted: don't wait for its thread.
    runtime.shutdown_background();
    Ok(outcome)
}

/// Sends messages to itself.
struct Shouting<'a> {
    line: &'a mut Line,
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
        let filter = [self.topic.as_str()];
        // The queue of a new connection has room.
        let _ = self
            .line
            .outbox()
            .subscribe(filter, Delivery::AtMostOnce, false);
        let answered = async {
            loop {
                if let Happened::Subscribed(refusals) = self.line.poll().await? {
                    return Ok(refusals.into_iter().flatten().next());
                }
            }
        };
        timeout(ECHO, answered)
            .await
            .unwrap_or(Err(Failure::Silent))
    }

    /// Sends a small message so that the broker says why it does not pass it on, if it does not.
    async fn refusal(&mut self) -> Result<Option<String>, Failure> {
        self.publish(1, Delivery::AtLeastOnce);
        let acknowledged = async {
            loop {
                if let Happened::Acknowledged { refused, .. } = self.line.poll().await? {
                    return Ok(refused);
                }
            }
        };
        timeout(ECHO, acknowledged).await.unwrap_or(Ok(None))
    }

    /// The queue has room: one message is under way at a time.
    fn publish(&self, size: usize, delivery: Delivery) {
        // Others may read along, and expect JSON.
        let mut payload = b"{}".to_vec();
        payload.resize(size, b' ');
        let topic = self.topic.as_str();
        let none = Properties::default();
        let outbox = self.line.outbox();
        let _ = outbox.publish(topic, delivery, false, payload, none);
    }

    /// Sends a message of so many bytes, as frames are sent, and says whether it comes back.
    async fn comes_back(&mut self, size: usize) -> Result<bool, Failure> {
        self.publish(size, Delivery::AtMostOnce);
        let until = Instant::now() + ECHO;
        let came = async {
            loop {
                match self.line.poll().await? {
                    Happened::Arrived(message) if message.payload.len() == size => {
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
