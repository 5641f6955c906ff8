//! One object: how it looks when it is seen whole, where it is, and since when.
//!
//! A segment that is much smaller than its object shows a part of it (something stands before it, or the
//! network split it), one that is much larger shows it merged with a neighbour. Such sightings say where
//! the object is, but not how it looks: the shape of the last whole sighting is kept beside them, and is
//! what the next frame is compared with. Only what stays that way for as long as [`SETTLED`] becomes the new shape.
//! That is the hysteresis that keeps nested objects from swapping.
//!
//! Where only a part is seen, of two opposite edges the one that moved as predicted is the object's own;
//! the other is that of whatever hides it. An edge on the frame's border never is.

use std::time::Duration;

use fastsam::Segment;
use frame::Size;

use crate::{
    motion::Motion,
    shape::{Bounds, Shape, Sighting, Sightings},
};

/// A changed area is believed after as long as the one before was seen, and at most after this many
/// seconds.
const SETTLED: f32 = 2.0;

/// The area of a whole sighting differs by at most this share, and by a pixel all along the edge of a
/// square of that area.
const WHOLE: f32 = 0.1;

/// From one frame to the next nothing grows by more than this share but by being merged.
const GROWTH: f32 = 0.15;

/// How long the object's area takes to follow smaller sightings, in seconds. Something that walks behind
/// a pillar shrinks frame by frame; its area is to be remembered meanwhile.
const SHRINKING: f32 = 2.0;

/// From one frame to the next, something partly hidden strays at most this share of its length from
/// where it is expected.
const STRAYING: f32 = 0.1;

/// Two edges that moved by the same, but for so many pixels, are both the object's own, or both those of
/// things that move with it.
const RIGID: f32 = 1.01;

/// What is learned about the velocity from sightings that aren't whole.
const DOUBT: f32 = 0.3;

/// What becomes of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Seen in too few frames to be believed.
    Tentative,
    /// Believed, and seen in this frame.
    Tracked,
    /// Believed, and not seen in this frame.
    Lost,
}

/// How much of an object a segment shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum View {
    /// All of it.
    #[default]
    Whole,
    /// A part of it.
    Part,
    /// The object and something else.
    Merged,
}

/// An object over frames.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) id: u64,
    pub(crate) state: State,
    pub(crate) born: Duration,
    /// When it was last seen.
    pub(crate) seen: Duration,
    /// Frames in which it was seen, until it is believed.
    pub(crate) hits: u32,
    /// Where it is in this frame's list.
    pub(crate) segment: Option<usize>,
    /// How much of it was seen last.
    pub(crate) view: View,
    pub(crate) motion: Motion,
    pub(crate) shape: Shape,
    /// The motion's position when the shape was taken.
    anchor: [f32; 2],
    /// What was seen last, where that was not the whole object.
    glimpse: Shape,
    /// Its pixels when seen whole.
    pub(crate) area: f32,
    /// The area last seen.
    pub(crate) last_area: f32,
    /// Since when it could be a part of another, or several in one, as long as it is tentative.
    pub(crate) explained: Option<Duration>,
    /// How much longer it was seen whole than not, in seconds.
    settled: f32,
}

impl Object {
    /// Something seen for the first time. `shape` is a buffer to be refilled.
    pub(crate) fn new(
        id: u64,
        at: Duration,
        [mut shape, glimpse]: [Shape; 2],
        sightings: &Sightings,
        sighting: &Sighting,
        segment: &Segment,
    ) -> Self {
        shape.copy(sightings, sighting, segment);
        let position = sighting.bounds.centre();
        Self {
            id,
            state: State::Tentative,
            born: at,
            seen: at,
            hits: 0,
            segment: None,
            view: View::Whole,
            motion: Motion::new(position, at),
            shape,
            anchor: position,
            glimpse,
            area: sighting.area,
            last_area: sighting.area,
            explained: None,
            settled: 0.0,
        }
    }

    /// What the shape has to be moved by to lie where the object is expected.
    pub(crate) fn shift(&self, at: Duration) -> [f32; 2] {
        self.shift_to(self.motion.predicted(at))
    }

    /// What the shape has to be moved by to lie at a position of the motion.
    pub(crate) fn shift_to(&self, position: [f32; 2]) -> [f32; 2] {
        [position[0] - self.anchor[0], position[1] - self.anchor[1]]
    }

    /// The box in which the whole object is expected.
    pub(crate) fn expected(&self, at: Duration) -> Bounds {
        self.shape.bounds.shifted(self.shift(at))
    }

    /// What was seen last and where it is expected to be seen now, unless it was the whole object.
    pub(crate) fn glimpse(&self, at: Duration) -> Option<(&Shape, [f32; 2])> {
        let predicted = self.motion.predicted(at);
        let position = self.motion.position();
        let shift = [predicted[0] - position[0], predicted[1] - position[1]];
        (self.view != View::Whole).then_some((&self.glimpse, shift))
    }

    /// The box in which a segment's centre lies that shows the object or a part of it.
    pub(crate) fn reach(&self, at: Duration) -> Bounds {
        // The centre of a segment with an IoU of at least 0.3 lies within the box grown by a tenth.
        let whole = self.expected(at).grown(0.1);
        match self.glimpse(at) {
            Some((glimpse, shift)) => whole.united(glimpse.bounds.shifted(shift).grown(0.1)),
            None => whole,
        }
    }

    /// Gives the buffers back.
    pub(crate) fn into_shapes(self) -> [Shape; 2] {
        [self.shape, self.glimpse]
    }

    /// The side of a square of its area.
    pub(crate) fn size(&self) -> f32 {
        self.area.sqrt()
    }

    /// How much of the object a sighting shows.
    pub(crate) fn view_of(&self, sighting: &Sighting) -> View {
        let tolerance = WHOLE + 1.0 / self.size().max(1.0);
        let ratio = sighting.area / self.area;
        if ratio < 1.0 - tolerance {
            return View::Part;
        }
        let has_jumped = sighting.area > self.last_area * (1.0 + GROWTH + tolerance);
        if ratio > 1.0 + tolerance && (has_jumped || self.view == View::Merged) {
            return View::Merged;
        }
        View::Whole
    }

    /// How far from its prediction the object is seen.
    pub(crate) fn residual(&self, at: Duration, sighting: &Sighting, frame: Size) -> [f32; 2] {
        let shift = self.shift(at);
        let expected = self.shape.bounds.shifted(shift);
        let is_whole = self.view_of(sighting) == View::Whole;
        let lengths = [frame.width as f32, frame.height as f32];
        std::array::from_fn(|axis| {
            let low = sighting.bounds.low[axis] - expected.low[axis];
            let high = sighting.bounds.high[axis] - expected.high[axis];
            let is_cut_low = sighting.bounds.low[axis] <= 1.0;
            let is_cut_high = sighting.bounds.high[axis] >= lengths[axis] - 1.0;
            match (is_cut_low, is_cut_high) {
                (true, false) => high,
                (false, true) => low,
                _ if is_whole && !is_one_sided(low, high) => {
                    sighting.centroid[axis] - (self.shape.centroid[axis] + shift[axis])
                }
                _ => {
                    if let Some(rigid) = self.rigid_residual(at, axis, sighting) {
                        return rigid;
                    }
                    let nearer = if low.abs() < high.abs() { low } else { high };
                    if self.state == State::Lost {
                        return nearer;
                    }
                    let most = 1.0 + STRAYING * (expected.high[axis] - expected.low[axis]);
                    nearer.clamp(-most, most)
                }
            }
        })
    }

    /// How far the visible part is seen from its prediction, where both of its edges moved by the same.
    fn rigid_residual(&self, at: Duration, axis: usize, sighting: &Sighting) -> Option<f32> {
        // After a gap another part may be seen.
        let (glimpse, shift) = self.glimpse(at).filter(|_| self.state != State::Lost)?;
        let expected = glimpse.bounds.shifted(shift);
        let low = sighting.bounds.low[axis] - expected.low[axis];
        let high = sighting.bounds.high[axis] - expected.high[axis];
        ((low - high).abs() <= RIGID).then_some((low + high) / 2.0)
    }

    /// Takes in where and how the object is seen in this frame. `is_merged`: the segment is known to show
    /// another object as well.
    pub(crate) fn observe(
        &mut self,
        at: Duration,
        sightings: &Sightings,
        (sighting, segment): (&Sighting, &Segment),
        frame: Size,
        is_merged: bool,
    ) {
        let residual = self.residual(at, sighting, frame);
        let predicted = self.motion.predicted(at);
        let position = [predicted[0] + residual[0], predicted[1] + residual[1]];
        // A gap says nothing about how the object looks.
        let elapsed = at.saturating_sub(self.seen).as_secs_f32().min(0.2);
        let view = self.view_of(sighting);
        let lengths = [frame.width as f32, frame.height as f32];
        let trust = std::array::from_fn(|axis| {
            // What comes back over the frame's border has turned round.
            let is_cut = sighting.bounds.low[axis] <= 1.0
                || sighting.bounds.high[axis] >= lengths[axis] - 1.0;
            let has_returned = is_cut && self.state == State::Lost;
            let is_rigid = !is_cut && self.rigid_residual(at, axis, sighting).is_some();
            if view == View::Whole || has_returned || is_rigid {
                1.0
            } else {
                DOUBT
            }
        });
        self.view = view;
        self.motion.observe(position, at, trust);
        self.seen = at;
        self.last_area = sighting.area;
        if self.view == View::Whole {
            self.settled = (self.settled + elapsed).min(SETTLED);
            let follow = if sighting.area > self.area {
                1.0
            } else {
                1.0 - (-elapsed / SHRINKING).exp()
            };
            self.area += follow * (sighting.area - self.area);
            self.adopt(sightings, sighting, segment);
        } else {
            if !is_merged {
                self.settled -= elapsed;
            }
            if self.settled <= 0.0 && !is_merged {
                self.settled = 0.0;
                self.view = View::Whole;
                self.area = sighting.area;
                self.adopt(sightings, sighting, segment);
            } else {
                self.glimpse.copy(sightings, sighting, segment);
            }
        }
    }

    /// From now on the object looks like this.
    fn adopt(&mut self, sightings: &Sightings, sighting: &Sighting, segment: &Segment) {
        self.shape.copy(sightings, sighting, segment);
        self.anchor = self.motion.position();
    }
}

/// Whether one edge is where it was expected and the other isn't.
fn is_one_sided(low: f32, high: f32) -> bool {
    let (less, more) = (low.abs().min(high.abs()), low.abs().max(high.abs()));
    more > 2.0 && less < more / 3.0
}
