//! The side of the client that the daemon's threads hold.

use std::sync::{Arc, mpsc::SyncSender};

use super::{
    exchange::{Asker, Incoming, NotSent, ReplyTo},
    shared::Shared,
    wire::Delivery,
};
use message::{Counters, Topic};

/// Publishes. Clones share a connection; no method waits for the network.
#[derive(Clone, Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
    inbox: SyncSender<Incoming>,
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>, inbox: SyncSender<Incoming>) -> Self {
        Self { shared, inbox }
    }

    /// Asks something of this process as if it had come in on a topic. Where too much waits already, the asker is
    /// dropped.
    pub fn ask(&self, topic: &Topic, payload: Vec<u8>, asker: Asker) {
        let request = Incoming {
            topic: topic.as_str().to_owned(),
            payload,
            response_topic: None,
            correlation_data: None,
            asker: Some(asker),
        };
        if self.inbox.try_send(request).is_err() {
            self.shared.tally.inbox_overflows.add(1);
        }
    }

    /// Publishes JSON that is of use only now: QoS 0, not retained, not remembered. It expires after a second, and is
    /// not sent while the broker has not read what was sent before.
    ///
    /// # Errors
    /// Why the message was dropped.
    pub fn frame(&self, topic: &Topic, payload: &[u8]) -> Result<(), NotSent> {
        self.picture(topic, payload, "application/json")
    }

    /// The same with something else than JSON.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn picture(
        &self,
        topic: &Topic,
        payload: &[u8],
        content_type: &'static str,
    ) -> Result<(), NotSent> {
        self.counted(self.shared.frame(topic, payload, content_type))
    }

    /// Clears what an earlier client has retained on a topic.
    pub fn clear(&self, topic: &Topic) {
        self.shared.clear(topic);
    }

    /// Publishes all states again.
    pub fn repeat(&self) {
        self.shared.repeat();
    }

    /// Answers a request: QoS 1, not retained. It is kept until the broker has it, for half a minute at most.
    ///
    /// # Errors
    /// Why the answer was dropped: without a connection nobody is waiting for it; it is too large; or too many answers
    /// wait already, behind which there is room for a short one that says so.
    pub fn answer(&self, to: &ReplyTo, payload: &[u8]) -> Result<(), NotSent> {
        if let Some(asker) = to.asker() {
            asker.answer(payload);
            return Ok(());
        }
        self.counted(self.shared.answer(to, payload))
    }

    /// Publishes what happened: QoS 1, not retained, in the order of the calls. It is kept until the broker
    /// has acknowledged it, over connections too; if an acknowledgement is lost, it arrives twice.
    ///
    /// # Errors
    /// Too large, or too much is kept already; then it is lost.
    pub fn event(&self, topic: &Topic, payload: &[u8]) -> Result<(), NotSent> {
        let outcome = self.shared.keep(topic, payload);
        if outcome.is_err() {
            self.shared.tally.events.add(1);
        }
        outcome
    }

    /// Clears the state of a topic that is no more.
    pub fn forget(&self, topic: &Topic) {
        self.shared.forget(topic);
    }

    /// Publishes a state: retained, remembered, and published again on every connect. Without a
    /// connection it goes out with the next one; of several values in quick succession perhaps
    /// only the last goes out.
    ///
    /// # Errors
    /// Too large, or too many topics; then the topic keeps its last state.
    pub fn state(&self, topic: &Topic, payload: &[u8], delivery: Delivery) -> Result<(), NotSent> {
        self.counted(self.shared.remember(topic, payload, delivery))
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
            Err(NotSent::Behind) => tally.behind.add(1),
            Err(NotSent::TooLarge { .. } | NotSent::TooManyStates { .. }) => tally.too_large.add(1),
        }
        outcome
    }
}
