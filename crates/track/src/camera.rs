//! What the camera itself moved by, from what all objects moved by.
//!
//! Two estimates, both robust against objects that move on their own:
//! - [`Camera::vote`], where hardly anything is where it was expected: someone bumped the camera. Each
//!   object votes for the displacement to every segment of its size, and most votes are right where
//!   the displacement is common to all.
//! - [`Camera::consensus`], when objects and segments are matched: the median of their residuals, where most
//!   agree with it.
//!
//! A pan goes on from frame to frame, a bump does not. So the next frame's movement is expected to be,
//! per axis, the smaller of the last two, and none where they point in opposite directions (the minmod
//! limiter of numerical analysis).

use frame::Size;

use crate::shape::{Bounds, Sighting};

/// At most so many objects vote. The cost of a vote is this times the number of segments.
const VOTERS: usize = 64;

/// Of how many objects a majority says something about the camera.
const QUORUM: usize = 4;

/// Side of the cells in which votes are counted, in pixels.
const CELL: i32 = 12;

/// Residuals below this, in pixels, are noise.
const NOISE: f32 = 1.5;

/// The camera's own movement.
#[derive(Debug, Default)]
pub(crate) struct Camera {
    /// Pixels a second, in the last frame and in the one before.
    last: [f32; 2],
    before: [f32; 2],
    votes: Vec<[f32; 2]>,
    cells: Vec<u16>,
    residuals: Vec<[f32; 2]>,
    scratch: Vec<f32>,
}

impl Camera {
    /// The movement expected in the next frame, in pixels a second.
    pub(crate) fn velocity(&self) -> [f32; 2] {
        std::array::from_fn(|axis| {
            let (a, b) = (self.last[axis], self.before[axis]);
            if a * b <= 0.0 {
                0.0
            } else if a.abs() < b.abs() {
                a
            } else {
                b
            }
        })
    }

    /// Remembers what the camera moved by in a frame.
    pub(crate) fn moved(&mut self, by: [f32; 2], elapsed: f32) {
        self.before = self.last;
        self.last = if elapsed > 0.0 {
            by.map(|pixels| pixels / elapsed)
        } else {
            [0.0; 2]
        };
    }

    /// The displacement of most of the expected boxes (with the area of each), and how many agree.
    pub(crate) fn vote(
        &mut self,
        size: Size,
        expected: impl Iterator<Item = (Bounds, f32)>,
        sightings: &[Sighting],
    ) -> Option<([f32; 2], usize)> {
        let reach = [size.width as i32 / 2, size.height as i32 / 2];
        let columns = 2 * reach[0] / CELL + 2;
        let rows = 2 * reach[1] / CELL + 2;
        self.votes.clear();
        self.cells.clear();
        self.cells.resize((columns * rows) as usize, 0);
        let mut voters = 0;
        for (bounds, area) in expected.take(VOTERS) {
            voters += 1;
            for sighting in sightings {
                let ratio = sighting.area / area;
                if !(0.9..1.11).contains(&ratio) || !is_alike(bounds, sighting.bounds) {
                    continue;
                }
                let by: [f32; 2] = std::array::from_fn(|axis| {
                    sighting.bounds.centre()[axis] - bounds.centre()[axis]
                });
                if (0..2).all(|axis| by[axis].abs() < reach[axis] as f32) {
                    self.votes.push(by);
                    self.cells[cell(by, reach, columns)] += 1;
                }
            }
        }
        // A displacement near a border of a cell has its votes in the neighbours, too.
        let around = |at: usize| -> u32 {
            let neighbours = [0, 1, columns as usize, columns as usize + 1];
            let count = |by: &usize| self.cells.get(at + by).copied().unwrap_or(0);
            neighbours.iter().map(|by| u32::from(count(by))).sum()
        };
        let best = (0..self.cells.len()).max_by_key(|&at| around(at))?;
        let agreeing = around(best) as usize;
        if voters < QUORUM || agreeing * 2 < voters {
            return None;
        }
        let neighbours = [0, 1, columns as usize, columns as usize + 1];
        self.residuals.clear();
        for &by in &self.votes {
            if neighbours.contains(&cell(by, reach, columns).wrapping_sub(best)) {
                self.residuals.push(by);
            }
        }
        Some((median(&self.residuals, &mut self.scratch), agreeing))
    }

    /// What most of the matched objects were displaced by from their predictions; nothing where there
    /// is no majority, or nothing to speak of.
    pub(crate) fn consensus(
        &mut self,
        residuals: impl Iterator<Item = [f32; 2]>,
    ) -> Option<[f32; 2]> {
        self.residuals.clear();
        self.residuals.extend(residuals);
        if self.residuals.len() < QUORUM {
            return None;
        }
        let median = median(&self.residuals, &mut self.scratch);
        let length = median[0].hypot(median[1]);
        let agrees =
            |by: &&[f32; 2]| (by[0] - median[0]).hypot(by[1] - median[1]) < NOISE + 0.2 * length;
        let agreeing = self.residuals.iter().filter(agrees).count();
        (length >= NOISE && agreeing * 5 >= self.residuals.len() * 3).then_some(median)
    }
}

fn cell(by: [f32; 2], reach: [i32; 2], columns: i32) -> usize {
    let column = (by[0] as i32 + reach[0]) / CELL;
    let row = (by[1] as i32 + reach[1]) / CELL;
    (row * columns + column) as usize
}

/// Whether two boxes have nearly the same sides.
fn is_alike(a: Bounds, b: Bounds) -> bool {
    let (a, b) = (a.lengths(), b.lengths());
    (0..2).all(|axis| (a[axis] - b[axis]).abs() <= 2.0 + 0.1 * a[axis])
}

/// The median of each axis.
fn median(points: &[[f32; 2]], scratch: &mut Vec<f32>) -> [f32; 2] {
    std::array::from_fn(|axis| {
        scratch.clear();
        scratch.extend(points.iter().map(|point| point[axis]));
        let middle = scratch.len() / 2;
        if scratch.is_empty() {
            return 0.0;
        }
        *scratch.select_nth_unstable_by(middle, f32::total_cmp).1
    })
}
