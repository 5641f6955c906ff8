//! One camera's objects: followed frame by frame, watched by zones and lines.

use std::{sync::Arc, time::Instant};

use configuration::Tracking;
use fastsam::{Segment, prompt::Canvas};
use track::{Event, Monitor, Observation, Tracker, WatchError};

use super::areas::{Areas, Watched};

/// Follows a camera's objects.
pub(crate) struct Following {
    camera: usize,
    tracker: Tracker,
    monitor: Monitor,
    tracking: Tracking,
    watched: Arc<Watched>,
    /// The version of `watched` that is in force here, and what it says.
    version: u64,
    areas: Areas,
    /// What the tracker's times are counted from.
    epoch: Instant,
    /// What happened in the last frame.
    events: Vec<Event>,
}

impl Following {
    /// Of a camera that has shown nothing yet. Its objects have ids from `first_id` on.
    pub(crate) fn new(
        camera: usize,
        tracking: &Tracking,
        watched: Arc<Watched>,
        first_id: u64,
        epoch: Instant,
    ) -> Result<Self, WatchError> {
        let version = watched.version();
        let (areas, ignored) = watched.in_force(camera);
        let watch = tracking.watch(&areas.zones, &areas.lines, &ignored);
        Ok(Self {
            camera,
            tracker: Tracker::new(tracking.settings(), first_id),
            monitor: Monitor::new(watch)?,
            tracking: tracking.clone(),
            watched,
            version,
            areas,
            epoch,
            events: Vec::new(),
        })
    }

    /// Takes in a frame.
    pub(crate) fn update(
        &mut self,
        captured: Instant,
        sequence: u64,
        canvas: Canvas,
        segments: &[Segment],
    ) {
        self.events.clear();
        let observation = Observation {
            at: captured.saturating_duration_since(self.epoch),
            sequence,
            canvas,
            segments,
        };
        self.tracker.update(&observation);
        self.monitor
            .update(&observation, &self.tracker, &mut self.events);
    }

    /// Puts zones and lines in force that have changed; says whether any have.
    pub(crate) fn refresh(&mut self) -> bool {
        let version = self.watched.version();
        if version == self.version {
            return false;
        }
        self.version = version;
        let (areas, ignored) = self.watched.in_force(self.camera);
        let watch = self.tracking.watch(&areas.zones, &areas.lines, &ignored);
        let old = &self.areas;
        let zones = areas.zones.iter();
        let zones = zones.map(|new| old.zones.iter().position(|old| old.name == new.name));
        let lines = areas.lines.iter();
        let lines = lines.map(|new| old.lines.iter().position(|old| old.name == new.name));
        let (zones, lines): (Vec<_>, Vec<_>) = (zones.collect(), lines.collect());
        // What the configuration accepts, a monitor accepts.
        let replaced = self.monitor.replace(watch, &zones, &lines);
        debug_assert!(replaced.is_ok(), "{replaced:?}");
        self.areas = areas;
        true
    }

    /// Who is there.
    pub(crate) fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// What happened in the last frame, in order.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// The zones and lines that events name by their places.
    pub(crate) fn areas(&self) -> &Areas {
        &self.areas
    }

    /// How many objects are there.
    pub(crate) fn count(&self) -> u32 {
        self.monitor.count_all()
    }

    /// Each zone's name, and how many objects are in it.
    pub(crate) fn zone_counts(&self) -> impl Iterator<Item = (&str, u32)> {
        let names = self.areas.zones.iter().map(|zone| zone.name.as_str());
        names.zip(self.monitor.counts().iter().copied())
    }

    /// When something happened that the tracker's clock says was then.
    pub(crate) fn instant(&self, at: std::time::Duration) -> Instant {
        self.epoch + at
    }
}
