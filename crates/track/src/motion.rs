//! Where an object is going: a constant velocity, learned from what was seen.
//!
//! Observation-centric, after OC-SORT (Cao et al. 2022, arXiv:2203.14360): the position is the last one
//! observed, never a filter's opinion of it, and the velocity after a gap is that of the straight way
//! across the gap. Masks say within a pixel where something is; what needs smoothing is only the
//! velocity, which is their difference divided by a small time.

use std::time::Duration;

/// How long a velocity is learned. A turn is followed within about this time, and noise of a pixel at 30
/// frames a second becomes 6 pixels a second.
const LEARNING: f32 = 0.2;

/// A time without observation that is bridged as a whole.
const GAP: f32 = 0.25;

/// A position, and what it changes by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Motion {
    position: [f32; 2],
    velocity: [f32; 2],
    /// When the position was observed.
    at: Duration,
    /// Observed differences so far.
    learned: u32,
}

impl Motion {
    /// Something seen for the first time.
    pub(crate) fn new(position: [f32; 2], at: Duration) -> Self {
        Self {
            position,
            velocity: [0.0; 2],
            at,
            learned: 0,
        }
    }

    /// The last observed position.
    pub(crate) fn position(&self) -> [f32; 2] {
        self.position
    }

    /// Pixels a second.
    pub(crate) fn velocity(&self) -> [f32; 2] {
        self.velocity
    }

    /// Whether the velocity says anything yet.
    pub(crate) fn is_learned(&self) -> bool {
        self.learned >= 3
    }

    /// Where the object is expected.
    pub(crate) fn predicted(&self, at: Duration) -> [f32; 2] {
        let elapsed = at.saturating_sub(self.at).as_secs_f32();
        [
            self.position[0] + self.velocity[0] * elapsed,
            self.position[1] + self.velocity[1] * elapsed,
        ]
    }

    /// Takes in where the object was seen. `trust` from 0 to 1 scales, per axis, what is learned.
    pub(crate) fn observe(&mut self, position: [f32; 2], at: Duration, trust: [f32; 2]) {
        let elapsed = at.saturating_sub(self.at).as_secs_f32();
        if elapsed > 0.0 {
            // The mean of the first observations, then an exponential mean over `LEARNING`.
            let steady = 1.0 - (-elapsed / LEARNING).exp();
            let mut gain = steady.max(1.0 / (self.learned + 1) as f32);
            if elapsed > GAP {
                gain = if trust[0].max(trust[1]) < 1.0 {
                    0.5
                } else {
                    1.0
                };
                self.learned = self.learned.min(2);
            }
            for axis in 0..2 {
                let seen = (position[axis] - self.position[axis]) / elapsed;
                self.velocity[axis] += trust[axis] * gain * (seen - self.velocity[axis]);
            }
            self.learned = self.learned.saturating_add(1);
        }
        self.position = position;
        self.at = at;
    }

    /// Moves everything by what the camera moved.
    pub(crate) fn shift(&mut self, by: [f32; 2]) {
        self.position[0] += by[0];
        self.position[1] += by[1];
    }
}
