//! What a monitor remembers of one object, and how its states change.

use std::time::Duration;

use crate::{
    event::{Change, Direction, Event, Snapshot},
    polygon::{meets, turn},
};

/// What is inside may have this much less of its mask in the zone than what comes in.
const HYSTERESIS: f32 = 0.8;

/// An object stands still within this share of its size, and moves beyond twice that.
const STILL: f32 = 0.1;

/// A line is crossed when the object is this share of its size beyond it.
const BEYOND: f32 = 0.05;

/// An object and a zone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stay {
    pub(crate) is_inside: bool,
    /// Since when the contrary is seen, and how the object was seen before.
    contrary: Option<(Duration, Option<Snapshot>)>,
    /// When it came in.
    entered: Duration,
    has_loitered: bool,
}

impl Stay {
    /// The share of the mask with which the object is inside, where it comes in with `share`.
    pub(crate) fn least_share(&self, share: f32) -> f32 {
        if self.is_inside {
            share * HYSTERESIS
        } else {
            share
        }
    }
}

/// An object that has been seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) id: u64,
    /// Whether `appeared` was reported.
    pub(crate) appeared: bool,
    /// When it was first seen.
    pub(crate) first: Duration,
    previous: Option<Snapshot>,
    latest: Snapshot,
    /// Whether it was not seen yet.
    is_new: bool,
    /// One per zone.
    pub(crate) stays: Vec<Stay>,
    /// For each line, where the object last was clearly on one side.
    sides: Vec<Option<[f32; 2]>>,
    /// Where the object has been since it moved last, and since when.
    resting: Option<([f32; 2], Duration)>,
    is_still: bool,
}

impl Record {
    /// A new object's, in old buffers.
    pub(crate) fn begin(&mut self, id: u64, at: Duration, zones: usize, lines: usize) {
        let (mut stays, mut sides) = (
            std::mem::take(&mut self.stays),
            std::mem::take(&mut self.sides),
        );
        stays.clear();
        stays.resize(zones, Stay::default());
        sides.clear();
        sides.resize(lines, None);
        *self = Self {
            id,
            first: at,
            is_new: true,
            stays,
            sides,
            ..Self::default()
        };
    }

    /// From now on there are other zones and lines; each new one names the old one that it replaces.
    pub(crate) fn rearrange(&mut self, zones: &[Option<usize>], lines: &[Option<usize>]) {
        let stay = |old: &Option<usize>| old.and_then(|old| self.stays.get(old).copied());
        let stays = zones.iter().map(|old| stay(old).unwrap_or_default());
        let stays = stays.collect();
        let side = |old: &Option<usize>| old.and_then(|old| self.sides.get(old).copied());
        let sides = lines.iter().map(|old| side(old).flatten());
        let sides = sides.collect();
        (self.stays, self.sides) = (stays, sides);
    }

    /// The object is seen in this frame.
    pub(crate) fn see(&mut self, snapshot: Snapshot) {
        let is_first = std::mem::replace(&mut self.is_new, false);
        let previous = std::mem::replace(&mut self.latest, snapshot);
        self.previous = (!is_first).then_some(previous);
    }

    /// Something that happened in this frame.
    pub(crate) fn event(&self, change: Change, since: Duration) -> Event {
        let latest = self.latest;
        Event {
            change,
            id: self.id,
            at: latest.at,
            since,
            sequence: latest.sequence,
            before: self.previous,
            after: Some(latest),
        }
    }

    /// Where the object is seen now, inside of a zone or not.
    pub(crate) fn place_in_zone(
        &mut self,
        zone: usize,
        is_inside: bool,
        inertia: Duration,
        loiter: Option<Duration>,
        events: &mut Vec<Event>,
    ) {
        let at = self.latest.at;
        let stay = &mut self.stays[zone];
        if is_inside == stay.is_inside {
            stay.contrary = None;
        } else {
            let (since, before) = *stay.contrary.get_or_insert((at, self.previous));
            if at.saturating_sub(since) >= inertia {
                stay.is_inside = is_inside;
                stay.contrary = None;
                stay.entered = since;
                stay.has_loitered = false;
                let change = if is_inside {
                    Change::Entered { zone }
                } else {
                    Change::Exited { zone }
                };
                let event = self.event(change, since);
                events.push(Event { before, ..event });
            }
        }
        let stay = &mut self.stays[zone];
        let since = stay.entered;
        let is_due = loiter.is_some_and(|loiter| at.saturating_sub(since) >= loiter);
        if stay.is_inside && is_due && !stay.has_loitered {
            stay.has_loitered = true;
            events.push(self.event(Change::Loitering { zone }, since));
        }
    }

    /// Where the object's point is seen now, on one side of a line or the other.
    pub(crate) fn pass_line(
        &mut self,
        place: usize,
        point: [f32; 2],
        line: [[f32; 2]; 2],
        events: &mut Vec<Event>,
    ) {
        let length = f64::from((line[1][0] - line[0][0]).hypot(line[1][1] - line[0][1]));
        let distance = turn(line[0], line[1], point) / length;
        if distance.abs() < f64::from(BEYOND * self.size()).max(1.0) {
            return;
        }
        let Some(last) = self.sides[place].replace(point) else {
            return;
        };
        let was_right = turn(line[0], line[1], last) > 0.0;
        if was_right != (distance > 0.0) && meets([last, point], line) {
            let direction = if was_right {
                Direction::RightToLeft
            } else {
                Direction::LeftToRight
            };
            let change = Change::Crossed {
                line: place,
                direction,
            };
            let since = self.latest.at;
            events.push(self.event(change, since));
        }
    }

    /// Where the object's middle is seen now. What the camera was displaced by, everything was.
    pub(crate) fn judge_movement(
        &mut self,
        point: [f32; 2],
        displacement: [f32; 2],
        still_after: Duration,
        events: &mut Vec<Event>,
    ) {
        let at = self.latest.at;
        let room = STILL * self.size() + 2.0;
        let (home, since) = self.resting.get_or_insert((point, at));
        home[0] += displacement[0];
        home[1] += displacement[1];
        let distance = (point[0] - home[0]).hypot(point[1] - home[1]);
        let since = *since;
        if self.is_still {
            if distance > 2.0 * room {
                self.is_still = false;
                self.resting = Some((point, at));
                events.push(self.event(Change::Moving, at));
            }
        } else if distance > room {
            self.resting = Some((point, at));
        } else if at.saturating_sub(since) >= still_after {
            self.is_still = true;
            events.push(self.event(Change::Still, since));
        }
    }

    /// The object is gone.
    pub(crate) fn end(&self, at: Duration, sequence: u64, events: &mut Vec<Event>) {
        if !self.appeared {
            return;
        }
        let last = self.latest.at;
        let inside = (0..self.stays.len()).filter(|&zone| self.stays[zone].is_inside);
        let exits = inside.map(|zone| Change::Exited { zone });
        events.extend(exits.chain([Change::Left]).map(|change| Event {
            change,
            id: self.id,
            at,
            since: last,
            sequence,
            before: Some(self.latest),
            after: None,
        }));
    }

    /// The side of a square of its area.
    fn size(&self) -> f32 {
        (self.latest.area as f32).sqrt()
    }
}
