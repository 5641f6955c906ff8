//! What comes in, where its answer goes, and why something is not sent.

use message::{Topic, Topics};
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use thiserror::Error;

/// A message that came in on a subscription.
///
/// Retained ones never come: a command that was sent before the daemon started must not take
/// effect now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Where it came.
    pub topic: String,
    /// Its bytes.
    pub payload: Vec<u8>,
    /// Where the sender wants the answer (MQTT 5).
    pub response_topic: Option<String>,
    /// What the sender knows the answer by (MQTT 5).
    pub correlation_data: Option<Vec<u8>>,
}

/// Where an answer goes: a topic, and what the asker knows it by (MQTT 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    topic: String,
    correlation_data: Option<Vec<u8>>,
}

impl ReplyTo {
    /// The topic that the request names, or else the usual one for its kind. A name that no answer
    /// may go to ([`Topics::may_answer_on`]) counts as none.
    pub fn new(request: &Incoming, usual: &Topic, topics: &Topics) -> Self {
        let named = request.response_topic.as_ref();
        let named = named.filter(|topic| topics.may_answer_on(topic));
        Self {
            topic: named.map_or_else(|| usual.as_str().to_owned(), Clone::clone),
            correlation_data: request.correlation_data.clone(),
        }
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn properties(&self) -> PublishProperties {
        PublishProperties {
            correlation_data: self.correlation_data.clone().map(Into::into),
            ..PublishProperties::default()
        }
    }
}

/// Why a message was not taken. It has been counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum NotSent {
    /// There is no connection.
    #[error("there is no connection to the broker")]
    Offline,
    /// Messages come faster than the broker takes them.
    #[error("the queue to the broker is full")]
    QueueFull,
    /// The broker has not read yet what was sent before.
    #[error("the broker has not read what was sent before")]
    Behind,
    /// The message is larger than the broker or the configuration allows.
    #[error("a message of {bytes} bytes is too large: expected at most {limit}")]
    TooLarge {
        /// Its payload.
        bytes: usize,
        /// The largest payload possible.
        limit: usize,
    },
    /// No further topic's state can be remembered.
    #[error("no more than {limit} topics can have a state")]
    TooManyStates {
        /// How many can.
        limit: usize,
    },
}
