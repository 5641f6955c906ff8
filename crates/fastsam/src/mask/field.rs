//! A detection's logits at the knots around its box.
//!
//! With one knot per prototype these are the logits themselves. With two (see [`super::axis`])
//! they lie at `-+ 1/(2f)` around each prototype, `f` being 2 or 4, and are interpolated from the
//! logits; prototypes beyond the edge are those on the edge.
//!
//! Behind the last knot of an axis comes another of the same value: the last cell's pixels are
//! constant along it.

use std::ops::Range;

use fearless_simd::Simd;
use tensors::{Elements, Grid, PROTOTYPE_CHANNELS, TensorView};

use super::coefficients::Coefficients;
use super::dot;

/// What logits are computed from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) prototypes: TensorView<'a>,
    /// Columns and rows of the prototypes.
    pub(super) grid: Grid,
    pub(super) coefficients: &'a Coefficients,
}

/// Values at the knots of a rectangle, row-major.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The first knot, along x.
    left: usize,
    /// The first knot, along y.
    top: usize,
    /// Knots of a row.
    width: usize,
    values: Vec<f32>,
    /// Words of a row's signs.
    words: usize,
    /// Bit `i` of a row's words: whether the row's value `i` is above 0.
    signs: Vec<u64>,
    /// Logits at the prototypes, where knots are something else.
    logits: Vec<f32>,
    /// One row between two rows of logits, with a neighbour at either end.
    between: Vec<f32>,
}

/// A row of knots.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    /// Values at the knots.
    pub(super) values: &'a [f32],
    /// Bit `i`: whether value `i` is above 0.
    pub(super) signs: &'a [u64],
}

impl Field {
    pub(super) const fn new() -> Self {
        Self {
            left: 0,
            top: 0,
            width: 0,
            values: Vec::new(),
            words: 0,
            signs: Vec::new(),
            logits: Vec::new(),
            between: Vec::new(),
        }
    }

    /// The first knot along x.
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// A row of knots, counted from the network's first.
    #[inline(always)]
    pub(super) fn row(&self, knot: usize) -> Row<'_> {
        let row = knot - self.top;
        Row {
            values: &self.values[row * self.width..][..self.width],
            signs: &self.signs[row * self.words..][..self.words],
        }
    }

    /// Computes the values of all cells whose first knot lies in `columns` and `rows`; neither is
    /// empty. `factor` is 1, 2 or 4.
    #[inline(always)]
    pub(super) fn fill<S: Simd>(
        &mut self,
        simd: S,
        source: Source<'_>,
        factor: u32,
        columns: Range<usize>,
        rows: Range<usize>,
    ) {
        if factor == 1 {
            self.fill_at_prototypes(simd, source, columns, rows);
        } else {
            self.fill_between_prototypes(simd, source, factor, columns, rows);
        }
        let height = self.values.len() / self.width;
        self.words = self.width.div_ceil(64);
        self.signs.resize(height * self.words, 0);
        let values = self.values.chunks_exact(self.width);
        for (values, signs) in values.zip(self.signs.chunks_exact_mut(self.words)) {
            dot::signs(simd, values, signs);
        }
    }

    #[inline(always)]
    fn fill_at_prototypes<S: Simd>(
        &mut self,
        simd: S,
        source: Source<'_>,
        columns: Range<usize>,
        rows: Range<usize>,
    ) {
        (self.left, self.top) = (columns.start, rows.start);
        // The knot that ends the last cell.
        self.width = columns.len() + 1;
        let width = self.width;
        self.values.resize(width * (rows.len() + 1), 0.0);
        let last_row = source.grid.rows - 1;
        let inside = columns.start..(columns.end + 1).min(source.grid.columns);
        for (row, values) in (rows.start..=rows.end).zip(self.values.chunks_exact_mut(width)) {
            logits(simd, source, row.min(last_row), inside.clone(), values);
            if columns.end >= source.grid.columns {
                values[width - 1] = values[width - 2];
            }
        }
    }

    #[inline(always)]
    fn fill_between_prototypes<S: Simd>(
        &mut self,
        simd: S,
        source: Source<'_>,
        factor: u32,
        columns: Range<usize>,
        rows: Range<usize>,
    ) {
        let Grid {
            columns: grid_columns,
            rows: grid_rows,
        } = source.grid;
        let delta = 0.5 / factor as f32;
        // Knots 2m and 2m + 1 lie around prototype m. Whole pairs are filled.
        let around = |knots: &Range<usize>| knots.start / 2..=knots.end / 2;
        let (across, down) = (around(&columns), around(&rows));
        (self.left, self.top) = (2 * across.start(), 2 * down.start());

        // Prototypes that knots of these pairs depend on.
        let touched = |pairs: &std::ops::RangeInclusive<usize>, prototypes: usize| {
            pairs.start().saturating_sub(1)..(pairs.end() + 2).min(prototypes)
        };
        let touched_columns = touched(&across, grid_columns);
        let touched_rows = touched(&down, grid_rows);
        let stride = touched_columns.len();
        self.logits.resize(stride * touched_rows.len(), 0.0);
        let lines = self.logits.chunks_exact_mut(stride);
        for (row, line) in touched_rows.clone().zip(lines) {
            logits(simd, source, row, touched_columns.clone(), line);
        }
        let line = |row: usize| {
            let row = row.min(grid_rows - 1) - touched_rows.start;
            &self.logits[row * stride..][..stride]
        };

        let pairs = across.end() - across.start() + 1;
        self.width = 2 * pairs;
        self.values
            .resize(self.width * 2 * (down.end() - down.start() + 1), 0.0);
        self.between.resize(pairs + 2, 0.0);
        // Where the neighbour at the left is missing, it is the first itself.
        let lead = across.start() - touched_columns.start;
        let mut values = self.values.chunks_exact_mut(self.width);
        for pair in down {
            for neighbour in [pair.saturating_sub(1), pair + 1] {
                let (near, far) = (line(pair), line(neighbour));
                let inner = &mut self.between[1 - lead..][..stride];
                for ((value, &near), &far) in inner.iter_mut().zip(near).zip(far) {
                    *value = near + (far - near) * delta;
                }
                if lead == 0 {
                    self.between[0] = self.between[1];
                }
                // Likewise at the right, where up to two are missing.
                let filled = 1 - lead + stride;
                let edge = self.between[filled - 1];
                self.between[filled..].fill(edge);
                let Some(row) = values.next() else { return };
                let (row, _) = row.as_chunks_mut::<2>();
                for (knots, three) in row.iter_mut().zip(self.between.windows(3)) {
                    let [before, at, after] = [three[0], three[1], three[2]];
                    *knots = [at + (before - at) * delta, at + (after - at) * delta];
                }
            }
        }
    }
}

/// The logits of a row of prototypes, between two columns.
#[inline(always)]
fn logits<S: Simd>(
    simd: S,
    source: Source<'_>,
    row: usize,
    columns: Range<usize>,
    values: &mut [f32],
) {
    let first = row * source.grid.columns;
    let pixels = first + columns.start..first + columns.end;
    let values = &mut values[..columns.len()];
    let coefficients = source.coefficients;
    match source.prototypes.elements {
        Elements::U8(q) => {
            let (all, _) = q.as_chunks::<PROTOTYPE_CHANNELS>();
            dot::logits(simd, &all[pixels], coefficients, values);
        }
        Elements::U16(q) => {
            let (all, _) = q.as_chunks::<PROTOTYPE_CHANNELS>();
            dot::logits(simd, &all[pixels], coefficients, values);
        }
    }
}
