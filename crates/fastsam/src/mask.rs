//! From a detection to its mask as row runs, without a bitmap.
//!
//! Defined as: logits `coefficients . prototypes`, upsampled bilinearly to the mask's pixels (see
//! [`axis`]), foreground where above 0, cropped to `x1 <= x < x2`, `y1 <= y < y2`. A pixel between
//! knots is computed in `f32`, first along y at both columns, then along x:
//!
//! `at(y) = top + (bottom - top) * weight_y`,
//! `pixel = at(y)[k] + (at(y)[k + 1] - at(y)[k]) * weight_x`.
//!
//! In this form and order no rounding can make a value between two of the same sign have another,
//! and values within a cell go one way only. So a cell whose four corners share a sign has that
//! sign everywhere, and along a row of pixels the sign changes at most once in a cell. Only
//! cells with mixed corners are looked at ([`band`]); what lies between them follows.

mod axis;
mod band;
mod coefficients;
mod crop;
mod dot;
mod field;

use fearless_simd::dispatch;
use frame::{Letterbox, Size};
use tensors::{Grid, Role, Tensors};

use self::axis::{Axis, Sampling};
use self::band::{Scanner, Surface};
use self::coefficients::Coefficients;
use self::crop::Crop;
use self::field::{Field, Source};
use crate::{Anchor, Detection, Mask, MaskSize, processor};

/// Makes masks, reusing its tables and buffers.
#[derive(Clone, Debug)]
pub struct Rasterizer {
    geometry: Option<(Letterbox, MaskSize)>,
    columns: Axis,
    rows: Axis,
    factor: u32,
    field: Field,
    scanner: Scanner,
}

impl Default for Rasterizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Rasterizer {
    /// Without tables yet; [`Rasterizer::fit`] makes them.
    pub const fn new() -> Self {
        Self {
            geometry: None,
            columns: Axis::new(),
            rows: Axis::new(),
            factor: 1,
            field: Field::new(),
            scanner: Scanner::new(),
        }
    }

    /// Says which pixels the masks to come are made of. Costs nothing where that is as before.
    pub fn fit(&mut self, letterbox: &Letterbox, size: MaskSize) {
        self.geometry = Some((*letterbox, size));
        let [along_x, along_y] = Sampling::of(letterbox, size);
        self.columns.fit(along_x);
        self.rows.fit(along_y);
        self.factor = along_x.factor;
    }

    /// Columns and rows of the masks to come; none before [`Rasterizer::fit`].
    pub fn size(&self) -> Size {
        Size::new(self.columns.pixels(), self.rows.pixels())
    }

    /// Replaces `mask` by the detection's, cropped to its box; an empty one where the tensors are for an
    /// input of another size than the letterbox that [`Rasterizer::fit`] was given, or than the anchor.
    ///
    /// Noise makes masks of up to one run for each column of prototypes in each row of pixels.
    pub fn rasterize(&mut self, tensors: &Tensors, detection: &Detection, mask: &mut Mask) {
        self.rasterize_within(usize::MAX, tensors, detection, mask);
    }

    /// Likewise, but empties the mask where it would have more than `most` runs, and says so by
    /// `false`.
    pub(crate) fn rasterize_within(
        &mut self,
        most: usize,
        tensors: &Tensors,
        detection: &Detection,
        mask: &mut Mask,
    ) -> bool {
        let size = self.size();
        let runs = mask.refill(size);
        let input = tensors.input();
        let crop = self
            .geometry
            .filter(|(letterbox, _)| letterbox.input == input)
            .filter(|_| detection.anchor.index() < Anchor::count(input))
            .and_then(|(letterbox, mask_size)| Crop::of(detection.bbox, &letterbox, mask_size));
        let Some(crop) = crop else {
            return true;
        };
        let (level, cell) = detection.anchor.cell(input);
        let grid = Grid::of_prototypes(input);
        let prototypes = tensors.view(Role::Prototypes);
        let coefficients =
            Coefficients::new(tensors.view(Role::Coefficients(level)), cell, prototypes);
        let cells = |axis: &Axis, first: u32, end: u32| axis.knot(first)..axis.knot(end - 1) + 1;
        let columns = cells(&self.columns, crop.left, crop.right);
        let rows = cells(&self.rows, crop.top, crop.bottom);
        let complete = dispatch!(processor::level(), simd => {
            let source = Source {
                prototypes,
                grid,
                coefficients: &coefficients,
            };
            self.field.fill(simd, source, self.factor, columns, rows);
            let surface = Surface {
                field: &self.field,
                columns: &self.columns,
                rows: &self.rows,
                crop,
            };
            self.scanner.scan(simd, surface, most, runs)
        });
        if !complete {
            runs.clear();
        }
        complete
    }
}

#[cfg(test)]
mod tests;
