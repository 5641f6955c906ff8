//! How many objects there are, and in each zone.

use std::time::{Duration, Instant};

use message::{CameraTopics, TopicError};
use mqtt::Publisher;

use super::plain::Plain;
use crate::daemon::objects::following::Following;

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
            publisher.forget(gone.count.topic());
            publisher.forget(gone.occupied.topic());
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
