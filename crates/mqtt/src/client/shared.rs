//! What publisher and session share: the way into the current connection, and what is remembered
//! for the next.
//!
//! Invariant: `Link::queue` is there exactly while the connection is open for publishing. It is
//! used and taken away under one lock, so no message can slip into a connection that has ended.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::sync::Notify;
use tracing::warn;

use super::{
    backlog::{self, Backlog, Message},
    exchange::{NotSent, ReplyTo},
    options::{OVERHEAD, Options},
    tally::Tally,
    window::Window,
    wire::{Accepted, Delivery, Outbox, Properties},
};
use message::{Counters, State, Topic};

/// Bytes of a frame's properties, at most.
const PROPERTIES: usize = 32;

/// Refusals of the broker that are remembered, so that each is told once.
const MAX_TOLD: usize = 256;

/// Topics with a remembered state, at most: far more than a node has.
const MAX_STATES: usize = 4096;

#[derive(Debug)]
pub(super) struct Shared {
    link: Mutex<Link>,
    /// States have changed.
    pub(super) changed: Notify,
    pub(super) tally: Tally,
    max_payload_bytes: usize,
    /// The largest payload that this broker has not refused, as far as it has refused any.
    learned_bytes: AtomicUsize,
    frame_expiry_s: u32,
    /// What marks subscribe to.
    mark: String,
}

#[derive(Debug)]
struct Link {
    queue: Option<Outbox>,
    /// What has gone into the queue and is not yet written, in order.
    under_way: VecDeque<Kind>,
    /// What the broker allows.
    max_packet_bytes: Option<u32>,
    /// Why there is no connection.
    failure: Option<String>,
    /// In the order in which they were first published.
    states: Vec<Remembered>,
    events: Backlog,
    answers: Backlog,
    /// Topics of states of QoS 1: in the queue, and written as a packet that is not acknowledged.
    queued_states: VecDeque<Topic>,
    written_states: Vec<(u16, Topic)>,
    /// What the broker was said to refuse.
    told: Vec<String>,
    /// What is on its way to the broker.
    window: Window,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            queue: None,
            under_way: VecDeque::new(),
            max_packet_bytes: None,
            failure: None,
            states: Vec::new(),
            events: Backlog::new(backlog::EVENTS),
            answers: Backlog::new(backlog::ANSWERS),
            queued_states: VecDeque::new(),
            written_states: Vec::new(),
            told: Vec::new(),
            window: Window::default(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Lost with the connection.
    Frame,
    /// Published again on the next, with QoS 1.
    State,
    /// The same with QoS 0.
    PlainState,
    /// Kept until the broker has it.
    Event,
    /// Kept until the broker has it, but not for ever.
    Answer,
}

#[derive(Debug)]
struct Remembered {
    topic: Topic,
    payload: Vec<u8>,
    delivery: Delivery,
    /// Not yet in the queue of this connection.
    unsent: bool,
    /// Whether the topic is to be cleared, and then forgotten.
    is_last: bool,
}

impl Link {
    /// Puts a state into the queue, if there is a connection and room.
    fn push_state(
        &mut self,
        topic: &Topic,
        delivery: Delivery,
        payload: &[u8],
    ) -> Result<(), NotSent> {
        let queue = self.queue.as_ref().ok_or(NotSent::Offline)?;
        let none = Properties::default();
        queue
            .publish(topic.as_str(), delivery, true, payload.to_vec(), none)
            .map_err(|_| NotSent::QueueFull)?;
        if delivery == Delivery::AtLeastOnce {
            self.queued_states.push_back(topic.clone());
            self.under_way.push_back(Kind::State);
        } else {
            self.under_way.push_back(Kind::PlainState);
        }
        // Frames wait for what is sent before them: a mark follows when it is due.
        self.window.sent(payload.len(), Instant::now());
        Ok(())
    }

    /// Says what the broker refuses, once.
    fn tell(&mut self, topic: &str, cause: &str) {
        let said = format!("{topic}: {cause}");
        if !self.told.contains(&said) && self.told.len() < MAX_TOLD {
            warn!(topic, "the broker refuses what is published: {cause}");
            self.told.push(said);
        }
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
            learned_bytes: AtomicUsize::new(usize::MAX),
            frame_expiry_s: options.frame_expiry_s,
        }
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        // Nothing that holds this lock can panic half-way through a change.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection for publishing: first `online`, then all that is remembered.
    pub(super) fn open(&self, queue: Outbox, accepted: &Accepted, online: &Topic) {
        let mut link = self.link();
        link.queue = Some(queue);
        link.under_way.clear();
        link.max_packet_bytes = accepted.max_packet_bytes;
        link.failure = None;
        for state in &mut link.states {
            state.unsent = true;
        }
        link.events.begin_anew();
        link.answers.begin_anew();
        link.queued_states.clear();
        link.written_states.clear();
        link.window = Window::default();
        // The queue of a new connection has room.
        let online_payload = State::Online.payload();
        let _ = link.push_state(online, Delivery::AtLeastOnce, online_payload);
    }

    /// Queues `offline` as the last message of this connection; says whether there was room.
    pub(super) fn send_last(&self, offline: &Topic) -> bool {
        let mut link = self.link();
        let payload = State::Offline.payload();
        let sent = link
            .push_state(offline, Delivery::AtLeastOnce, payload)
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
        let mut guard = self.link();
        let link = &mut *guard;
        let kind = link.under_way.pop_front();
        let backlog = match kind {
            Some(Kind::Event) => Some(&mut link.events),
            Some(Kind::Answer) => Some(&mut link.answers),
            _ => None,
        };
        if let Some(backlog) = backlog {
            backlog.written(packet);
            if packet == 0 {
                // A broker without QoS 1 acknowledges nothing: written is all that can be known.
                backlog.acknowledged(packet);
            }
        }
        if kind == Some(Kind::State)
            && let Some(topic) = link.queued_states.pop_front()
            && packet != 0
        {
            link.written_states.push((packet, topic));
        }
        self.tally.published.add(1);
    }

    /// Notes that the broker has a packet, or why it refused to pass it on.
    pub(super) fn acknowledged(&self, packet: u16, refused: Option<&str>) {
        let mut guard = self.link();
        let link = &mut *guard;
        let mut states = link.written_states.iter();
        let state = states.position(|(written, _)| *written == packet);
        let topic = match state {
            Some(place) => {
                let (_, topic) = link.written_states.swap_remove(place);
                Some(topic.as_str().to_owned())
            }
            None => {
                let event = link.events.acknowledged(packet);
                event.or_else(|| link.answers.acknowledged(packet))
            }
        };
        if let (Some(topic), Some(cause)) = (topic, refused) {
            self.tally.refused.add(1);
            link.tell(&topic, cause);
        }
    }

    /// Keeps an event until the broker has it.
    pub(super) fn keep(&self, topic: &Topic, payload: &[u8]) -> Result<(), NotSent> {
        let mut link = self.link();
        check_size(payload, self.limit(&link, topic))?;
        link.events.push(Message {
            topic: topic.as_str().to_owned(),
            payload: payload.to_vec(),
            correlation_data: None,
        })?;
        drop(link);
        self.changed.notify_one();
        Ok(())
    }

    /// Keeps an answer until the broker has it, or nobody can be waiting for it any more.
    pub(super) fn answer(&self, to: &ReplyTo, payload: &[u8]) -> Result<(), NotSent> {
        let mut link = self.link();
        // The properties need room too.
        let correlation_data = to.correlation_data();
        let limit = self
            .payload_limit_for(link.max_packet_bytes, to.topic().len())
            .saturating_sub(correlation_data.map_or(0, |data| data.len() + 8));
        check_size(payload, limit)?;
        if link.queue.is_none() {
            // Who asked has lost the connection too, or is about to.
            return Err(NotSent::Offline);
        }
        link.answers.push(Message {
            topic: to.topic().to_owned(),
            payload: payload.to_vec(),
            correlation_data: correlation_data.map(<[u8]>::to_vec),
        })?;
        drop(link);
        self.changed.notify_one();
        Ok(())
    }

    /// Queues kept messages, as far as there is room. Says whether the broker has all of them.
    pub(super) fn send_backlog(&self) -> bool {
        let mut guard = self.link();
        let Link {
            queue,
            under_way,
            window,
            answers,
            events,
            max_packet_bytes,
            ..
        } = &mut *guard;
        for (kind, backlog) in [(Kind::Answer, &mut *answers), (Kind::Event, &mut *events)] {
            while let (Some(queue), Some(message)) = (&*queue, backlog.next()) {
                let bytes = message.payload.len();
                if bytes > self.payload_limit_for(*max_packet_bytes, message.topic.len()) {
                    // It fitted when it was kept, but this broker takes less.
                    self.tally.too_large.add(1);
                    backlog.give_up();
                    continue;
                }
                let properties = Properties {
                    correlation_data: message.correlation_data.as_deref(),
                    ..Properties::default()
                };
                let (topic, payload) = (&message.topic, message.payload.clone());
                let delivery = Delivery::AtLeastOnce;
                let sent = queue.publish(topic, delivery, false, payload, properties);
                if sent.is_err() {
                    break;
                }
                under_way.push_back(kind);
                window.sent(bytes, Instant::now());
                backlog.queued();
            }
        }
        answers.len() == 0 && events.len() == 0
    }

    /// Learns from the end of a connection that the largest message under way is too large for this broker, which has
    /// not said so before. Nothing as large is sent to it again.
    pub(super) fn learn_limit(&self) {
        let link = self.link();
        let written = link.written_states.iter();
        let states = written.filter_map(|(_, topic)| {
            let state = link.states.iter().find(|state| state.topic == *topic);
            state.map(|state| state.payload.len())
        });
        let kept = [link.answers.largest_sent(), link.events.largest_sent()];
        let largest = states.chain(kept.into_iter().flatten()).max();
        if let Some(largest) = largest.filter(|largest| *largest > 1) {
            self.learned_bytes.fetch_min(largest - 1, Ordering::Relaxed);
            warn!(
                "the broker takes no message of {largest} bytes: larger ones are reduced or left out"
            );
        }
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
        self.payload_limit_for(link.max_packet_bytes, topic.as_str().len())
    }

    fn payload_limit_for(&self, max_packet_bytes: Option<u32>, topic_bytes: usize) -> usize {
        // Fixed header (1 + 4), length of the topic (2), packet id (2), properties (1 + 5 + 3 and their text).
        let header = 10 + PROPERTIES + topic_bytes;
        let ours = self
            .max_payload_bytes
            .min(self.learned_bytes.load(Ordering::Relaxed));
        max_packet_bytes.map_or(ours, |packet| {
            (packet as usize).saturating_sub(header).min(ours)
        })
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
        let properties = match self.frame_expiry_s {
            0 => Properties::default(),
            expiry => Properties {
                expiry_s: Some(expiry),
                content_type: Some(content_type),
                correlation_data: None,
            },
        };
        let (topic, delivery) = (topic.as_str(), Delivery::AtMostOnce);
        let sent = queue.publish(topic, delivery, false, payload.to_vec(), properties);
        sent.map_err(|_| NotSent::QueueFull)?;
        link.under_way.push_back(Kind::Frame);
        if link.window.sent(payload.len(), now) {
            self.mark(link, now);
        }
        Ok(())
    }

    /// Sends a mark: the subscription of a topic that nobody publishes to, made again, which the broker has to answer.
    fn mark(&self, link: &mut Link, now: Instant) {
        let mark = [self.mark.as_str()];
        let sent = |queue: &Outbox| queue.subscribe(mark, Delivery::AtMostOnce, false).is_ok();
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

    /// Remembers a state, to be sent by [`Shared::send_states`].
    pub(super) fn remember(
        &self,
        topic: &Topic,
        payload: &[u8],
        delivery: Delivery,
    ) -> Result<(), NotSent> {
        let mut link = self.link();
        check_size(payload, self.limit(&link, topic))?;
        match link.states.iter().position(|state| state.topic == *topic) {
            Some(known) => {
                let state = &mut link.states[known];
                state.payload.clear();
                state.payload.extend_from_slice(payload);
                state.delivery = delivery;
                state.unsent = true;
                state.is_last = false;
            }
            None if link.states.len() < MAX_STATES => link.states.push(Remembered {
                topic: topic.clone(),
                payload: payload.to_vec(),
                delivery,
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
                delivery: Delivery::AtLeastOnce,
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
            state.delivery = Delivery::AtLeastOnce;
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
                .push_state(&state.topic, state.delivery, &state.payload)
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
            let (under_way, backlog) = (link.under_way.len(), link.events.len());
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
