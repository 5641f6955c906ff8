//! Messages that must arrive: kept in order until the broker has acknowledged each.
//!
//! A message of QoS 1 is the broker's once it has sent PUBACK (MQTT 5.0, section 4.3.2). Until then it is
//! kept here, and sent again on the next connection. What arrived and whose acknowledgement was lost with the
//! connection arrives twice: QoS 1 promises no more, so such messages are to be numbered.
//!
//! Invariants: no more messages and bytes are kept than the [`Bounds`] say; no more than [`WINDOW`] are
//! sent and not yet acknowledged; those that are sent stand before the others.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::exchange::NotSent;

/// Messages that are sent and not acknowledged, at most. They need room in the queue beside frames.
const WINDOW: usize = 16;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Messages, at most.
    pub(super) messages: usize,
    /// Bytes of theirs, at most.
    pub(super) bytes: usize,
    /// Messages beyond the bound on bytes, for what is small.
    pub(super) small_messages: usize,
    /// How long a message is worth sending on a new connection, if not for ever.
    pub(super) lasts: Option<Duration>,
}

/// Events: an afternoon's, while the broker is away.
pub(super) const EVENTS: Bounds = Bounds {
    messages: 2000,
    bytes: 4 << 20,
    small_messages: 0,
    lasts: None,
};

/// Answers to requests: a burst of them, some of which are as large as a frame. Behind it there is room to say that it
/// is full.
pub(super) const ANSWERS: Bounds = Bounds {
    messages: 256,
    bytes: 8 << 20,
    small_messages: 1024,
    lasts: Some(Duration::from_secs(30)),
};

/// A message is small up to so many bytes.
const SMALL: usize = 1024;

/// What is to be sent, and what has been.
#[derive(Debug)]
pub(super) struct Backlog {
    bounds: Bounds,
    messages: VecDeque<Kept>,
    bytes: usize,
    /// How many from the front are sent.
    sent: usize,
}

/// A message that is kept.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// What the asker knows an answer by.
    pub(super) correlation_data: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Kept {
    message: Message,
    since: Instant,
    /// The packet's identifier, once it is written.
    packet: Option<u16>,
}

impl Backlog {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            messages: VecDeque::new(),
            bytes: 0,
            sent: 0,
        }
    }

    /// Takes a message.
    pub(super) fn push(&mut self, message: Message) -> Result<(), NotSent> {
        let bytes = message.payload.len();
        let is_full =
            self.messages.len() >= self.bounds.messages || self.bytes + bytes > self.bounds.bytes;
        let most = self.bounds.messages + self.bounds.small_messages;
        let is_small = bytes <= SMALL && self.messages.len() < most;
        if is_full && !(is_small && self.bounds.small_messages > 0) {
            return Err(NotSent::QueueFull);
        }
        self.bytes += bytes;
        self.messages.push_back(Kept {
            message,
            since: Instant::now(),
            packet: None,
        });
        Ok(())
    }

    /// A new connection: nothing is sent on it yet.
    pub(super) fn begin_anew(&mut self) {
        self.sent = 0;
        if let Some(lasts) = self.bounds.lasts {
            self.messages.retain(|kept| kept.since.elapsed() < lasts);
            self.bytes = self.messages.iter().map(Kept::bytes).sum();
        }
        for kept in &mut self.messages {
            kept.packet = None;
        }
    }

    /// The next message to be sent, if there is one and more may be under way.
    pub(super) fn next(&self) -> Option<&Message> {
        if self.sent >= WINDOW {
            return None;
        }
        self.messages.get(self.sent).map(|kept| &kept.message)
    }

    /// The message that [`next`](Self::next) named is in the connection's queue.
    pub(super) fn queued(&mut self) {
        self.sent += 1;
    }

    /// The message that [`next`](Self::next) named can't be sent, and is given up.
    pub(super) fn give_up(&mut self) {
        if let Some(kept) = self.messages.remove(self.sent) {
            self.bytes -= kept.bytes();
        }
    }

    /// The oldest message that is queued and not written is written now, in this packet.
    pub(super) fn written(&mut self, packet: u16) {
        let mut sent = self.messages.iter_mut().take(self.sent);
        if let Some(kept) = sent.find(|kept| kept.packet.is_none()) {
            kept.packet = Some(packet);
        }
    }

    /// The broker has this packet. Nothing happens where it is not one of these messages.
    pub(super) fn acknowledged(&mut self, packet: u16) -> Option<String> {
        let mut sent = self.messages.iter().take(self.sent);
        let place = sent.position(|kept| kept.packet == Some(packet))?;
        let kept = self.messages.remove(place)?;
        self.bytes -= kept.bytes();
        self.sent -= 1;
        Some(kept.message.topic)
    }

    /// Bytes of the largest message that is sent and not acknowledged.
    pub(super) fn largest_sent(&self) -> Option<usize> {
        self.messages.iter().take(self.sent).map(Kept::bytes).max()
    }

    /// Messages that the broker does not have yet.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }
}

impl Kept {
    fn bytes(&self) -> usize {
        self.message.payload.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: &[u8]) -> Message {
        Message {
            topic: "topic".to_owned(),
            payload: payload.to_vec(),
            correlation_data: None,
        }
    }

    /// Sends all that may be sent, and says what that was.
    fn send(backlog: &mut Backlog) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(message) = backlog.next() {
            sent.push(message.payload[0]);
            backlog.queued();
        }
        sent
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again_in_order() {
        let mut backlog = Backlog::new(EVENTS);
        for number in 0..5 {
            backlog.push(message(&[number])).unwrap();
        }
        assert_eq!(send(&mut backlog), [0, 1, 2, 3, 4]);
        for packet in 11..15 {
            backlog.written(packet);
        }
        assert!(backlog.acknowledged(12).is_some());
        assert!(backlog.acknowledged(12).is_none());
        assert!(backlog.acknowledged(99).is_none());
        assert!(backlog.acknowledged(11).is_some());
        assert!(send(&mut backlog).is_empty());
        backlog.begin_anew();
        // The identifiers of the old connection mean nothing on the new one.
        assert!(backlog.acknowledged(13).is_none());
        backlog.push(message(&[5])).unwrap();
        assert_eq!(send(&mut backlog), [2, 3, 4, 5]);
    }

    #[test]
    fn few_are_under_way_at_once() {
        let mut backlog = Backlog::new(EVENTS);
        for number in 0..40 {
            backlog.push(message(&[number])).unwrap();
        }
        assert_eq!(send(&mut backlog), (0..WINDOW as u8).collect::<Vec<_>>());
        backlog.written(1);
        assert!(send(&mut backlog).is_empty());
        assert!(backlog.acknowledged(1).is_some());
        assert_eq!(send(&mut backlog), [WINDOW as u8]);
    }

    #[test]
    fn messages_and_bytes_are_bounded() {
        let mut backlog = Backlog::new(EVENTS);
        for _ in 0..EVENTS.messages {
            backlog.push(message(b"x")).unwrap();
        }
        assert_eq!(backlog.push(message(b"x")), Err(NotSent::QueueFull));
        backlog.give_up();
        assert_eq!(backlog.len(), EVENTS.messages - 1);
        backlog.push(message(b"x")).unwrap();

        let mut backlog = Backlog::new(EVENTS);
        let large = vec![0; EVENTS.bytes / 2];
        backlog.push(message(&large)).unwrap();
        backlog.push(message(&large)).unwrap();
        assert_eq!(backlog.push(message(b"x")), Err(NotSent::QueueFull));
    }

    #[test]
    fn behind_full_answers_there_is_room_to_say_so() {
        let mut backlog = Backlog::new(ANSWERS);
        let large = vec![0; 100_000];
        let taken = (0..1000).take_while(|_| backlog.push(message(&large)).is_ok());
        assert_eq!(taken.count(), ANSWERS.bytes / large.len());
        backlog.push(message(b"full")).unwrap();
        let refusals = (0..9999).take_while(|_| backlog.push(message(b"full")).is_ok());
        let most = ANSWERS.messages + ANSWERS.small_messages;
        assert_eq!(refusals.count() + 1 + ANSWERS.bytes / large.len(), most);
    }
}
