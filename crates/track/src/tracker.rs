//! Ids that last: one call per frame.

use std::time::Duration;

use fastsam::{Segment, prompt::Canvas};
use frame::{FrameRect, Size};

use crate::{
    associate::Association,
    camera::Camera,
    object::{Object, State, View},
    settings::Settings,
    shape::{Bounds, Shape, Sightings},
};

/// What was seen within this time says whether the camera was moved.
const RECENT: Duration = Duration::from_millis(500);

/// How long a tentative object is looked for.
const TENTATIVE_FOR: Duration = Duration::from_millis(500);

/// A part or a merged neighbour that is seen for this time is an object of its own.
const EXPLAINED_FOR: Duration = Duration::from_secs(1);

/// What is known of the object that a segment shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// Stays with the object, and is never used again.
    pub id: u64,
    /// Time since the object was first seen.
    pub age: Duration,
    /// What becomes of it.
    pub state: State,
    /// Pixels of the mask a second, rightwards and downwards.
    pub velocity: [f32; 2],
}

/// A frame's segments, and when and on what they were seen.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// When the frame was taken, on any monotonic clock. Times that go back are taken for the last one.
    pub at: Duration,
    /// The frame's sequence number, for events.
    pub sequence: u64,
    /// What the masks are painted on.
    pub canvas: Canvas,
    /// The segments.
    pub segments: &'a [Segment],
}

/// Gives ids to segments, frame by frame.
#[derive(Debug)]
pub struct Tracker {
    settings: Settings,
    next_id: u64,
    canvas: Option<Canvas>,
    size: Size,
    last: Duration,
    /// In the order of their ids.
    objects: Vec<Object>,
    sightings: Sightings,
    association: Association,
    camera: Camera,
    /// Of the camera, since the frame before.
    displacement: [f32; 2],
    tracks: Vec<Track>,
    ended: Vec<u64>,
    /// Whether a frame's answer was given with what is in `ended`.
    is_told: bool,
    /// Buffers of objects that have ended.
    spare: Vec<[Shape; 2]>,
}

impl Tracker {
    /// A tracker whose first object will have this id.
    pub fn new(settings: Settings, first_id: u64) -> Self {
        Self {
            settings,
            next_id: first_id,
            canvas: None,
            size: Size::default(),
            last: Duration::ZERO,
            objects: Vec::new(),
            sightings: Sightings::default(),
            association: Association::default(),
            camera: Camera::default(),
            displacement: [0.0; 2],
            tracks: Vec::new(),
            ended: Vec::new(),
            is_told: false,
            spare: Vec::new(),
        }
    }

    /// Takes in a frame and says of each of its segments which object it shows, in their order. A frame
    /// on another canvas ends all objects.
    pub fn update(&mut self, frame: &Observation<'_>) -> &[Track] {
        let Observation { at, segments, .. } = *frame;
        let size = frame.canvas.size();
        if self.canvas != Some(frame.canvas) {
            self.reset();
            self.canvas = Some(frame.canvas);
            self.size = size;
        } else if self.is_told {
            self.ended.clear();
        }
        self.is_told = true;
        let at = at.max(self.last);
        let elapsed = at.saturating_sub(self.last).as_secs_f32();
        self.last = at;

        self.sightings.look(segments);
        let mut moved = self.camera.velocity().map(|velocity| velocity * elapsed);
        shift(&mut self.objects, moved);
        self.associate(at, segments);
        if let Some(by) = self.find_bump(at) {
            shift(&mut self.objects, by);
            moved = [moved[0] + by[0], moved[1] + by[1]];
            self.associate(at, segments);
        }
        self.association.assign(
            at,
            size,
            &self.settings,
            &mut self.objects,
            &self.sightings,
            segments,
        );
        let sightings = self.sightings.as_slice();
        let residuals = self.objects.iter().filter_map(|object| {
            let sighting = &sightings[object.segment?];
            let counts =
                object.state != State::Tentative && object.view_of(sighting) == View::Whole;
            counts.then(|| object.residual(at, sighting, size))
        });
        if let Some(by) = self.camera.consensus(residuals) {
            shift(&mut self.objects, by);
            moved = [moved[0] + by[0], moved[1] + by[1]];
        }
        self.camera.moved(moved, elapsed);
        self.displacement = moved;

        for place in 0..self.objects.len() {
            if let Some(segment) = self.objects[place].segment {
                let is_merged = self.association.is_merged(segment, &self.objects);
                self.objects[place].observe(
                    at,
                    &self.sightings,
                    (&sightings[segment], &segments[segment]),
                    size,
                    is_merged,
                );
            }
        }
        self.judge(at, segments);
        self.begin(at, segments);
        self.end(at);
        self.describe(segments.len());
        &self.tracks
    }

    /// The id of the next object to come.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// The last frame's answer: one for each segment, in their order.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Objects that were believed and are not seen in the last frame, each with its box where it is
    /// expected, in pixels of the mask; parts of it may lie beyond the frame.
    pub fn lost(&self) -> impl Iterator<Item = (Track, FrameRect)> {
        let is_lost = |object: &&Object| object.state == State::Lost;
        self.objects.iter().filter(is_lost).map(|object| {
            let Bounds { low, high } = object.expected(self.last);
            let rect = FrameRect {
                x1: low[0],
                y1: low[1],
                x2: high[0],
                y2: high[1],
            };
            (self.track(object), rect)
        })
    }

    /// Whether an object has not ended.
    pub fn is_alive(&self, id: u64) -> bool {
        self.objects
            .binary_search_by_key(&id, |object| object.id)
            .is_ok()
    }

    /// Pixels that the camera itself was moved by since the frame before.
    pub fn displacement(&self) -> [f32; 2] {
        self.displacement
    }

    /// Ids of the believed objects that ended with the last frame.
    pub fn ended(&self) -> &[u64] {
        &self.ended
    }

    /// Ends all objects, as a frame on another canvas does. Their ids stand in [`Tracker::ended`] after
    /// the next frame.
    pub fn reset(&mut self) {
        if self.is_told {
            self.ended.clear();
            self.is_told = false;
        }
        for object in self.objects.drain(..) {
            if object.state != State::Tentative {
                self.ended.push(object.id);
            }
            self.spare.push(object.into_shapes());
        }
        self.camera = Camera::default();
    }

    fn associate(&mut self, at: Duration, segments: &[Segment]) {
        self.association
            .look(at, self.size, &self.objects, &self.sightings, segments);
    }

    /// What the camera was moved by where hardly anything is where it was expected.
    fn find_bump(&mut self, at: Duration) -> Option<[f32; 2]> {
        let is_recent = |object: &&Object| {
            object.state != State::Tentative && at.saturating_sub(object.seen) < RECENT
        };
        // Detections that are missing say nothing, only those that are elsewhere do.
        let recent = self.objects.iter().filter(is_recent).count();
        let of = recent.min(self.sightings.as_slice().len());
        let agreeing = self.association.agreement(&self.objects);
        if agreeing * 3 >= of * 2 {
            return None;
        }
        let seen = self
            .objects
            .iter()
            .filter(is_recent)
            .map(|object| match object.glimpse(at) {
                Some((glimpse, shift)) => (glimpse.bounds.shifted(shift), glimpse.area),
                None => (object.expected(at), object.shape.area),
            });
        let (by, votes) = self
            .camera
            .vote(self.size, seen, self.sightings.as_slice())?;
        (votes * 2 > agreeing * 3).then_some(by)
    }

    /// Believes, loses and finds.
    fn judge(&mut self, at: Duration, segments: &[Segment]) {
        for place in 0..self.objects.len() {
            let object = &self.objects[place];
            let Some(segment) = object.segment else {
                let object = &mut self.objects[place];
                if object.state == State::Tracked {
                    object.state = State::Lost;
                }
                object.explained = None;
                continue;
            };
            if object.state != State::Tentative {
                self.objects[place].state = State::Tracked;
                continue;
            }
            let is_explained = self.association.is_explained(segment, &self.objects);
            let object = &mut self.objects[place];
            let since = *object.explained.get_or_insert(at);
            if !is_explained {
                object.explained = None;
            }
            let is_own = !is_explained || at.saturating_sub(since) >= EXPLAINED_FOR;
            if is_own {
                object.hits += hits(&self.settings, segments[segment].score);
            }
            if object.hits >= self.settings.birth_hits {
                object.state = State::Tracked;
            }
        }
    }

    /// Begins an object for each segment that nobody took.
    fn begin(&mut self, at: Duration, segments: &[Segment]) {
        for (place, segment) in segments.iter().enumerate() {
            if self.association.is_taken(place) {
                continue;
            }
            let is_explained = self.association.is_explained(place, &self.objects);
            let shape = self.spare.pop().unwrap_or_default();
            let sighting = &self.sightings.as_slice()[place];
            let mut object =
                Object::new(self.next_id, at, shape, &self.sightings, sighting, segment);
            self.next_id += 1;
            object.segment = Some(place);
            if !is_explained {
                object.hits = hits(&self.settings, segment.score);
            }
            object.explained = is_explained.then_some(at);
            if object.hits >= self.settings.birth_hits {
                object.state = State::Tracked;
            }
            self.objects.push(object);
        }
    }

    fn end(&mut self, at: Duration) {
        let Self {
            objects,
            ended,
            spare,
            settings,
            ..
        } = self;
        let is_over = |object: &Object| {
            let patience = match object.state {
                State::Tentative => TENTATIVE_FOR,
                State::Tracked | State::Lost => settings.lost_for,
            };
            object.segment.is_none() && at.saturating_sub(object.seen) >= patience
        };
        for object in objects.extract_if(.., |object| is_over(object)) {
            if object.state != State::Tentative {
                ended.push(object.id);
            }
            spare.push(object.into_shapes());
        }
    }

    fn describe(&mut self, segments: usize) {
        let nobody = Track {
            id: 0,
            age: Duration::ZERO,
            state: State::Tentative,
            velocity: [0.0; 2],
        };
        self.tracks.clear();
        self.tracks.resize(segments, nobody);
        for object in &self.objects {
            if let Some(segment) = object.segment {
                self.tracks[segment] = self.track(object);
            }
        }
    }

    fn track(&self, object: &Object) -> Track {
        let (own, camera) = (object.motion.velocity(), self.camera.velocity());
        Track {
            id: object.id,
            age: self.last.saturating_sub(object.born),
            state: object.state,
            velocity: [own[0] + camera[0], own[1] + camera[1]],
        }
    }
}

/// What a sighting of this score says for an object.
fn hits(settings: &Settings, score: f32) -> u32 {
    if score >= settings.sure_score {
        2
    } else {
        u32::from(score >= settings.birth_score)
    }
}

fn shift(objects: &mut [Object], by: [f32; 2]) {
    for object in objects {
        object.motion.shift(by);
    }
}
