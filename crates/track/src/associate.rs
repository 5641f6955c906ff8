//! Which segment is which object.
//!
//! Passes, each over what the ones before left, each greedy by its own measure:
//! 1. *overlap*: believed objects, seen or lost, with segments of a high score, by the IoU of masks
//!    (the object's shape where it is expected); then with the others (ByteTrack, Zhang et al. 2022,
//!    arXiv:2110.06864, whose boxes are masks here);
//! 2. *parts*: what lies inside an object's expected shape shows a part of it;
//! 3. *recovery*: an object that is not where it was expected is looked for between there and where it
//!    was last seen, by its shape (observation-centric recovery, OC-SORT, Cao et al. 2022,
//!    arXiv:2203.14360);
//! 4. tentative objects, in the same way as the believed ones.
//!
//! Greedy and not optimal (Hungarian): an optimal assignment gives up the best pair where that makes the
//! sum larger, and with nested masks it does: with the cup's detection missing, table to cup and nothing
//! to table may weigh as much as table to table. IoUs of masks hardly ever tie.

use std::time::Duration;

use fastsam::Segment;
use frame::Size;

use crate::{
    grid::Grid,
    object::{Object, State, View},
    settings::Settings,
    shape::{Bounds, Shape, Sighting, Sightings},
};

/// From this IoU on a segment of a high score is taken before all others.
const SURE_IOU: f32 = 0.5;

/// Below this two masks are taken for different things. An object that moves by half of its width from
/// where it was expected still has 0.33.
const LEAST_IOU: f32 = 0.3;

/// What a part's IoU counts beside a whole object's.
const PART_FIT: f32 = 0.6;

/// So much of a segment lies inside the object that it is a part of.
const INSIDE: f32 = 0.65;

/// From one frame to the next a part is at least this share of what was seen before.
const LEAST_PART: f32 = 0.25;

/// What is found again has at most this share of its area, and shows all of itself from this share on.
const LARGEST: f32 = 1.5;
const SMALLEST: f32 = 0.7;

/// A detection that is missing for less than this has flickered.
const FLICKER: Duration = Duration::from_millis(300);

/// What being on the way, but not yet where it is expected, costs: all of the way as much as lying half
/// as far again off it as is allowed.
const LATE: f32 = 1.5;

/// What an object may move by, in pixels a second, of which nothing is known yet.
const UNKNOWN_SPEED: f32 = 150.0;

/// The least IoU of shapes laid over each other for them to be the same one's.
const LEAST_ALIKE: f32 = 0.6;

/// A pair that may belong together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) object: u32,
    pub(crate) segment: u32,
    /// Intersection over union of the segment and what is expected: the whole object, or what was seen
    /// of it last.
    pub(crate) iou: f32,
    /// How well it fits, to be compared with other pairs: the IoU, less where it is that of a part. Of
    /// several parts the largest is the object's, not the one that looks like the part before.
    pub(crate) fit: f32,
    /// The segment's share inside the expected shape.
    pub(crate) inside: f32,
    /// The expected shape's share inside the segment.
    pub(crate) covered: f32,
}

/// Where an object is expected in this frame.
#[derive(Clone, Copy, Debug)]
struct Expected {
    whole: Bounds,
    reach: Bounds,
    is_settled: bool,
}

/// Finds pairs. Refilled for each frame.
#[derive(Debug, Default)]
pub(crate) struct Association {
    grid: Grid,
    expected: Vec<Expected>,
    pairs: Vec<Pair>,
    /// What a pass chooses from: a measure, better ones greater, and the pair.
    ranked: Vec<(f32, u32, u32)>,
    /// For each segment, the place of its object.
    owners: Vec<Option<u32>>,
}

impl Association {
    /// Finds the pairs of objects and segments that overlap as the same thing would.
    pub(crate) fn look(
        &mut self,
        at: Duration,
        size: Size,
        objects: &[Object],
        sightings: &Sightings,
        segments: &[Segment],
    ) {
        self.expected.clear();
        self.expected.extend(objects.iter().map(|object| Expected {
            whole: object.expected(at),
            reach: object.reach(at),
            is_settled: object.view == View::Whole,
        }));
        self.pairs.clear();
        self.gather(
            size,
            sightings.as_slice(),
            |member, place, expected, sighting| {
                let object = &objects[member];
                // A part may look like the part before.
                let is_likely = !expected.is_settled
                    || most_iou(expected.whole, object.shape.area, sighting) >= LEAST_IOU;
                is_likely.then(|| pair(at, member, object, place, sightings, segments))
            },
        );
    }

    /// Adds the pairs in which a segment that nobody took, or all that an object nobody found could be
    /// hidden in, is looked at: parts and merged neighbours. They are many where things lie within each
    /// other, and most of them explain nothing.
    fn look_closer(
        &mut self,
        at: Duration,
        size: Size,
        objects: &[Object],
        sightings: &Sightings,
        segments: &[Segment],
    ) {
        let owners = std::mem::take(&mut self.owners);
        self.gather(
            size,
            sightings.as_slice(),
            |member, place, expected, sighting| {
                let object = &objects[member];
                let is_open = object.segment.is_none() || owners[place].is_none();
                let is_new = expected.is_settled
                    && most_iou(expected.whole, object.shape.area, sighting) < LEAST_IOU;
                let is_believed = object.state != State::Tentative;
                (is_open && is_new && is_believed)
                    .then(|| pair(at, member, object, place, sightings, segments))
            },
        );
        self.owners = owners;
    }

    /// Offers all objects and segments that lie over each other's middle, and keeps the pairs that come
    /// back. A part lies over the middle of no object, and of two objects that are merged neither lies
    /// over the middle of both: so each side is asked for what lies over the other's.
    fn gather(
        &mut self,
        size: Size,
        seen: &[Sighting],
        mut judge: impl FnMut(usize, usize, &Expected, &Sighting) -> Option<Option<Pair>>,
    ) {
        let Self {
            grid,
            expected,
            pairs,
            ..
        } = self;
        grid.rebuild(size, expected.iter().map(|expected| expected.reach));
        for (place, sighting) in seen.iter().enumerate() {
            let centre = sighting.bounds.centre();
            for &member in grid.around(centre) {
                let expected = &expected[member as usize];
                if expected.reach.contains(centre) {
                    pairs.extend(judge(member as usize, place, expected, sighting).flatten());
                }
            }
        }
        grid.rebuild(size, seen.iter().map(|sighting| sighting.bounds));
        for (member, expected) in expected.iter().enumerate() {
            let centre = expected.whole.centre();
            for &place in grid.around(centre) {
                let sighting = &seen[place as usize];
                let is_new = !expected.reach.contains(sighting.bounds.centre());
                if is_new && sighting.bounds.contains(centre) {
                    pairs.extend(judge(member, place as usize, expected, sighting).flatten());
                }
            }
        }
        pairs.sort_unstable_by_key(|pair| (pair.segment, pair.object));
    }

    /// How many segments lie where a believed object is expected, as the same object would.
    pub(crate) fn agreement(&self, objects: &[Object]) -> usize {
        let mut agreeing = 0;
        let mut last = u32::MAX;
        // Pairs are sorted by segment, so that each is counted once.
        for pair in &self.pairs {
            let is_believed = objects[pair.object as usize].state != State::Tentative;
            if is_believed && pair.iou >= SURE_IOU && pair.segment != last {
                last = pair.segment;
                agreeing += 1;
            }
        }
        agreeing
    }

    /// Gives each segment to at most one object, and says so in the objects.
    pub(crate) fn assign(
        &mut self,
        at: Duration,
        size: Size,
        settings: &Settings,
        objects: &mut [Object],
        sightings: &Sightings,
        segments: &[Segment],
    ) {
        self.owners.clear();
        self.owners.resize(segments.len(), None);
        for object in objects.iter_mut() {
            object.segment = None;
        }
        let seen = sightings.as_slice();
        for is_believed in [true, false] {
            let is_due = |object: &Object| (object.state != State::Tentative) == is_believed;
            for (least_score, least_iou) in [(settings.high_score, SURE_IOU), (0.0, LEAST_IOU)] {
                self.pass(objects, |pair, object| {
                    let score = seen[pair.segment as usize].score;
                    let is_wanted = score >= least_score && pair.iou >= least_iou;
                    (is_due(object) && is_wanted).then_some(pair.fit)
                });
            }
            if is_believed {
                self.look_closer(at, size, objects, sightings, segments);
                self.pass(objects, |pair, object| {
                    let sighting = &seen[pair.segment as usize];
                    let is_part = is_due(object)
                        && pair.inside >= INSIDE
                        && sighting.area < object.area
                        && object.state != State::Lost
                        && sighting.area >= object.last_area * LEAST_PART;
                    is_part.then_some(pair.covered)
                });
            }
            self.rank_recoveries(at, size, objects, sightings, segments, is_believed);
            self.take_ranked(objects);
        }
    }

    /// Whether an object's segment shows another object as well, one that is not seen elsewhere.
    pub(crate) fn is_merged(&self, segment: usize, objects: &[Object]) -> bool {
        self.of(segment).any(|pair| {
            let other = &objects[pair.object as usize];
            other.segment.is_none() && other.state != State::Tentative && pair.covered >= INSIDE
        })
    }

    /// The pairs of a segment.
    fn of(&self, segment: usize) -> impl Iterator<Item = &Pair> {
        let first = self
            .pairs
            .partition_point(|pair| (pair.segment as usize) < segment);
        self.pairs[first..]
            .iter()
            .take_while(move |pair| pair.segment as usize == segment)
    }

    /// Whether a segment was given to an object.
    pub(crate) fn is_taken(&self, segment: usize) -> bool {
        self.owners[segment].is_some()
    }

    /// Whether a segment is explained without a new object: a part of an object that is seen
    /// elsewhere, in another part, or several objects in one.
    pub(crate) fn is_explained(&self, segment: usize, objects: &[Object]) -> bool {
        let mut merged = 0;
        for pair in self.of(segment) {
            let object = &objects[pair.object as usize];
            if object.state == State::Tentative || object.segment == Some(segment) {
                continue;
            }
            match object.segment {
                Some(_) if object.view == View::Part && pair.inside >= INSIDE => return true,
                None if pair.covered >= INSIDE => merged += 1,
                _ => {}
            }
        }
        merged >= 2
    }

    fn pass(&mut self, objects: &mut [Object], measure: impl Fn(&Pair, &Object) -> Option<f32>) {
        self.ranked.clear();
        for pair in &self.pairs {
            let object = &objects[pair.object as usize];
            if object.segment.is_some() || self.owners[pair.segment as usize].is_some() {
                continue;
            }
            if let Some(measure) = measure(pair, object) {
                self.ranked.push((measure, pair.object, pair.segment));
            }
        }
        self.take_ranked(objects);
    }

    fn take_ranked(&mut self, objects: &mut [Object]) {
        // Objects are in the order of their ids, so that ties go to the older one.
        self.ranked
            .sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        for &(_, place, segment) in &self.ranked {
            let (object, owner) = (
                &mut objects[place as usize],
                &mut self.owners[segment as usize],
            );
            if object.segment.is_none() && owner.is_none() {
                object.segment = Some(segment as usize);
                *owner = Some(place);
            }
        }
    }

    fn rank_recoveries(
        &mut self,
        at: Duration,
        size: Size,
        objects: &[Object],
        sightings: &Sightings,
        segments: &[Segment],
        is_believed: bool,
    ) {
        self.ranked.clear();
        for (place, object) in objects.iter().enumerate() {
            if object.segment.is_some() || (object.state != State::Tentative) != is_believed {
                continue;
            }
            let way = Way::new(object, at, size);
            for (segment, sighting) in sightings.as_slice().iter().enumerate() {
                if self.owners[segment].is_some() {
                    continue;
                }
                let ratio = sighting.area / object.area;
                if ratio > LARGEST {
                    continue;
                }
                let is_cut = (0..2).any(|axis| way.is_on_border(axis, sighting.bounds));
                let is_whole = ratio > SMALLEST && !is_cut;
                let is_recent = at.saturating_sub(object.seen) < FLICKER;
                if is_recent && sighting.area < object.last_area * LEAST_PART {
                    continue;
                }
                let Some(distance) = way.distance(sighting, is_whole) else {
                    continue;
                };
                let mut cost = distance;
                if is_whole {
                    let shift: [f32; 2] = std::array::from_fn(|axis| {
                        sighting.centroid[axis] - object.shape.centroid[axis]
                    });
                    let runs = segments[segment].mask.runs();
                    let shared = object.shape.overlap(shift, sightings, sighting, runs);
                    let alike = shared / (object.shape.area + sighting.area - shared);
                    if alike < LEAST_ALIKE {
                        continue;
                    }
                    cost += 2.0 * (1.0 - alike);
                } else {
                    cost += 0.5;
                }
                self.ranked.push((-cost, place as u32, segment as u32));
            }
        }
    }
}

/// A pair, if anything of the object is where the segment is.
fn pair(
    at: Duration,
    member: usize,
    object: &Object,
    place: usize,
    sightings: &Sightings,
    segments: &[Segment],
) -> Option<Pair> {
    let sighting = &sightings.as_slice()[place];
    let runs = segments[place].mask.runs();
    let overlap = |shape: &Shape, shift| {
        let shared = shape.overlap(shift, sightings, sighting, runs);
        (shared, shared / (shape.area + sighting.area - shared))
    };
    let (shared, mut iou) = overlap(&object.shape, object.shift(at));
    let mut fit = iou;
    if let Some((glimpse, shift)) = object.glimpse(at) {
        let again = overlap(glimpse, shift).1;
        fit = fit.max(PART_FIT * again);
        iou = iou.max(again);
    }
    (iou > 0.0).then_some(Pair {
        object: member as u32,
        segment: place as u32,
        iou,
        fit,
        inside: shared / sighting.area,
        covered: (shared / object.shape.area).min(1.0),
    })
}

/// What the IoU of a shape in a box and a segment can be at most, from their boxes and areas.
fn most_iou(bounds: Bounds, area: f32, sighting: &Sighting) -> f32 {
    let shared = bounds.shared(sighting.bounds).min(area).min(sighting.area);
    shared / (area + sighting.area - shared)
}

/// The way from where an object was last seen to where it is expected now.
struct Way {
    /// The box of the whole object when it was last seen.
    from: Bounds,
    by: [f32; 2],
    /// How far off the way a segment may lie.
    reach: f32,
    frame: [f32; 2],
}

impl Way {
    fn new(object: &Object, at: Duration, size: Size) -> Self {
        let position = object.motion.position();
        let predicted = object.motion.predicted(at);
        let frame = [size.width as f32, size.height as f32];
        // What left the frame comes back where it left.
        let by = std::array::from_fn(|axis| {
            let clamped = |x: f32| x.clamp(0.0, frame[axis]);
            clamped(predicted[axis]) - clamped(position[axis])
        });
        let gap = at.saturating_sub(object.seen).as_secs_f32();
        let unknown = if object.motion.is_learned() {
            let [x, y] = object.motion.velocity();
            0.1 * x.hypot(y)
        } else {
            UNKNOWN_SPEED
        };
        Self {
            from: object.shape.bounds.shifted(object.shift_to(position)),
            by,
            reach: object.size() * (0.5 + 0.25 * gap.min(3.0)) + unknown * gap,
            frame,
        }
    }

    /// The distance of a segment from the way, as a share of how far it may be; `None` where it is
    /// farther.
    fn distance(&self, sighting: &Sighting, is_whole: bool) -> Option<f32> {
        let step = |share: f32| {
            let bounds = self.from.shifted(self.by.map(|by| by * share));
            let off: [f32; 2] =
                std::array::from_fn(|axis| self.off(axis, bounds, sighting.bounds, is_whole));
            // The nearer to the prediction, the likelier.
            off[0].hypot(off[1]) / self.reach + LATE * (1.0 - share).abs()
        };
        let nearest = (0..=10)
            .map(|eighth| step(eighth as f32 / 8.0))
            .fold(f32::INFINITY, f32::min);
        let nearest = if is_whole { nearest / 1.5 } else { nearest };
        (nearest < 1.0).then_some(nearest)
    }

    /// How far off a segment is on an axis. A part lies right where one of its edges does; on the
    /// frame's border, nobody knows how far something has come in.
    fn off(&self, axis: usize, expected: Bounds, seen: Bounds, is_whole: bool) -> f32 {
        let centre = (seen.centre()[axis] - expected.centre()[axis]).abs();
        if is_whole {
            return centre;
        }
        if self.is_on_border(1 - axis, seen) && !self.is_on_border(axis, seen) {
            return centre;
        }
        let low = (seen.low[axis] - expected.low[axis]).abs();
        let high = (seen.high[axis] - expected.high[axis]).abs();
        let nearest = 0.6 * low.min(high).min(centre) + 0.2 * (low + high);
        if self.is_on_border(axis, seen) {
            0.3 * nearest
        } else {
            nearest
        }
    }

    fn is_on_border(&self, axis: usize, seen: Bounds) -> bool {
        seen.low[axis] <= 1.0 || seen.high[axis] >= self.frame[axis] - 1.0
    }
}
