//! What publisher and session share: the way into the current connection, and what is remembered
//! for the next.
//!
//! Invariant: `Link::queue` is there exactly while the connection is open for publishing. It is
//! used and taken away under one lock, so no message can slip into a connection that has ended.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use rumqttc::v5::{
    AsyncClient,
    mqttbytes::{
        QoS,
        v5::{Filter, PublishProperties, RetainForwardRule},
    },
};
use tokio::sync::Notify;
use tracing::warn;

use super::{
    backlog::Backlog,
    exchange::{NotSent, ReplyTo},
    options::{OVERHEAD, Options},
    window::Window,
};
use message::{Counters, State, Topic};

/// Bytes of a frame's properties, at most.
const PROPERTIES: usize = 32;

/// Topics with a remembered state, at most: far more than a node has.
const MAX_STATES: usize = 4096;

#[derive(Debug)]
pub(super) struct Shared {
    link: Mutex<Link>,
    /// States have changed.
    pub(super) changed: Notify,
    pub(super) tally: Tally,
    max_payload_bytes: usize,
    frame_expiry_s: u32,
    /// What marks subscribe to.
    mark: String,
}

#[derive(Debug, Default)]
struct Link {
    queue: Option<AsyncClient>,
    /// What has gone into the queue and is not yet written, in order.
    under_way: VecDeque<Kind>,
    /// What the broker allows.
    max_packet_bytes: Option<u32>,
    /// Why there is no connection.
    failure: Option<String>,
    /// In the order in which they were first published.
    states: Vec<Remembered>,
    backlog: Backlog,
    /// What is on its way to the broker.
    window: Window,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Lost with the connection.
    Frame,
    /// Published again on the next.
    State,
    /// Kept until the broker has it.
    Event,
}

#[derive(Debug)]
struct Remembered {
    topic: Topic,
    payload: Vec<u8>,
    qos: QoS,
    /// Not yet in the queue of this connection.
    unsent: bool,
    /// Whether the topic is to be cleared, and then forgotten.
    is_last: bool,
}

impl Link {
    /// Puts a message into the queue, if there is a connection and room.
    fn push(&mut self, kind: Kind, topic: &Topic, qos: QoS, payload: &[u8]) -> Result<(), NotSent> {
        let queue = self.queue.as_ref().ok_or(NotSent::Offline)?;
        // The topic is a valid one, so a full queue is all there can be.
        queue
            .try_publish(topic.as_str(), qos, kind == Kind::State, payload.to_vec())
            .map_err(|_| NotSent::QueueFull)?;
        self.under_way.push_back(kind);
        // Frames wait for what is sent before them: a mark follows when it is due.
        self.window.sent(payload.len(), Instant::now());
        Ok(())
    }
}

impl Shared {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            mark: format!("{}/mark", options.availability),
            link: Mutex::default(),
            changed: Notify::new(),
            tally: Tally::default(),
            max_payload_bytes: options.max_payload_bytes,
            frame_expiry_s: options.frame_expiry_s,
        }
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        // Nothing that holds this lock can panic half-way through a change.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection for publishing: first `online`, then all that is remembered.
    pub(super) fn open(&self, queue: AsyncClient, max_packet_bytes: Option<u32>, online: &Topic) {
        let mut link = self.link();
        link.queue = Some(queue);
        link.under_way.clear();
        link.max_packet_bytes = max_packet_bytes;
        link.failure = None;
        for state in &mut link.states {
            state.unsent = true;
        }
        link.backlog.begin_anew();
        link.window = Window::default();
        // The queue of a new connection has room.
        let online_payload = State::Online.payload();
        let _ = link.push(Kind::State, online, QoS::AtLeastOnce, online_payload);
    }

    /// Queues `offline` as the last message of this connection; says whether there was room.
    pub(super) fn send_last(&self, offline: &Topic) -> bool {
        let mut link = self.link();
        let payload = State::Offline.payload();
        let sent = link
            .push(Kind::State, offline, QoS::AtLeastOnce, payload)
            .is_ok();
        if sent {
            link.queue = None;
        }
        sent
    }

    /// Closes the connection: nothing goes into its queue any more, and the frames that still
    /// wait are lost.
    pub(super) fn close(&self) {
        let mut link = self.link();
        link.queue = None;
        let is_frame = |kind: &Kind| *kind == Kind::Frame;
        let lost = link.under_way.drain(..).filter(is_frame).count();
        self.tally.offline.add(lost as u64);
    }

    /// Notes that the oldest message under way has been written, as this packet.
    pub(super) fn written(&self, packet: u16) {
        let mut link = self.link();
        if link.under_way.pop_front() == Some(Kind::Event) {
            link.backlog.written(packet);
        }
        self.tally.published.add(1);
    }

    /// Notes that the broker has a packet, and whether it `refused` to pass it on.
    pub(super) fn acknowledged(&self, packet: u16, refused: Option<&str>) {
        let event = self.link().backlog.acknowledged(packet);
        if let (Some(topic), Some(cause)) = (event, refused) {
            self.tally.refused.add(1);
            warn!(%topic, "the broker refuses an event: {cause}");
        }
    }

    /// Keeps a message until the broker has it.
    pub(super) fn keep(&self, topic: &Topic, payload: &[u8]) -> Result<(), NotSent> {
        let mut link = self.link();
        check_size(payload, self.limit(&link, topic))?;
        link.backlog.push(topic, payload)?;
        drop(link);
        self.changed.notify_one();
        Ok(())
    }

    /// Queues kept messages, as far as there is room. Says whether the broker has all of them.
    pub(super) fn send_backlog(&self) -> bool {
        let mut guard = self.link();
        let link = &mut *guard;
        let mut backlog = std::mem::take(&mut link.backlog);
        while let Some((topic, payload)) = backlog.next() {
            let limit = self.limit(link, topic);
            if payload.len() > limit {
                // It fitted when it was kept, but this broker takes less.
                self.tally.too_large.add(1);
                backlog.give_up();
                continue;
            }
            if link
                .push(Kind::Event, topic, QoS::AtLeastOnce, payload)
                .is_err()
            {
                break;
            }
            backlog.queued();
        }
        let all = backlog.len() == 0;
        link.backlog = backlog;
        all
    }

    /// Messages that are queued and not yet written.
    pub(super) fn under_way(&self) -> usize {
        self.link().under_way.len()
    }

    /// Remembers why there is no connection.
    pub(super) fn failed(&self, failure: &str) {
        self.link().failure = Some(failure.to_owned());
    }

    pub(super) fn failure(&self) -> Option<String> {
        self.link().failure.clone()
    }

    pub(super) fn is_open(&self) -> bool {
        self.link().queue.is_some()
    }

    pub(super) fn payload_limit(&self, topic: &Topic) -> usize {
        self.limit(&self.link(), topic)
    }

    fn limit(&self, link: &Link, topic: &Topic) -> usize {
        self.payload_limit_for(link, topic.as_str().len())
    }

    fn payload_limit_for(&self, link: &Link, topic_bytes: usize) -> usize {
        // Fixed header (1 + 4), length of the topic (2), packet id (2), properties (1 + 5 + 3 and their text).
        let header = 10 + PROPERTIES + topic_bytes;
        match link.max_packet_bytes {
            Some(packet) => (packet as usize)
                .saturating_sub(header)
                .min(self.max_payload_bytes),
            None => self.max_payload_bytes,
        }
    }

    /// Sends now or not at all.
    pub(super) fn frame(
        &self,
        topic: &Topic,
        payload: &[u8],
        content_type: &str,
    ) -> Result<(), NotSent> {
        let mut guard = self.link();
        let link = &mut *guard;
        check_size(payload, self.limit(link, topic))?;
        let queue = link.queue.as_ref().ok_or(NotSent::Offline)?;
        let now = Instant::now();
        if !link.window.admits(payload.len(), now) {
            return Err(NotSent::Behind);
        }
        let (topic, qos) = (topic.as_str(), QoS::AtMostOnce);
        let sent = match self.frame_expiry_s {
            0 => queue.try_publish(topic, qos, false, payload.to_vec()),
            expiry => {
                let properties = PublishProperties {
                    message_expiry_interval: Some(expiry),
                    content_type: Some(content_type.to_owned()),
                    ..PublishProperties::default()
                };
                queue.try_publish_with_properties(topic, qos, false, payload.to_vec(), properties)
            }
        };
        sent.map_err(|_| NotSent::QueueFull)?;
        link.under_way.push_back(Kind::Frame);
        if link.window.sent(payload.len(), now) {
            self.mark(link, now);
        }
        Ok(())
    }

    /// Sends a mark: the subscription of a topic that nobody publishes to, made again, which the broker has to answer.
    fn mark(&self, link: &mut Link, now: Instant) {
        let filter = Filter {
            retain_forward_rule: RetainForwardRule::Never,
            ..Filter::new(self.mark.as_str(), QoS::AtMostOnce)
        };
        let sent = |queue: &AsyncClient| queue.try_subscribe_many([filter]).is_ok();
        if link.queue.as_ref().is_some_and(sent) {
            link.window.marked(now);
        }
    }

    /// Sends a mark if frames wait for one.
    pub(super) fn mark_when_due(&self) {
        let mut guard = self.link();
        let now = Instant::now();
        if guard.window.wants_mark(now) {
            self.mark(&mut guard, now);
        }
    }

    /// The broker has answered a mark.
    pub(super) fn confirmed(&self) {
        self.link().window.confirmed(Instant::now());
    }

    /// Sends an answer now or not at all.
    pub(super) fn answer(&self, to: &ReplyTo, payload: &[u8]) -> Result<(), NotSent> {
        let mut link = self.link();
        // The properties need room too.
        let limit = self
            .payload_limit_for(&link, to.topic().len())
            .saturating_sub(
                to.properties()
                    .correlation_data
                    .map_or(0, |data| data.len() + 8),
            );
        check_size(payload, limit)?;
        let queue = link.queue.as_ref().ok_or(NotSent::Offline)?;
        queue
            .try_publish_with_properties(
                to.topic(),
                QoS::AtLeastOnce,
                false,
                payload.to_vec(),
                to.properties(),
            )
            .map_err(|_| NotSent::QueueFull)?;
        link.under_way.push_back(Kind::Frame);
        Ok(())
    }

    /// Remembers a state, to be sent by [`Shared::send_states`].
    pub(super) fn remember(&self, topic: &Topic, payload: &[u8], qos: QoS) -> Result<(), NotSent> {
        let mut link = self.link();
        check_size(payload, self.limit(&link, topic))?;
        match link.states.iter().position(|state| state.topic == *topic) {
            Some(known) => {
                let state = &mut link.states[known];
                state.payload.clear();
                state.payload.extend_from_slice(payload);
                state.qos = qos;
                state.unsent = true;
                state.is_last = false;
            }
            None if link.states.len() < MAX_STATES => link.states.push(Remembered {
                topic: topic.clone(),
                payload: payload.to_vec(),
                qos,
                unsent: true,
                is_last: false,
            }),
            None => return Err(NotSent::TooManyStates { limit: MAX_STATES }),
        }
        drop(link);
        self.changed.notify_one();
        Ok(())
    }

    /// Clears a topic of which nothing need be known here: an earlier daemon published it.
    pub(super) fn clear(&self, topic: &Topic) {
        let mut link = self.link();
        let is_known = link.states.iter().any(|state| state.topic == *topic);
        if !is_known && link.states.len() < MAX_STATES {
            link.states.push(Remembered {
                topic: topic.clone(),
                payload: Vec::new(),
                qos: QoS::AtLeastOnce,
                unsent: true,
                is_last: true,
            });
        }
        drop(link);
        if is_known {
            self.forget(topic);
        } else {
            self.changed.notify_one();
        }
    }

    /// Has all states sent again.
    pub(super) fn repeat(&self) {
        for state in &mut self.link().states {
            state.unsent = true;
        }
        self.changed.notify_one();
    }

    /// Clears a topic's state: once the broker has been told, nothing is remembered of it.
    pub(super) fn forget(&self, topic: &Topic) {
        let mut link = self.link();
        let known = link.states.iter_mut().find(|state| state.topic == *topic);
        if let Some(state) = known {
            // An empty message, which clears what is retained (MQTT 5.0, section 3.3.1.3).
            state.payload.clear();
            state.qos = QoS::AtLeastOnce;
            state.unsent = true;
            state.is_last = true;
        }
        drop(link);
        self.changed.notify_one();
    }

    /// Queues states that are not yet sent, as far as there is room. Says whether all are.
    pub(super) fn send_states(&self) -> bool {
        let mut link = self.link();
        if link.queue.is_none() {
            return false;
        }
        let mut states = std::mem::take(&mut link.states);
        let mut all = true;
        for state in states.iter_mut().filter(|state| state.unsent) {
            let limit = self.limit(&link, &state.topic);
            if state.payload.len() > limit {
                // It fitted when it was remembered, but this broker takes less.
                state.unsent = false;
                self.tally.too_large.add(1);
                warn!(
                    topic = %state.topic,
                    "not published: {} bytes, the broker takes {limit}",
                    state.payload.len()
                );
                continue;
            }
            if link
                .push(Kind::State, &state.topic, state.qos, &state.payload)
                .is_err()
            {
                all = false;
                break;
            }
            state.unsent = false;
        }
        states.retain(|state| state.unsent || !state.is_last);
        link.states = states;
        all
    }

    pub(super) fn counters(&self) -> Counters {
        let (connected, waiting, events_waiting) = {
            let link = self.link();
            let (under_way, backlog) = (link.under_way.len(), link.backlog.len());
            (link.queue.is_some(), under_way as u64, backlog as u64)
        };
        Counters {
            connected,
            attempts: self.tally.attempts.get(),
            connects: self.tally.connects.get(),
            published: self.tally.published.get(),
            waiting,
            events_waiting,
            dropped_events: self.tally.events.get(),
            refused: self.tally.refused.get(),
            dropped_offline: self.tally.offline.get(),
            dropped_queue_full: self.tally.queue_full.get(),
            dropped_behind: self.tally.behind.get(),
            dropped_too_large: self.tally.too_large.get(),
            inbox_overflows: self.tally.inbox_overflows.get(),
        }
    }
}

/// Refuses a payload that is larger than what can be sent.
fn check_size(payload: &[u8], limit: usize) -> Result<(), NotSent> {
    if payload.len() > limit {
        return Err(NotSent::TooLarge {
            bytes: payload.len(),
            limit,
        });
    }
    Ok(())
}

/// Room for header and topic that is always kept free in a packet of our own.
const _: () = assert!(OVERHEAD > 10 + PROPERTIES + 256 + 5 * 65);

/// Counts that the publisher and the session add to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) attempts: Count,
    pub(super) connects: Count,
    pub(super) published: Count,
    pub(super) offline: Count,
    pub(super) queue_full: Count,
    pub(super) behind: Count,
    pub(super) too_large: Count,
    pub(super) events: Count,
    pub(super) refused: Count,
    pub(super) inbox_overflows: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
