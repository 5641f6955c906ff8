//! The side of the client that the daemon's threads hold.

use std::sync::Arc;

use rumqttc::v5::mqttbytes::{QoS, v5::PublishProperties};
use thiserror::Error;

use super::{Incoming, shared::Shared};
use message::{Counters, Topic};

/// Publishes. Clones share a connection; no method waits for the network.
#[derive(Clone, Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
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

/// Where an answer goes: a topic, and what the asker knows it by (MQTT 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    topic: String,
    correlation_data: Option<Vec<u8>>,
}

impl ReplyTo {
    /// The topic that the request names, or else the usual one for its kind. A name that nothing
    /// can be published to counts as none.
    pub fn new(request: &Incoming, usual: &Topic) -> Self {
        let can_be_published_to = |topic: &&String| {
            !topic.is_empty()
                && topic.len() <= usize::from(u16::MAX)
                && !topic.contains(['+', '#', '\0'])
        };
        let named = request.response_topic.as_ref().filter(can_be_published_to);
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

/// How surely a state reaches the broker while the connection lasts (MQTT's QoS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// QoS 0: for values that are soon replaced.
    AtMostOnce,
    /// QoS 1: acknowledged.
    AtLeastOnce,
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Publishes what is of use only now: QoS 0, not retained, not remembered.
    ///
    /// # Errors
    /// Why the message was dropped.
    pub fn frame(&self, topic: &Topic, payload: &[u8]) -> Result<(), NotSent> {
        self.counted(self.shared.frame(topic, payload))
    }

    /// Answers a request: QoS 1, not retained, lost with the connection.
    ///
    /// # Errors
    /// Why the answer was dropped.
    pub fn answer(&self, to: &ReplyTo, payload: &[u8]) -> Result<(), NotSent> {
        self.counted(self.shared.answer(to, payload))
    }

    /// Publishes a state: retained, remembered, and published again on every connect. Without a
    /// connection it goes out with the next one; of several values in quick succession perhaps
    /// only the last goes out.
    ///
    /// # Errors
    /// Too large, or too many topics; then the topic keeps its last state.
    pub fn state(&self, topic: &Topic, payload: &[u8], delivery: Delivery) -> Result<(), NotSent> {
        let qos = match delivery {
            Delivery::AtMostOnce => QoS::AtMostOnce,
            Delivery::AtLeastOnce => QoS::AtLeastOnce,
        };
        self.counted(self.shared.remember(topic, payload, qos))
    }

    /// Largest payload for a topic: what the options and the broker allow, this one as it said
    /// when it was last connected to.
    pub fn payload_limit(&self, topic: &Topic) -> usize {
        self.shared.payload_limit(topic)
    }

    /// Whether the broker has accepted the connection, and it has not ended since.
    pub fn is_connected(&self) -> bool {
        self.shared.is_open()
    }

    /// Why there is no connection, as of the last attempt; `None` while there is one, and before
    /// the first attempt has ended.
    pub fn failure(&self) -> Option<String> {
        self.shared.failure()
    }

    /// What became of messages so far.
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    fn counted(&self, outcome: Result<(), NotSent>) -> Result<(), NotSent> {
        let tally = &self.shared.tally;
        match outcome {
            Ok(()) => {}
            Err(NotSent::Offline) => tally.offline.add(1),
            Err(NotSent::QueueFull) => tally.queue_full.add(1),
            Err(NotSent::TooLarge { .. } | NotSent::TooManyStates { .. }) => tally.too_large.add(1),
        }
        outcome
    }
}
