//! What happens to a camera's objects, as messages on `<camera>/events`.

use std::time::{Duration, SystemTime};

use message::{Crossing, Event, EventKind, Named, SCHEMA, Sighting, Topic, timestamp};
use mqtt::Publisher;
use tracing::debug;
use track::{Change, Direction, Snapshot};

use crate::daemon::objects::areas::Areas;

/// Publishes the events of one camera.
#[derive(Debug)]
pub(crate) struct Events {
    topic: Topic,
    node: String,
    camera: String,
    /// The number of the last one.
    number: u64,
    /// How many of the last ones were lost and not yet told.
    lost: u64,
}

impl Events {
    /// Of a camera in front of which nothing has happened yet.
    pub(crate) fn new(node: &str, camera: &str, topic: Topic) -> Self {
        Self {
            topic,
            node: node.to_owned(),
            camera: camera.to_owned(),
            number: 0,
            lost: 0,
        }
    }

    /// Publishes an event, and says what it was. `at` tells the time of day for the tracker's time, `text` is what
    /// names the object.
    pub(crate) fn publish(
        &mut self,
        event: &track::Event,
        areas: &Areas,
        at: impl Fn(Duration) -> SystemTime,
        text: Option<Named>,
        publisher: &Publisher,
    ) -> Event {
        let at = |time| timestamp(at(time));
        let sighting = |snapshot: Snapshot| Sighting {
            at: at(snapshot.at),
            sequence: snapshot.sequence,
            bbox: [
                snapshot.bbox.x,
                snapshot.bbox.y,
                snapshot.bbox.width,
                snapshot.bbox.height,
            ],
            area: snapshot.area,
            score: snapshot.score,
        };
        let zone = |zone: usize| areas.zones.get(zone).map(|zone| zone.name.clone());
        let (kind, zone, line, direction) = match event.change {
            Change::Appeared => (EventKind::Appeared, None, None, None),
            Change::Left => (EventKind::Left, None, None, None),
            Change::Entered { zone: place } => (EventKind::Entered, zone(place), None, None),
            Change::Exited { zone: place } => (EventKind::Exited, zone(place), None, None),
            Change::Loitering { zone: place } => (EventKind::Loitering, zone(place), None, None),
            Change::Crossed { line, direction } => {
                let name = areas.lines.get(line).map(|line| line.name.clone());
                let direction = match direction {
                    Direction::LeftToRight => Crossing::LeftToRight,
                    Direction::RightToLeft => Crossing::RightToLeft,
                };
                (EventKind::Crossed, None, name, Some(direction))
            }
            Change::Still => (EventKind::Still, None, None, None),
            Change::Moving => (EventKind::Moving, None, None, None),
        };
        self.tell_lost(event, &at, publisher);
        self.number += 1;
        let message = Event {
            id: Some(event.id),
            zone,
            line,
            direction,
            before: event.before.map(sighting),
            after: event.after.map(sighting),
            text,
            since: at(event.since),
            ..self.bare(kind, event, &at)
        };
        self.send(&message, publisher);
        message
    }

    /// Says how many were lost before this event, where any were and there is room to say it.
    fn tell_lost(
        &mut self,
        event: &track::Event,
        at: &impl Fn(Duration) -> String,
        publisher: &Publisher,
    ) {
        let lost = self.lost;
        if lost == 0 {
            return;
        }
        // It has the number of the last one that was lost.
        let message = Event {
            count: Some(lost),
            ..self.bare(EventKind::Lost, event, at)
        };
        self.lost = 0;
        self.send(&message, publisher);
        if self.lost > 0 {
            // Still no room: this message is nothing that happened.
            self.lost = lost;
        }
    }

    fn bare(
        &self,
        kind: EventKind,
        event: &track::Event,
        at: &impl Fn(Duration) -> String,
    ) -> Event {
        Event {
            schema: SCHEMA,
            node: self.node.clone(),
            camera: self.camera.clone(),
            number: self.number,
            event: kind,
            id: None,
            zone: None,
            line: None,
            direction: None,
            at: at(event.at),
            since: at(event.at),
            sequence: event.sequence,
            before: None,
            after: None,
            text: None,
            count: None,
        }
    }

    fn send(&mut self, message: &Event, publisher: &Publisher) {
        let sent = serde_json::to_vec(message)
            .map_err(|error| error.to_string())
            .and_then(|payload| {
                let kept = publisher.event(&self.topic, &payload);
                kept.map_err(|not_sent| not_sent.to_string())
            });
        if let Err(cause) = sent {
            debug!("event {} of {}: {cause}", self.number, self.camera);
            self.lost += 1;
        }
    }
}
