//! Outlines as COCO polygons, `[x1, y1, x2, y2, ...]`.
//!
//! A ring's points are the pixels of a contour, as most tools that make COCO polygons from masks
//! have it, so that a polygon drawn with its border (OpenCV's `fillPoly`) covers the mask's
//! outline. Holes are not represented: run lengths are the exact form.
//!
//! With a tolerance, points are left out as D. Douglas, T. Peucker, "Algorithms for the reduction
//! of the number of points required to represent a digitized line or its caricature",
//! Cartographica 10, 1973 do it: of a stretch between two kept points, the point farthest from
//! their connection is kept, and so on for both parts, until none is farther than the tolerance.

use crate::Contours;

/// Makes polygons of contours, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Simplifier {
    keep: Vec<bool>,
    /// Stretches still to be looked at, by their first and last point; the ring's first point is
    /// also the one after its last.
    stretches: Vec<(usize, usize)>,
    ring: Vec<u32>,
}

impl Simplifier {
    /// A simplifier; its buffers grow with the first contours.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `emit` a ring for each chain, in their order, all of whose points stray at most
    /// `tolerance` pixels from the chain; with 0, or what is no number, only points on straight
    /// lines are left out.
    ///
    /// A ring has at least three points, as COCO demands: a chain of one or two (a single pixel,
    /// a straight line one pixel wide) becomes the outline of its pixels' squares, which reaches
    /// one pixel farther to the right and down.
    pub fn rings(&mut self, contours: &Contours, tolerance: f64, mut emit: impl FnMut(&[u32])) {
        for chain in contours.iter() {
            self.ring.clear();
            match *chain {
                [] => continue,
                [pixel] => self.widen(pixel, pixel),
                [a, b] => self.widen(a.min(b), a.max(b)),
                _ => self.simplify(chain, tolerance),
            }
            emit(&self.ring);
        }
    }

    /// The hull of two pixels' squares, `a` not right of `b`.
    fn widen(&mut self, a: [u16; 2], b: [u16; 2]) {
        let [[ax, ay], [bx, by]] = [a, b].map(|pixel| pixel.map(u32::from));
        let rising = by < ay;
        let corners: &[[u32; 2]] = if ax == bx || ay == by {
            &[[ax, ay], [bx + 1, ay], [bx + 1, by + 1], [ax, by + 1]]
        } else if rising {
            &[
                [ax, ay],
                [bx, by],
                [bx + 1, by],
                [bx + 1, by + 1],
                [ax + 1, ay + 1],
                [ax, ay + 1],
            ]
        } else {
            &[
                [ax, ay],
                [ax + 1, ay],
                [bx + 1, by],
                [bx + 1, by + 1],
                [bx, by + 1],
                [ax, ay + 1],
            ]
        };
        self.ring.extend(corners.iter().flatten());
    }

    fn simplify(&mut self, chain: &[[u16; 2]], tolerance: f64) {
        // Squared, as distances are compared; NaN and negative tolerances keep every corner.
        let limit = tolerance.max(0.0) * tolerance.max(0.0);
        let count = chain.len();
        self.keep.clear();
        self.keep.resize(count, false);
        // A ring has no ends: it is cut at its first point and at the one farthest from that.
        let opposite = farthest(chain, 0, count).0;
        self.keep[0] = true;
        self.keep[opposite] = true;
        self.stretches.clear();
        self.stretches.extend([(0, opposite), (opposite, count)]);
        while let Some((first, last)) = self.stretches.pop() {
            let (split, distance) = farthest(chain, first, last);
            if distance > limit {
                self.keep[split] = true;
                self.stretches.extend([(first, split), (split, last)]);
            }
        }
        if self.keep.iter().filter(|&&keep| keep).count() < 3 {
            let halves = [
                farthest(chain, 0, opposite),
                farthest(chain, opposite, count),
            ];
            let (third, _) = if halves[0].1 >= halves[1].1 {
                halves[0]
            } else {
                halves[1]
            };
            self.keep[third] = true;
        }
        let kept = chain.iter().zip(&self.keep).filter(|&(_, &keep)| keep);
        self.ring
            .extend(kept.flat_map(|(pixel, _)| pixel.map(u32::from)));
    }
}

/// Of the points between `first` and `last`, the one farthest from the segment between those two,
/// and the square of its distance.
fn farthest(chain: &[[u16; 2]], first: usize, last: usize) -> (usize, f64) {
    let point = |i: usize| chain[i % chain.len()].map(f64::from);
    let (a, b) = (point(first), point(last));
    let mut best = (first, 0.0);
    for i in first + 1..last {
        let distance = squared_distance(point(i), a, b);
        if distance > best.1 {
            best = (i, distance);
        }
    }
    best
}

/// From a point to the segment between `a` and `b`.
fn squared_distance([x, y]: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let (px, py) = (x - a[0], y - a[1]);
    let length_squared = dx * dx + dy * dy;
    let along = if length_squared > 0.0 {
        ((px * dx + py * dy) / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (ex, ey) = (px - along * dx, py - along * dy);
    ex * ex + ey * ey
}

#[cfg(test)]
mod tests;
