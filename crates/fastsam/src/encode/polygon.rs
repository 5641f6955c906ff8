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
//!
//! On outlines both parts are about as long, and halving so often takes `n log n` steps. A ring that
//! always has its farthest point at an end would take `n^2`: below `DEEPEST` levels stretches are
//! cut in the middle instead (as introsort does when quicksort goes wrong). That keeps a point
//! more than needed at times, and every promise: no point is looked at more than
//! `DEEPEST + log2(n) + 3` times.

use fearless_simd::{dispatch, f64x4, prelude::*};

use crate::Contours;
use crate::processor::level;

/// Levels of splitting at the farthest point. An outline of 60000 corners needs about 20.
const DEEPEST: u32 = 32;

/// Points measured together.
const LANES: usize = 4;

/// No distance's square is below this.
const EVEN_NEAR: f64 = -1.0;

/// Makes polygons of contours, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Simplifier {
    /// The ring's points, the first one again behind the last.
    xs: Vec<f64>,
    ys: Vec<f64>,
    keep: Vec<bool>,
    /// Stretches still to be looked at.
    stretches: Vec<Stretch>,
    ring: Vec<u32>,
    /// How many points were measured, over and over: the work done.
    #[cfg(test)]
    measured: usize,
}

/// Points between two kept ones.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: usize,
    last: usize,
    /// Splits that led here.
    depth: u32,
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
        let closed = || chain.iter().chain(&chain[..1]);
        self.xs.clear();
        self.xs.extend(closed().map(|&[x, _]| f64::from(x)));
        self.ys.clear();
        self.ys.extend(closed().map(|&[_, y]| f64::from(y)));
        self.keep.clear();
        self.keep.resize(count, false);

        // A ring has no ends: it is cut at its first point and at the one farthest from that.
        let whole = Stretch {
            first: 0,
            last: count,
            depth: 0,
        };
        let opposite = self.farthest_beyond(EVEN_NEAR, whole).unwrap_or(0);
        self.keep[0] = true;
        self.keep[opposite] = true;
        let halves = whole.split(opposite);
        self.stretches.clear();
        self.stretches.extend(halves);
        while let Some(stretch) = self.stretches.pop() {
            if let Some(farthest) = self.farthest_beyond(limit, stretch) {
                let split = if stretch.depth < DEEPEST {
                    farthest
                } else {
                    stretch.first.midpoint(stretch.last)
                };
                self.keep[split] = true;
                self.stretches.extend(stretch.split(split));
            }
        }
        if self.keep.iter().filter(|&&keep| keep).count() < 3 {
            self.keep_third(halves);
        }
        let kept = chain.iter().zip(&self.keep).filter(|&(_, &keep)| keep);
        self.ring
            .extend(kept.flat_map(|(pixel, _)| pixel.map(u32::from)));
    }

    /// Keeps a third point, of those in two stretches the one farthest from its stretch's segment.
    fn keep_third(&mut self, halves: [Stretch; 2]) {
        let [a, b] = halves.map(|half| self.farthest_beyond(EVEN_NEAR, half));
        let distance = |half: Stretch, i: Option<usize>| {
            let segment = self.segment(half);
            i.map_or(0.0, |i| {
                segment.distance(self.xs[i], self.ys[i]) / segment.scale
            })
        };
        let first = distance(halves[0], a) >= distance(halves[1], b);
        // A chain has three points at least, so that one of the halves has an inner one.
        if let Some(third) = if first { a.or(b) } else { b.or(a) } {
            self.keep[third] = true;
        }
    }

    fn segment(&self, stretch: Stretch) -> Segment {
        let [from, to] = [stretch.first, stretch.last].map(|i| [self.xs[i], self.ys[i]]);
        Segment::new(from, to)
    }

    /// Of a stretch's inner points, the one farthest from the segment between its ends, the first
    /// of several; `None` where none is farther than the square root of `limit`.
    fn farthest_beyond(&mut self, limit: f64, stretch: Stretch) -> Option<usize> {
        #[cfg(test)]
        {
            self.measured += stretch.last - stretch.first;
        }
        dispatch!(level(), simd => self.farthest_beyond_with(simd, limit, stretch))
    }

    #[inline(always)]
    fn farthest_beyond_with<S: Simd>(
        &self,
        simd: S,
        limit: f64,
        stretch: Stretch,
    ) -> Option<usize> {
        let Stretch { first, last, .. } = stretch;
        let segment = self.segment(stretch);
        let inner = first + 1..last.max(first + 1);
        let (x_blocks, x_rest) = self.xs[inner.clone()].as_chunks::<LANES>();
        let (y_blocks, y_rest) = self.ys[inner].as_chunks::<LANES>();
        // First how far, for several points at once; which one it is, only if need be.
        let mut farthest = f64x4::splat(simd, f64::NEG_INFINITY);
        for (xs, ys) in x_blocks.iter().zip(y_blocks) {
            farthest = farthest.max(segment.distances(simd, xs, ys));
        }
        let mut farthest = farthest.reduce_max();
        for (&x, &y) in x_rest.iter().zip(y_rest) {
            farthest = farthest.max(segment.distance(x, y));
        }
        if farthest <= limit * segment.scale {
            return None;
        }
        for (block, (xs, ys)) in x_blocks.iter().zip(y_blocks).enumerate() {
            let found = segment.distances(simd, xs, ys).simd_eq(farthest);
            if found.any_true() {
                let within = found.to_bitmask().trailing_zeros() as usize;
                return Some(first + 1 + block * LANES + within);
            }
        }
        let mut rest = x_rest.iter().zip(y_rest);
        let within = rest.position(|(&x, &y)| segment.distance(x, y) == farthest)?;
        Some(first + 1 + x_blocks.len() * LANES + within)
    }
}

impl Stretch {
    fn split(self, at: usize) -> [Self; 2] {
        let Self { first, last, depth } = self;
        let depth = depth + 1;
        [(first, at), (at, last)].map(|(first, last)| Self { first, last, depth })
    }
}

/// A segment, made ready for measuring.
#[derive(Clone, Copy, Debug)]
struct Segment {
    from: [f64; 2],
    direction: [f64; 2],
    /// Where the end lies along `direction`, times its length.
    end: f64,
    /// What squared distances come out multiplied by.
    scale: f64,
}

impl Segment {
    fn new(from: [f64; 2], to: [f64; 2]) -> Self {
        let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
        let length_squared = dx * dx + dy * dy;
        if length_squared > 0.0 {
            Self {
                from,
                direction: [dx, dy],
                end: length_squared,
                scale: length_squared,
            }
        } else {
            Self {
                from,
                direction: [1.0, 0.0],
                end: 0.0,
                scale: 1.0,
            }
        }
    }

    /// [`Segment::distance`] to each of some points.
    #[inline(always)]
    fn distances<S: Simd>(&self, simd: S, xs: &[f64; LANES], ys: &[f64; LANES]) -> f64x4<S> {
        let [dx, dy] = self.direction;
        let px = f64x4::load_array_ref(simd, xs) - self.from[0];
        let py = f64x4::load_array_ref(simd, ys) - self.from[1];
        let across = px * dy - py * dx;
        let along = px * dx + py * dy;
        let beyond = (-along).max(along - self.end).max(0.0);
        across * across + beyond * beyond
    }

    /// The squared distance to a point, times `scale`: what lies across the segment, and what lies
    /// along it beyond an end. Whole numbers, and no division.
    #[inline]
    fn distance(&self, x: f64, y: f64) -> f64 {
        let [dx, dy] = self.direction;
        let (px, py) = (x - self.from[0], y - self.from[1]);
        let across = px * dy - py * dx;
        let along = px * dx + py * dy;
        let behind = along - self.end;
        let beyond = if -along > behind { -along } else { behind };
        let beyond = if beyond > 0.0 { beyond } else { 0.0 };
        across * across + beyond * beyond
    }
}

#[cfg(test)]
mod tests;
