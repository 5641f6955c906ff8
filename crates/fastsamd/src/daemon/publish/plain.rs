//! Plain numbers for people without templates.
//!
//! A number is published when it has changed, and no sooner than an interval after the last change.

use std::time::{Duration, Instant};

use message::Topic;
use mqtt::{Delivery, Publisher};

/// A topic with a value that changes now and then.
#[derive(Debug)]
pub(crate) struct Plain {
    topic: Topic,
    /// What was published last, and when.
    published: Option<(u32, Instant)>,
}

impl Plain {
    pub(crate) fn new(topic: Topic) -> Self {
        Self {
            topic,
            published: None,
        }
    }

    pub(crate) fn topic(&self) -> &Topic {
        &self.topic
    }

    pub(crate) fn is_due(&self, value: u32, now: Instant, interval: Duration) -> bool {
        self.published.is_none_or(|(published, at)| {
            published != value && now.saturating_duration_since(at) >= interval
        })
    }

    pub(crate) fn publish(
        &mut self,
        value: u32,
        payload: &str,
        now: Instant,
        publisher: &Publisher,
    ) {
        // A plain number is not too large; what else may go wrong is counted.
        let _ = publisher.state(&self.topic, payload.as_bytes(), Delivery::AtMostOnce);
        self.published = Some((value, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_published_on_change_and_at_most_so_often() {
        let topics = message::Topics::new("fastsam", "node").unwrap();
        let mut plain = Plain::new(topics.info());
        let start = Instant::now();
        let interval = Duration::from_millis(500);
        let at = |ms| start + Duration::from_millis(ms);
        let options = mqtt::Options::new("127.0.0.1", 1, "test", topics.availability());
        let publisher = mqtt::connect(options).unwrap().0;
        let mut published = Vec::new();
        for (ms, value) in [
            (0, 0),
            (100, 0),
            (200, 1),
            (400, 2),
            (600, 2),
            (700, 3),
            (2000, 3),
        ] {
            if plain.is_due(value, at(ms), interval) {
                plain.publish(value, "", at(ms), &publisher);
                published.push((ms, value));
            }
        }
        assert_eq!(published, [(0, 0), (600, 2), (2000, 3)]);
    }
}
