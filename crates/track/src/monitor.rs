//! What happens to objects: zones, lines, and whether they are there, stand or move.
//!
//! A [`Monitor`] follows a [`Tracker`] frame by frame and keeps one record per object. States change with
//! inertia: the contrary must hold for a time, in every frame in which the object is seen, before it is
//! believed. What isn't seen doesn't change, so that detections that flicker repeat nothing. So for each
//! object `appeared` comes first and once, `left` last and once, and `entered` and `exited` of a zone
//! alternate in between.

use std::time::Duration;

use fastsam::{Segment, prompt::Canvas};

use crate::{
    event::{Change, Event, Snapshot},
    object::State,
    polygon::{Area, Line, Polygon},
    record::{Record, Stay},
    tracker::{Observation, Track, Tracker},
};

/// The part of a mask that decides whether it is in a zone or on which side of a line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Inside {
    /// At least this share of the mask's pixels, above 0 and at most 1.
    Share(f32),
    /// A point of the mask's box.
    Point(Anchor),
}

/// A point of a mask's box.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Anchor {
    /// The middle.
    #[default]
    Centre,
    /// The middle of the lower side: where something stands.
    BottomCentre,
    /// The middle of the upper side.
    TopCentre,
}

/// An area of the frame in which objects are counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Where.
    pub polygon: Polygon,
    /// When an object is inside.
    pub inside: Inside,
    /// An object enters or leaves when it has been on the other side for this time.
    pub inertia: Duration,
    /// An object that stays for this time loiters; `None` where nobody asks.
    pub loiter: Option<Duration>,
    /// Objects of fewer pixels are not inside.
    pub min_area: u32,
    /// Objects of more pixels are not inside.
    pub max_area: u32,
}

impl Zone {
    /// A zone in which half of a mask has to be for half a second, without loitering and area limits.
    pub fn new(polygon: Polygon) -> Self {
        Self {
            polygon,
            inside: Inside::Share(0.5),
            inertia: Duration::from_millis(500),
            loiter: None,
            min_area: 0,
            max_area: u32::MAX,
        }
    }
}

/// A line that objects cross.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tripwire {
    /// Where.
    pub line: Line,
    /// The point that crosses it.
    pub anchor: Anchor,
}

/// What is watched for.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Zones; events name them by their place here.
    pub zones: Vec<Zone>,
    /// Lines; events name them by their place here.
    pub lines: Vec<Tripwire>,
    /// What lies in one of these with more than half of its mask is not there.
    pub ignored: Vec<Polygon>,
    /// An object appears when it is this old. 0.5 s by default.
    pub appear_after: Duration,
    /// An object stands still when it has not moved by a tenth of its size for this time. 2 s by default.
    pub still_after: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            zones: Vec::new(),
            lines: Vec::new(),
            ignored: Vec::new(),
            appear_after: Duration::from_millis(500),
            still_after: Duration::from_secs(2),
        }
    }
}

/// Why something can't be watched for. Zones are numbered from 1, as people do.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum WatchError {
    /// A share of a mask that is none.
    #[error("zone {zone} asks for {share} of a mask: expected a share above 0, up to 1")]
    Share {
        /// Which zone.
        zone: usize,
        /// As given.
        share: f32,
    },
    /// Limits of area that nothing can lie between.
    #[error(
        "zone {zone} takes objects of {min_area} to {max_area} pixels: the least is above the most"
    )]
    Areas {
        /// Which zone.
        zone: usize,
        /// The least.
        min_area: u32,
        /// The most.
        max_area: u32,
    },
}

impl Watch {
    fn check(&self) -> Result<(), WatchError> {
        for (zone, watched) in (1..).zip(&self.zones) {
            let &Zone {
                inside,
                min_area,
                max_area,
                ..
            } = watched;
            if let Inside::Share(share) = inside
                && !(share > 0.0 && share <= 1.0)
            {
                return Err(WatchError::Share { zone, share });
            }
            if min_area > max_area {
                return Err(WatchError::Areas {
                    zone,
                    min_area,
                    max_area,
                });
            }
        }
        Ok(())
    }
}

/// Turns tracks into events and counts.
#[derive(Debug)]
pub struct Monitor {
    watch: Watch,
    canvas: Option<Canvas>,
    /// The zones' pixels on the canvas, and those of the ignored areas.
    areas: Vec<Area>,
    ignored: Vec<Area>,
    lines: Vec<[[f32; 2]; 2]>,
    /// Sorted by id.
    records: Vec<Record>,
    /// Records to be used again, for their buffers.
    spare: Vec<Record>,
    counts: Vec<u32>,
}

impl Monitor {
    /// A monitor that has seen nothing yet.
    ///
    /// # Errors
    /// A zone that nothing can be in.
    pub fn new(watch: Watch) -> Result<Self, WatchError> {
        watch.check()?;
        Ok(Self {
            counts: vec![0; watch.zones.len()],
            watch,
            canvas: None,
            areas: Vec::new(),
            ignored: Vec::new(),
            lines: Vec::new(),
            records: Vec::new(),
            spare: Vec::new(),
        })
    }

    /// Watches for something else from now on. `zones` and `lines` name, for each new one, the old one that it
    /// replaces: objects are still on the side of it where they were.
    ///
    /// # Errors
    /// A zone that nothing can be in; then nothing changes.
    pub fn replace(
        &mut self,
        watch: Watch,
        zones: &[Option<usize>],
        lines: &[Option<usize>],
    ) -> Result<(), WatchError> {
        watch.check()?;
        for record in &mut self.records {
            record.rearrange(zones, lines);
        }
        self.counts = vec![0; watch.zones.len()];
        self.watch = watch;
        if let Some(canvas) = self.canvas {
            self.lay_out(&canvas);
        }
        self.count();
        Ok(())
    }

    /// Takes in a frame that the tracker has just taken in, and appends what happened to `events`, in
    /// order.
    ///
    /// A zone that holds no pixel of this canvas is empty; [`Polygon::rasterize`] says whether that is so.
    pub fn update(&mut self, frame: &Observation<'_>, tracker: &Tracker, events: &mut Vec<Event>) {
        // What ended is told before anything of a new canvas.
        for &id in tracker.ended() {
            self.end(id, frame, events);
        }
        if self.canvas != Some(frame.canvas) {
            self.lay_out(&frame.canvas);
        }
        for (segment, track) in frame.segments.iter().zip(tracker.tracks()) {
            if track.state == State::Tracked {
                self.see(frame, segment, track, tracker.displacement(), events);
            }
        }
        self.count();
    }

    /// How many objects are there.
    pub fn count_all(&self) -> u32 {
        self.records.iter().filter(|record| record.appeared).count() as u32
    }

    /// How many objects are in each zone, in the order of the zones. Objects that are not seen at the
    /// moment are where they were.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// The places of the zones that an object is in.
    pub fn zones_of(&self, id: u64) -> impl Iterator<Item = usize> {
        let place = self.find(id).ok();
        let stays = place.map_or(&[][..], |place| &self.records[place].stays);
        let is_inside = |(zone, stay): (usize, &Stay)| stay.is_inside.then_some(zone);
        stays.iter().enumerate().filter_map(is_inside)
    }

    fn find(&self, id: u64) -> Result<usize, usize> {
        self.records.binary_search_by_key(&id, |record| record.id)
    }

    fn lay_out(&mut self, canvas: &Canvas) {
        self.canvas = Some(*canvas);
        let area = |polygon: &Polygon| polygon.rasterize(canvas).unwrap_or_default();
        let zones = self.watch.zones.iter();
        self.areas = zones.map(|zone| area(&zone.polygon)).collect();
        self.ignored = self.watch.ignored.iter().map(area).collect();
        let lines = self.watch.lines.iter();
        self.lines = lines.map(|tripwire| tripwire.line.on(canvas)).collect();
    }

    fn see(
        &mut self,
        frame: &Observation<'_>,
        segment: &Segment,
        track: &Track,
        displacement: [f32; 2],
        events: &mut Vec<Event>,
    ) {
        let runs = segment.mask.runs();
        let is_ignored = self
            .ignored
            .iter()
            .any(|area| area.count(runs) * 2 > segment.area);
        let place = match self.find(track.id) {
            Ok(place) => place,
            Err(_) if is_ignored => return,
            Err(place) => {
                let mut record = self.spare.pop().unwrap_or_default();
                let zones = self.watch.zones.len();
                record.begin(track.id, frame.at, zones, self.watch.lines.len());
                self.records.insert(place, record);
                place
            }
        };
        let record = &mut self.records[place];
        record.see(Snapshot {
            at: frame.at,
            sequence: frame.sequence,
            bbox: segment.bbox,
            area: segment.area,
            score: segment.score,
        });
        if !record.appeared {
            if is_ignored || track.age < self.watch.appear_after {
                return;
            }
            record.appeared = true;
            events.push(record.event(Change::Appeared, record.first));
        }
        for (place, (zone, area)) in self.watch.zones.iter().zip(&self.areas).enumerate() {
            let is_inside = !is_ignored
                && (zone.min_area..=zone.max_area).contains(&segment.area)
                && match zone.inside {
                    Inside::Share(share) => {
                        let inside = area.count(runs) as f32 / segment.area.max(1) as f32;
                        inside > 0.0 && inside >= record.stays[place].least_share(share)
                    }
                    Inside::Point(anchor) => area.contains(anchor.of(segment)),
                };
            record.place_in_zone(place, is_inside, zone.inertia, zone.loiter, events);
        }
        for (place, (tripwire, line)) in self.watch.lines.iter().zip(&self.lines).enumerate() {
            record.pass_line(place, tripwire.anchor.of(segment), *line, events);
        }
        let centre = Anchor::Centre.of(segment);
        record.judge_movement(centre, displacement, self.watch.still_after, events);
    }

    fn end(&mut self, id: u64, frame: &Observation<'_>, events: &mut Vec<Event>) {
        if let Ok(place) = self.find(id) {
            let record = self.records.remove(place);
            record.end(frame.at, frame.sequence, events);
            self.spare.push(record);
        }
    }

    fn count(&mut self) {
        self.counts.fill(0);
        for record in &self.records {
            for (count, stay) in self.counts.iter_mut().zip(&record.stays) {
                *count += u32::from(stay.is_inside);
            }
        }
    }
}

impl Anchor {
    /// The point, in pixels of the mask, in the middle of a pixel at the box's lower side.
    fn of(self, segment: &Segment) -> [f32; 2] {
        let bbox = segment.bbox;
        let (x, y) = (bbox.x as f32, bbox.y as f32);
        let (width, height) = (bbox.width as f32, bbox.height as f32);
        let middle = x + width / 2.0;
        match self {
            Self::Centre => [middle, y + height / 2.0],
            Self::BottomCentre => [middle, y + height - 0.5],
            Self::TopCentre => [middle, y + 0.5],
        }
    }
}
