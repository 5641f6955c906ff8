//! What comes in, where its answer goes, and why something is not sent.
//!
//! Requests come over MQTT, or from elsewhere in this process ([`Publisher::ask`](super::Publisher::ask)); whoever
//! takes them need not know which.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use message::{Topic, Topics};
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
    /// Who in this process wants the answer.
    pub asker: Option<Asker>,
}

/// Somebody in this process who has asked. Takes one answer; where there is none, what it was made of is dropped.
#[derive(Clone)]
pub struct Asker(Arc<Mutex<Option<TakeAnswer>>>);

type TakeAnswer = Box<dyn FnOnce(&[u8]) + Send>;

impl Asker {
    /// Whoever takes the answer with this.
    pub fn new(take: impl FnOnce(&[u8]) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(Box::new(take)))))
    }

    pub(super) fn answer(&self, payload: &[u8]) {
        let take = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(take) = take {
            take(payload);
        }
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asker")
    }
}

impl PartialEq for Asker {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Asker {}

/// What a request is answered with that there is no room for: where to, and the answer; nothing where nobody asks.
#[derive(Clone)]
pub struct Refuse(Arc<MakeRefusal>);

type MakeRefusal = dyn Fn(&Incoming) -> Option<(ReplyTo, Vec<u8>)> + Send + Sync;

impl Refuse {
    /// Whoever makes the answer.
    pub fn new(
        make: impl Fn(&Incoming) -> Option<(ReplyTo, Vec<u8>)> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(make))
    }

    pub(super) fn answer(&self, request: &Incoming) -> Option<(ReplyTo, Vec<u8>)> {
        (self.0)(request)
    }
}

impl fmt::Debug for Refuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refuse")
    }
}

/// Where an answer goes: a topic, and what the asker knows it by (MQTT 5), or somebody in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    topic: String,
    correlation_data: Option<Vec<u8>>,
    asker: Option<Asker>,
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
            asker: request.asker.clone(),
        }
    }

    /// Who in this process wants the answer.
    pub(super) fn asker(&self) -> Option<&Asker> {
        self.asker.as_ref()
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// What the asker knows the answer by.
    pub(super) fn correlation_data(&self) -> Option<&[u8]> {
        self.correlation_data.as_deref()
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
