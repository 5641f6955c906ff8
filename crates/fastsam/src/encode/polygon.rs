//! Masks as polygons: rings `[x1, y1, x2, y2, ...]` on pixel borders.
//!
//! Without a tolerance the rings are those of [`Borders`], exactly: filled by the even-odd rule they give back the mask.
//!
//! With a tolerance, points are left out as D. Douglas, T. Peucker, "Algorithms for the reduction
//! of the number of points required to represent a digitized line or its caricature",
//! Cartographica 10, 1973 do it: of a stretch between two kept points, the point farthest from
//! their connection is kept, and so on for both parts, until none is farther than the tolerance. A pixel is much
//! to a thin or small shape: a ring whose area would change by more than a `LARGEST_CHANGE`th is simplified with half
//! the tolerance, and so on, and in the end not at all.
//!
//! On outlines both parts are about as long, and halving so often takes `n log n` steps. A ring that
//! always has its farthest point at an end would take `n^2`: below `DEEPEST` levels stretches are
//! cut in the middle instead (as introsort does when quicksort goes wrong). That keeps a point
//! more than needed at times, and every promise: no point is looked at more than
//! `DEEPEST + log2(n) + 3` times for one tolerance, and there are at most `TRIES` of them.

use fearless_simd::{dispatch, f64x4, prelude::*};

use super::rings::{Borders, Ring};
use crate::{Mask, processor::level};

/// Levels of splitting at the farthest point. An outline of 60000 corners needs about 20.
const DEEPEST: u32 = 32;

/// Points measured together.
const LANES: usize = 4;

/// No distance's square is below this.
const EVEN_NEAR: f64 = -1.0;

/// Tolerances that are tried on a ring before it stays as it is.
const TRIES: usize = 4;

/// The part of a ring's area by which simplification may change it.
const LARGEST_CHANGE: i64 = 128;

/// A ring of a polygon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolygonRing<'a> {
    /// `[x1, y1, x2, y2, ...]`, at least three points. Outlines run counter-clockwise as seen in the picture, holes
    /// clockwise.
    pub points: &'a [u32],
    /// Which part of the mask it belongs to: pixels that share sides. A part's outline comes before its holes.
    pub part: u32,
    /// Whether what it encloses is background.
    pub is_hole: bool,
}

/// Makes polygons of masks, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Simplifier {
    borders: Borders,
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

    /// Gives `emit` the rings of the mask, in its pixels. All of a border's points stray at most `tolerance` pixels from
    /// their ring; with 0, or what is no number, the rings are the borders.
    pub fn rings(&mut self, mask: &Mask, tolerance: f64, mut emit: impl FnMut(PolygonRing<'_>)) {
        let mut borders = std::mem::take(&mut self.borders);
        borders.trace(mask);
        for Ring {
            corners,
            part,
            is_hole,
        } in borders.iter()
        {
            self.simplify(corners, tolerance);
            emit(PolygonRing {
                points: &self.ring,
                part,
                is_hole,
            });
        }
        self.borders = borders;
    }

    /// Fills `ring` with as few of the corners as the tolerance lets pass.
    fn simplify(&mut self, corners: &[[u16; 2]], tolerance: f64) {
        self.keep.clear();
        self.keep.resize(corners.len(), true);
        if tolerance > 0.0 {
            self.measure(corners);
            let area = self.doubled_area(corners);
            let close_enough = |simplified: i64| {
                (simplified - area).abs().saturating_mul(LARGEST_CHANGE) <= area.abs()
            };
            let mut tolerances = (0..TRIES as i32).map(|halved| tolerance / f64::from(1 << halved));
            let found = tolerances.any(|tolerance| {
                self.choose(corners.len(), tolerance * tolerance);
                close_enough(self.doubled_area(corners))
            });
            if !found {
                self.keep.fill(true);
            }
        }
        self.ring.clear();
        let kept = kept(corners, &self.keep);
        self.ring
            .extend(kept.flat_map(|corner| corner.map(u32::from)));
    }

    /// Takes a ring's corners for the points to be measured.
    fn measure(&mut self, corners: &[[u16; 2]]) {
        let closed = || corners.iter().chain(&corners[..1]);
        self.xs.clear();
        self.xs.extend(closed().map(|&[x, _]| f64::from(x)));
        self.ys.clear();
        self.ys.extend(closed().map(|&[_, y]| f64::from(y)));
    }

    /// Chooses the points to keep of `count`. `limit` is the tolerance, squared, as distances are compared.
    fn choose(&mut self, count: usize, limit: f64) {
        self.keep.fill(false);
        // A ring has no ends: it is cut at its first point and at the one farthest from that.
        let whole = Stretch {
            first: 0,
            last: count,
            depth: 0,
        };
        let opposite = self.farthest_beyond(EVEN_NEAR, whole).unwrap_or(0);
        self.keep[0] = true;
        self.keep[opposite] = true;
        self.stretches.clear();
        self.stretches.extend(whole.split(opposite));
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
    }

    /// Twice the area that the kept points enclose, with the sign of their direction.
    fn doubled_area(&self, corners: &[[u16; 2]]) -> i64 {
        let mut points = kept(corners, &self.keep).map(|corner| corner.map(i64::from));
        let Some(first) = points.next() else {
            return 0;
        };
        let (sum, last) = points.fold((0, first), |(sum, before), point| {
            (sum + cross(before, point), point)
        });
        sum + cross(last, first)
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

/// The corners that are kept.
fn kept<'a>(corners: &'a [[u16; 2]], keep: &'a [bool]) -> impl Iterator<Item = [u16; 2]> {
    corners
        .iter()
        .zip(keep)
        .filter(|&(_, &keep)| keep)
        .map(|(&corner, _)| corner)
}

fn cross([ax, ay]: [i64; 2], [bx, by]: [i64; 2]) -> i64 {
    bx * ay - ax * by
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
