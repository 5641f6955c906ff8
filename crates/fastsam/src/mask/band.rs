//! From values at knots to row runs: where along a row of pixels the sign changes.
//!
//! A *band* is the rows of pixels between two rows of knots. Its cells with mixed corners are
//! found from sign bits, 64 at a time. In each, the position of the sign change is solved for
//! several rows at once: between values `a` and `b` it lies at `a / (a - b)` of the cell. Where
//! that falls so near to a pixel that rounding could put it on the wrong side, the pixels
//! themselves are evaluated, so that the result is exactly the definition's.

use std::ops::Range;

use fearless_simd::{f32x8, mask32x8, prelude::*};

use super::axis::{Axis, Cell};
use super::crop::Crop;
use super::field::{Field, Row};
use crate::Run;

/// Rows solved together.
const LANES: usize = 8;

/// Adding this rounds a number from 0 to 2^22 to a whole one, which then stands in the low bits.
const ROUNDER: f32 = 8_388_608.0;

/// More pixels than a row can have.
const BEYOND: f32 = 65_536.0;

/// Scans bands, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub(super) struct Scanner {
    /// Cells of a band with mixed corners, left to right, counted from the field's first.
    mixed: Vec<u16>,
    /// Their sign changes in the rows solved together, where there are many.
    changes: Vec<Changes>,
}

/// What a scan looks at.
#[derive(Clone, Copy)]
pub(super) struct Surface<'a> {
    pub(super) field: &'a Field,
    pub(super) columns: &'a Axis,
    pub(super) rows: &'a Axis,
    /// The pixels wanted; the field covers them.
    pub(super) crop: Crop,
}

/// A band's rows of knots.
#[derive(Clone, Copy)]
struct Band<'a> {
    top: Row<'a>,
    bottom: Row<'a>,
}

impl Scanner {
    pub(super) const fn new() -> Self {
        Self {
            mixed: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Appends the runs of the surface's pixels above 0; stops after the band in which there come to
    /// be more than `most`, and says whether they all are there.
    #[inline(always)]
    pub(super) fn scan<S: Simd>(
        &mut self,
        simd: S,
        surface: Surface<'_>,
        most: usize,
        runs: &mut Vec<Run>,
    ) -> bool {
        let crop = surface.crop;
        let cells = surface.cells();
        let mut y = crop.top;
        while y < crop.bottom {
            let knot = surface.rows.knot(y);
            let end = (surface.rows.cell(knot).end as u32).min(crop.bottom);
            let band = Band {
                top: surface.field.row(knot),
                bottom: surface.field.row(knot + 1),
            };
            band.mixed_cells(cells.clone(), &mut self.mixed);
            if !self.mixed.is_empty() {
                self.scan_band(simd, surface, band, cells.start, y..end, runs);
            } else if band.top.values[cells.start] > 0.0 {
                runs.extend((y..end).map(|y| Run {
                    y: y as u16,
                    start: crop.left as u16,
                    end: crop.right as u16,
                }));
            }
            if runs.len() > most {
                return false;
            }
            y = end;
        }
        true
    }

    /// Appends the runs of a band's rows of pixels.
    #[inline(always)]
    fn scan_band<S: Simd>(
        &mut self,
        simd: S,
        surface: Surface<'_>,
        band: Band<'_>,
        first_cell: usize,
        rows: Range<u32>,
        runs: &mut Vec<Run>,
    ) {
        for first in rows.clone().step_by(LANES) {
            let weights = f32x8::load_array(simd, surface.rows.weights_from(first));
            let rows = first..rows.end.min(first + LANES as u32);

            let inside = band.at(first_cell, weights).simd_gt(0.0);
            let mut outermost = Outermost::new(simd, inside);
            for &cell in &self.mixed {
                let (changed, at) = surface.solve(simd, band, usize::from(cell), weights);
                outermost.note(changed, at);
            }
            if outermost.are_all() {
                outermost.push_runs(rows, surface.crop, runs);
                continue;
            }
            self.changes.clear();
            self.changes.extend(self.mixed.iter().map(|&cell| {
                let (changed, at) = surface.solve(simd, band, usize::from(cell), weights);
                Changes {
                    rows: changed.to_bitmask() as u8,
                    at: at.to_array(),
                }
            }));
            let crop = surface.crop;
            let inside = inside.to_bitmask();
            for (y, lane) in rows.zip(0..LANES) {
                let changes = self
                    .changes
                    .iter()
                    .filter_map(|changes| changes.in_row(lane));
                let changes = changes.map(|x| x.clamp(crop.left, crop.right));
                push_row(runs, y as u16, inside >> lane & 1 == 1, changes, crop);
            }
        }
    }
}

/// Where the sign changes within a cell, in several rows.
#[derive(Clone, Copy, Debug)]
struct Changes {
    /// The rows in which it does, the first in the lowest bit.
    rows: u8,
    /// [`ROUNDER`] and the first pixel of the new sign; something meaningless where it does not
    /// change.
    at: [f32; LANES],
}

impl Changes {
    fn in_row(&self, lane: usize) -> Option<u32> {
        (self.rows >> lane & 1 == 1).then(|| pixel(self.at[lane]))
    }
}

/// The whole number that [`ROUNDER`] was added to.
fn pixel(rounded: f32) -> u32 {
    rounded.to_bits().wrapping_sub(ROUNDER.to_bits())
}

/// First and last sign change of each row, which most often are all it has: one run between them.
///
/// Kept without a branch, as none could be foreseen: rows without a change have 0, and what others
/// have is above it.
struct Outermost<S: Simd> {
    simd: S,
    /// [`BEYOND`] less the first change.
    firsts: f32x8<S>,
    /// [`ROUNDER`] and the last change.
    lasts: f32x8<S>,
    /// Changes; one more where a row begins inside.
    counts: f32x8<S>,
}

impl<S: Simd> Outermost<S> {
    /// Of rows without changes so far, those of `inside` beginning above 0.
    #[inline(always)]
    fn new(simd: S, inside: mask32x8<S>) -> Self {
        let zero = f32x8::splat(simd, 0.0);
        Self {
            simd,
            firsts: inside.select(f32x8::splat(simd, BEYOND), zero),
            lasts: zero,
            counts: inside.select(f32x8::splat(simd, 1.0), zero),
        }
    }

    /// Adds a cell's changes to those of the cells before it.
    #[inline(always)]
    fn note(&mut self, changed: mask32x8<S>, at: f32x8<S>) {
        let [zero, one] = [0.0, 1.0].map(|x| f32x8::splat(self.simd, x));
        self.firsts = self.firsts.max(changed.select(ROUNDER + BEYOND - at, zero));
        self.lasts = self.lasts.max(changed.select(at, zero));
        self.counts += changed.select(one, zero);
    }

    /// Whether no row has changes between them.
    #[inline(always)]
    fn are_all(&self) -> bool {
        !self.counts.simd_gt(2.0).any_true()
    }

    /// Appends each row's run, if [`Outermost::are_all`].
    #[inline(always)]
    fn push_runs(&self, rows: Range<u32>, crop: Crop, runs: &mut Vec<Run>) {
        let edge = |x| f32x8::splat(self.simd, ROUNDER + x as f32);
        let [left, right] = [crop.left, crop.right].map(edge);
        // What begins inside and does not change ends at the right.
        let lasts = self.counts.simd_eq(1.0).select(right, self.lasts);
        let starts = (ROUNDER + BEYOND - self.firsts).max(left);
        let ends = lasts.min(right);
        let is_run = starts.simd_lt(ends).to_bitmask();
        let (starts, ends) = (starts.to_array(), ends.to_array());
        let eight: [Run; LANES] = std::array::from_fn(|lane| Run {
            // Lanes without a row may lie below the last that can be.
            y: (rows.start as u16).wrapping_add(lane as u16),
            start: pixel(starts[lane]) as u16,
            end: pixel(ends[lane]) as u16,
        });
        if is_run == 0xff && rows.len() == LANES {
            runs.extend_from_slice(&eight);
            return;
        }
        for (lane, run) in eight[..rows.len()].iter().enumerate() {
            if is_run >> lane & 1 == 1 {
                runs.push(*run);
            }
        }
    }
}

impl Surface<'_> {
    /// The cells that pixels lie in, counted from the field's first.
    fn cells(&self) -> Range<usize> {
        let cell = |x| self.columns.knot(x) - self.field.left();
        cell(self.crop.left)..cell(self.crop.right - 1) + 1
    }

    /// Finds the sign changes along a cell, in rows of these weights: the rows in which there is one,
    /// and [`ROUNDER`] and the first pixel of the new sign.
    #[inline(always)]
    fn solve<S: Simd>(
        &self,
        simd: S,
        band: Band<'_>,
        cell: usize,
        weights: f32x8<S>,
    ) -> (mask32x8<S>, f32x8<S>) {
        let (a, b) = (band.at(cell, weights), band.at(cell + 1, weights));
        let changed = a.simd_gt(0.0) ^ b.simd_gt(0.0);
        let cell = self.columns.cell(self.field.left() + cell);
        // The new sign begins at the pixel after the crossing: half a pixel on, rounded. Without a
        // change this may be NaN, and is not looked at.
        let position = (a / (a - b) * cell.length + (cell.origin + 0.5))
            .max(cell.first)
            .min(cell.end);
        let mut at = position + ROUNDER;
        let error = (position - (at - ROUNDER)).abs();
        let uncertain = changed & error.simd_gt(cell.certain);
        if uncertain.any_true() {
            let settled = self.settle_all(
                uncertain.to_bitmask(),
                a.as_array(),
                b.as_array(),
                at.as_array(),
                cell,
            );
            at = f32x8::load_array(simd, settled);
        }
        (changed, at)
    }

    /// Evaluates a cell's pixels in the rows of the set bits.
    #[cold]
    #[inline(never)]
    fn settle_all(
        &self,
        mut rows: u64,
        a: &[f32; LANES],
        b: &[f32; LANES],
        guess: &[f32; LANES],
        cell: &Cell,
    ) -> [f32; LANES] {
        let mut at = *guess;
        let pixels = cell.first as u32..cell.end as u32;
        while rows != 0 {
            let lane = rows.trailing_zeros() as usize;
            let settled = self.settle(a[lane], b[lane], pixels.clone(), pixel(at[lane]));
            at[lane] = ROUNDER + settled as f32;
            rows &= rows - 1;
        }
        at
    }

    /// The first of a cell's pixels that has the sign of `b`, searched for from a guess.
    fn settle(&self, a: f32, b: f32, pixels: Range<u32>, guess: u32) -> u32 {
        let is_new = |x: u32| (a + (b - a) * self.columns.weight(x) > 0.0) == (b > 0.0);
        let mut x = guess;
        while x > pixels.start && is_new(x - 1) {
            x -= 1;
        }
        while x < pixels.end && !is_new(x) {
            x += 1;
        }
        x
    }
}

impl Band<'_> {
    /// The values along a column of knots, in rows of these weights.
    #[inline(always)]
    fn at<S: Simd>(&self, knot: usize, weights: f32x8<S>) -> f32x8<S> {
        let (top, bottom) = (self.top.values[knot], self.bottom.values[knot]);
        weights * (bottom - top) + top
    }

    /// Lists those of `cells` whose corners don't all have the same sign.
    #[inline(always)]
    fn mixed_cells(&self, cells: Range<usize>, mixed: &mut Vec<u16>) {
        mixed.clear();
        let (first, last) = (cells.start / 64, (cells.end - 1) / 64);
        for word in first..=last {
            let left = |row: Row<'_>| row.signs[word];
            let right = |row: Row<'_>| {
                let next = row.signs.get(word + 1).map_or(0, |next| next << 63);
                row.signs[word] >> 1 | next
            };
            let corners = [
                left(self.top),
                right(self.top),
                left(self.bottom),
                right(self.bottom),
            ];
            let any = corners.into_iter().fold(0, |a, b| a | b);
            let all = corners.into_iter().fold(!0, |a, b| a & b);
            let mut found = any & !all;
            if word == first {
                found &= !0 << (cells.start % 64);
            }
            if word == last {
                found &= !0 >> (63 - (cells.end - 1) % 64);
            }
            while found != 0 {
                mixed.push((word * 64) as u16 + found.trailing_zeros() as u16);
                found &= found - 1;
            }
        }
    }
}

/// Appends a row's runs. `inside` is whether the row begins above 0; `changes` ascend, and two at
/// the same pixel cancel out.
#[inline]
fn push_row(
    runs: &mut Vec<Run>,
    y: u16,
    inside: bool,
    changes: impl Iterator<Item = u32>,
    crop: Crop,
) {
    let row = runs.len();
    let mut push = |start: u32, end: u32| {
        if start == end {
            return;
        }
        let (start, end) = (start as u16, end as u16);
        match runs[row..].last_mut() {
            Some(before) if before.end == start => before.end = end,
            _ => runs.push(Run { y, start, end }),
        }
    };
    let (mut inside, mut start) = (inside, crop.left);
    for change in changes {
        if inside {
            push(start, change);
        }
        start = change;
        inside = !inside;
    }
    if inside {
        push(start, crop.right);
    }
}
