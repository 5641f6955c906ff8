//! Plain numbers for people without templates: how many objects there are, and in each zone.
//!
//! A number is published when it has changed, and no sooner than an interval after the last change.

use std::time::{Duration, Instant};

use message::{CameraTopics, Topic, TopicError};
use mqtt::{Delivery, Publisher};

use crate::daemon::objects::following::Following;

/// A topic with a value that changes now and then.
#[derive(Debug)]
struct Plain {
    topic: Topic,
    /// What was published last, and when.
    published: Option<(u32, Instant)>,
}

impl Plain {
    fn new(topic: Topic) -> Self {
        Self {
            topic,
            published: None,
        }
    }

    fn is_due(&self, value: u32, now: Instant, interval: Duration) -> bool {
        self.published.is_none_or(|(published, at)| {
            published != value && now.saturating_duration_since(at) >= interval
        })
    }

    fn publish(&mut self, value: u32, payload: &str, now: Instant, publisher: &Publisher) {
        // A plain number is not too large; what else may go wrong is counted.
        let _ = publisher.state(&self.topic, payload.as_bytes(), Delivery::AtMostOnce);
        self.published = Some((value, now));
    }
}

/// The counts of one camera.
#[derive(Debug)]
pub(crate) struct Counts {
    topics: CameraTopics,
    all: Plain,
    zones: Vec<OfZone>,
}

#[derive(Debug)]
struct OfZone {
    name: String,
    count: Plain,
    occupied: Plain,
}

impl Counts {
    /// Of a camera of which nothing was published yet.
    pub(crate) fn new(topics: CameraTopics) -> Self {
        Self {
            all: Plain::new(topics.count()),
            zones: Vec::new(),
            topics,
        }
    }

    /// Takes the zones there are now; what was published of others is cleared.
    pub(crate) fn take_zones(
        &mut self,
        following: &Following,
        publisher: &Publisher,
    ) -> Result<(), TopicError> {
        let mut before = std::mem::take(&mut self.zones);
        for (name, _) in following.zone_counts() {
            let known = before.iter().position(|zone| zone.name == name);
            let zone = match known {
                Some(known) => before.swap_remove(known),
                None => OfZone {
                    name: name.to_owned(),
                    count: Plain::new(self.topics.zone_count(name)?),
                    occupied: Plain::new(self.topics.zone_occupied(name)?),
                },
            };
            self.zones.push(zone);
        }
        for gone in before {
            publisher.forget(&gone.count.topic);
            publisher.forget(&gone.occupied.topic);
        }
        Ok(())
    }

    /// Publishes what has changed.
    pub(crate) fn publish(
        &mut self,
        following: &Following,
        now: Instant,
        interval: Duration,
        publisher: &Publisher,
    ) {
        let all = following.count();
        if self.all.is_due(all, now, interval) {
            self.all.publish(all, &all.to_string(), now, publisher);
        }
        for (zone, (_, count)) in self.zones.iter_mut().zip(following.zone_counts()) {
            if zone.count.is_due(count, now, interval) {
                zone.count
                    .publish(count, &count.to_string(), now, publisher);
            }
            let occupied = u32::from(count > 0);
            if zone.occupied.is_due(occupied, now, interval) {
                let payload = if count > 0 { "ON" } else { "OFF" };
                zone.occupied.publish(occupied, payload, now, publisher);
            }
        }
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
