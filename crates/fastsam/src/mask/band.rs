//! From values at knots to row runs: where along a row of pixels the sign changes.
//!
//! A *band* is the rows of pixels between two rows of knots. Its cells with mixed corners are
//! found from sign bits, 64 at a time. In each, the position of the sign change is solved for
//! several rows at once: between values `a` and `b` it lies at `a / (a - b)` of the cell. Where
//! that falls so near to a pixel that rounding could put it on the wrong side, the pixels
//! themselves are evaluated, so that the result is exactly the definition's.

use std::ops::Range;

use super::Crop;
use super::axis::{Axis, Cell};
use super::dot;
use super::field::{Field, Row};
use crate::Run;

/// Rows solved together.
const LANES: usize = 8;

/// Adding this rounds a number from 0 to 2^22 to a whole one, which then stands in the low bits.
const ROUNDER: f32 = 8_388_608.0;

/// One number for each of the rows solved together.
type Lanes<T> = [T; LANES];

/// Scans bands, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub(super) struct Scanner {
    /// Cells of a band with mixed corners, left to right, counted from the field's first.
    mixed: Vec<u16>,
    /// Sign changes of the rows solved together: each row's first, each row's second, and so on.
    changes: Vec<Lanes<u32>>,
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
    pub(super) fn scan(&mut self, surface: Surface<'_>, most: usize, runs: &mut Vec<Run>) -> bool {
        let crop = surface.crop;
        let cells = surface.cells();
        let mut y = crop.top;
        while y < crop.bottom {
            let knot = surface.rows.knot(y);
            let end = surface.rows.cell(knot).end.min(crop.bottom);
            let band = Band {
                top: surface.field.row(knot),
                bottom: surface.field.row(knot + 1),
            };
            band.mixed_cells(cells.clone(), &mut self.mixed);
            if !self.mixed.is_empty() {
                self.scan_band(surface, band, cells.start, y..end, runs);
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
    fn scan_band(
        &mut self,
        surface: Surface<'_>,
        band: Band<'_>,
        first_cell: usize,
        rows: Range<u32>,
        runs: &mut Vec<Run>,
    ) {
        self.changes.resize(self.mixed.len(), [0; LANES]);
        let all_weights = &surface.rows.weights()[rows.start as usize..rows.end as usize];
        for (group, weights) in all_weights.chunks(LANES).enumerate() {
            // Lanes without a row repeat the first one's, and are not read.
            let weights: Lanes<f32> =
                std::array::from_fn(|lane| *weights.get(lane).unwrap_or(&weights[0]));
            let inside = dot::above_zero(&band.at(first_cell, &weights));
            let mut counts = Counts::default();
            for &cell in &self.mixed {
                let solved = surface.solve(band, usize::from(cell), &weights);
                counts.note(&solved, &mut self.changes);
            }
            let first = rows.start + (group * LANES) as u32;
            let rows = first..rows.end.min(first + LANES as u32);
            if inside == 0 && counts == Counts::TWO && increasing(&self.changes) {
                // One run in each row, by far the most frequent case.
                let [starts, ends] = [self.changes[0], self.changes[1]];
                let eight: Lanes<Run> = std::array::from_fn(|lane| Run {
                    y: rows.start as u16 + lane as u16,
                    start: starts[lane] as u16,
                    end: ends[lane] as u16,
                });
                runs.extend_from_slice(&eight[..rows.len()]);
                continue;
            }
            for (y, lane) in rows.zip(0..LANES) {
                let changes = self.changes[..counts.of(lane)].iter().map(|row| row[lane]);
                push_row(
                    runs,
                    y as u16,
                    inside >> lane & 1 == 1,
                    changes,
                    surface.crop,
                );
            }
        }
    }
}

/// Where the sign changes within a cell, in several rows.
struct Solved {
    /// The rows in which it does, the first in the lowest bit.
    changed: u8,
    /// The first pixel of the new sign; something meaningless where it does not change.
    changes: Lanes<u32>,
}

/// How many changes each row has so far.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Counts(Lanes<u16>);

impl Counts {
    const TWO: Self = Self([2; LANES]);

    fn of(self, lane: usize) -> usize {
        usize::from(self.0[lane])
    }

    /// Adds a cell's changes to those of the cells before it. Without a branch, as none could be
    /// foreseen: what is not a change is written too, and overwritten by the next.
    #[inline]
    fn note(&mut self, solved: &Solved, changes: &mut [Lanes<u32>]) {
        for lane in 0..LANES {
            changes[self.of(lane)][lane] = solved.changes[lane];
            self.0[lane] += u16::from(solved.changed >> lane & 1);
        }
    }
}

/// Whether every row's second change lies after its first.
fn increasing(changes: &[Lanes<u32>]) -> bool {
    let [first, second, ..] = changes else {
        return false;
    };
    (0..LANES).all(|lane| first[lane] < second[lane])
}

impl Surface<'_> {
    /// The cells that pixels lie in, counted from the field's first.
    fn cells(&self) -> Range<usize> {
        let cell = |x| self.columns.knot(x) - self.field.left();
        cell(self.crop.left)..cell(self.crop.right - 1) + 1
    }

    /// Finds the sign changes along a cell, in rows of these weights.
    #[inline]
    fn solve(&self, band: Band<'_>, cell: usize, weights: &Lanes<f32>) -> Solved {
        let (a, b) = (band.at(cell, weights), band.at(cell + 1, weights));
        let Cell {
            first,
            end,
            origin,
            length,
            clamped,
        } = self.columns.cell(self.field.left() + cell);
        let low = first.max(self.crop.left) - first;
        let high = end.min(self.crop.right) - first;
        let (lowest, highest) = (low as f32, high as f32);
        let certain = 0.5 - self.columns.uncertainty();

        // The new sign begins at the pixel after the crossing: half a pixel on, rounded.
        let origin = origin + 0.5;
        let changed = dot::above_zero(&a) ^ dot::above_zero(&b);
        // One step after the other for all rows: what compilers make vectors of.
        let mut position = [0.0; LANES];
        for lane in 0..LANES {
            position[lane] = origin + a[lane] / (a[lane] - b[lane]) * length;
        }
        let position = position.map(|x| if x > lowest { x } else { lowest });
        let position = position.map(|x| if x < highest { x } else { highest });
        let rounded = position.map(|x| x + ROUNDER);
        let mut changes = rounded.map(|x| first + (x.to_bits() - ROUNDER.to_bits()));
        let mut excess = [0.0; LANES];
        for lane in 0..LANES {
            excess[lane] = (position[lane] - (rounded[lane] - ROUNDER)).abs() - certain;
        }
        let mut uncertain = if clamped {
            changed
        } else {
            changed & dot::above_zero(&excess)
        };
        while uncertain != 0 {
            let lane = uncertain.trailing_zeros() as usize;
            let pixels = first + low..first + high;
            changes[lane] = self.settle(a[lane], b[lane], pixels, changes[lane]);
            uncertain &= uncertain - 1;
        }
        Solved { changed, changes }
    }

    /// The first of a cell's pixels that has the sign of `b`, searched for from a guess.
    #[cold]
    fn settle(&self, a: f32, b: f32, pixels: Range<u32>, guess: u32) -> u32 {
        let weights = self.columns.weights();
        let is_new = |x: u32| (a + (b - a) * weights[x as usize] > 0.0) == (b > 0.0);
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
    #[inline]
    fn at(&self, knot: usize, weights: &Lanes<f32>) -> Lanes<f32> {
        let (top, bottom) = (self.top.values[knot], self.bottom.values[knot]);
        let step = bottom - top;
        weights.map(|weight| top + step * weight)
    }

    /// Lists those of `cells` whose corners don't all have the same sign.
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
