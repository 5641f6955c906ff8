//! Messages that must arrive: kept in order until the broker has acknowledged each.
//!
//! A message of QoS 1 is the broker's once it has sent PUBACK (MQTT 5.0, section 4.3.2). Until then it is
//! kept here, and sent again on the next connection. What arrived and whose acknowledgement was lost with the
//! connection arrives twice: QoS 1 promises no more, so such messages are to be numbered.
//!
//! Invariants: no more than [`MOST`] messages and [`MOST_BYTES`] bytes are kept; no more than [`WINDOW`] are
//! sent and not yet acknowledged; those that are sent stand before the others.

use std::collections::VecDeque;

use message::Topic;

use super::exchange::NotSent;

/// Messages that are kept, at most: an afternoon's events while the broker is away.
pub(super) const MOST: usize = 2000;

/// Bytes of theirs, at most.
const MOST_BYTES: usize = 4 << 20;

/// Messages that are sent and not acknowledged, at most. They need room in the queue beside frames.
const WINDOW: usize = 16;

/// What is to be sent, and what has been.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    messages: VecDeque<Kept>,
    bytes: usize,
    /// How many from the front are sent.
    sent: usize,
}

#[derive(Debug)]
struct Kept {
    topic: Topic,
    payload: Vec<u8>,
    /// The packet's identifier, once it is written.
    packet: Option<u16>,
}

impl Backlog {
    /// Takes a message.
    pub(super) fn push(&mut self, topic: &Topic, payload: &[u8]) -> Result<(), NotSent> {
        if self.messages.len() >= MOST || self.bytes + payload.len() > MOST_BYTES {
            return Err(NotSent::QueueFull);
        }
        self.bytes += payload.len();
        self.messages.push_back(Kept {
            topic: topic.clone(),
            payload: payload.to_vec(),
            packet: None,
        });
        Ok(())
    }

    /// A new connection: nothing is sent on it yet.
    pub(super) fn begin_anew(&mut self) {
        self.sent = 0;
        for kept in &mut self.messages {
            kept.packet = None;
        }
    }

    /// The next message to be sent, if there is one and more may be under way.
    pub(super) fn next(&self) -> Option<(&Topic, &[u8])> {
        if self.sent >= WINDOW {
            return None;
        }
        let kept = self.messages.get(self.sent)?;
        Some((&kept.topic, &kept.payload))
    }

    /// The message that [`next`](Self::next) named is in the connection's queue.
    pub(super) fn queued(&mut self) {
        self.sent += 1;
    }

    /// The message that [`next`](Self::next) named can't be sent, and is given up.
    pub(super) fn give_up(&mut self) {
        if let Some(kept) = self.messages.remove(self.sent) {
            self.bytes -= kept.payload.len();
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
    pub(super) fn acknowledged(&mut self, packet: u16) -> Option<Topic> {
        let mut sent = self.messages.iter().take(self.sent);
        let place = sent.position(|kept| kept.packet == Some(packet))?;
        let kept = self.messages.remove(place)?;
        self.bytes -= kept.payload.len();
        self.sent -= 1;
        Some(kept.topic)
    }

    /// Messages that the broker does not have yet.
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }
}

#[cfg(test)]
mod tests {
    use message::Topics;

    use super::*;

    fn topic() -> Topic {
        Topics::new("fastsam", "node").unwrap().info()
    }

    /// Sends all that may be sent, and says what that was.
    fn send(backlog: &mut Backlog) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some((_, payload)) = backlog.next() {
            sent.push(payload[0]);
            backlog.queued();
        }
        sent
    }

    #[test]
    fn what_is_not_acknowledged_is_sent_again_in_order() {
        let mut backlog = Backlog::default();
        for number in 0..5 {
            backlog.push(&topic(), &[number]).unwrap();
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
        backlog.push(&topic(), &[5]).unwrap();
        assert_eq!(send(&mut backlog), [2, 3, 4, 5]);
    }

    #[test]
    fn few_are_under_way_at_once() {
        let mut backlog = Backlog::default();
        for number in 0..40 {
            backlog.push(&topic(), &[number]).unwrap();
        }
        assert_eq!(send(&mut backlog), (0..WINDOW as u8).collect::<Vec<_>>());
        backlog.written(1);
        assert!(send(&mut backlog).is_empty());
        assert!(backlog.acknowledged(1).is_some());
        assert_eq!(send(&mut backlog), [WINDOW as u8]);
    }

    #[test]
    fn messages_and_bytes_are_bounded() {
        let mut backlog = Backlog::default();
        for _ in 0..MOST {
            backlog.push(&topic(), b"x").unwrap();
        }
        assert_eq!(backlog.push(&topic(), b"x"), Err(NotSent::QueueFull));
        backlog.give_up();
        assert_eq!(backlog.len(), MOST - 1);
        backlog.push(&topic(), b"x").unwrap();

        let mut backlog = Backlog::default();
        let large = vec![0; MOST_BYTES / 2];
        backlog.push(&topic(), &large).unwrap();
        backlog.push(&topic(), &large).unwrap();
        assert_eq!(backlog.push(&topic(), b"x"), Err(NotSent::QueueFull));
    }
}
