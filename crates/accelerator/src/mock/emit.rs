//! From regions to the ten quantized tensors.
//!
//! *Masks.* A mask is the sign of `coefficients . prototypes`. Prototype 0 is 1 everywhere; each
//! region has a *code* over the other 31, and the prototypes at a block are the codes of the regions
//! there, weighted with their shares of it. A region's coefficients are its code, with the threshold
//! on prototype 0. Codes need only differ where boxes meet, since masks are cropped to their boxes:
//! so regions are coloured greedily, largest first, and each colour has its code; those that are one
//! prototype come first.
//!
//! *Boxes.* The distribution-focal-loss logits (Li et al., "Generalized Focal Loss", 2020) of a side
//! put the weight on the two bins around its distance, so that the expectation is the distance.
//!
//! Everything that does not belong to a region holds the tensor's zero, so an answer is a function of
//! its input alone.

use std::{f32::consts::PI, ops::Range};

use frame::InputSize;

use super::{
    codes::{CODE_LENGTH, Code, Codes},
    regions::{MAX_REGIONS, Region, Regions},
};
use tensors::{
    Classes, ElementType, Grid, Layout, Level, PROTOTYPE_CHANNELS, PROTOTYPE_STRIDE, QuantInfo,
    Role, Tensors,
};

/// Bins of a side's distribution.
const BINS: usize = 16;
/// The logit of a bin without weight.
const FLOOR: f32 = -9.9;
/// What is added to the logarithm of a bin's weight.
const PEAK: f32 = 5.0;
/// Farthest side from an anchor, in cells: the last bin, less a margin for quantization.
const REACH: f32 = 14.5;
/// Longest side of a box, in cells of the coarsest level: 864 pixels. From the anchor nearest to its
/// middle both its ends are in reach. Of what is longer, which takes a large input, a box has the
/// middle, as a network's has, whose distribution has no more bins.
const LONGEST: f32 = 2.0 * (REACH - 1.0);
/// Pixels between a region and its box: the mask's edge lies inside the crop.
const BOX_MARGIN: f32 = 1.0;
/// Logit at a block that is all the region's own, against one that is none of it.
const GAIN: f32 = 8.0;
/// Where between nothing of a region and all of it its mask ends.
const THRESHOLD: f32 = 0.5;
/// Blocks and the interpolation between them smooth a mask as a Gaussian of two pixels would
/// (variances 16/12 and 16/6), so that at the edge of a disc of radius r its value is not one half
/// but less by `2 / (2 r sqrt(2 pi))`: small discs would shrink.
const CURVATURE: f32 = 0.4;
/// As much less as a disc of 12 cells needs.
const MOST_CURVATURE: f32 = 0.1;
/// Smallest share of its box that a region takes up for its outline to be a disc's, more or less.
const COMPACT: f32 = 0.6;
/// Score of a region's best anchor, and how much less its neighbours have.
const SCORES: (f32, f32) = (0.55, 0.95);
const NEIGHBOUR_LOSS: f32 = 0.08;
/// The anchors around the best one.
const AROUND: [(isize, isize); 4] = [(-1, 0), (1, 0), (0, -1), (0, 1)];
/// How far from the centre an anchor is looked for, in cells.
const SEARCH: isize = 8;

/// Scale and zero point of each output, and which of them are 16-bit: the same as in the HEFs that
/// the Hailo Model Zoo publishes (its script for the compiler has the prototypes and the finest
/// level's boxes and coefficients so, from v2.15 to v2.18).
fn output(role: Role) -> (ElementType, QuantInfo) {
    let quant = |scale, zero_point| QuantInfo { scale, zero_point };
    match role {
        // -10 to 6.
        Role::Boxes(Level::Stride8) => (ElementType::U16, quant(0.000_25, 40_000.0)),
        Role::Boxes(_) => (ElementType::U8, quant(0.0625, 160.0)),
        // The sigmoid's 0 to 1.
        Role::Scores(_) => (ElementType::U8, quant(1.0 / 255.0, 0.0)),
        // -8 to 8.
        Role::Coefficients(Level::Stride8) => (ElementType::U16, quant(0.000_25, 32_768.0)),
        Role::Coefficients(_) => (ElementType::U8, quant(0.0625, 128.0)),
        // -0.5 to 1.
        Role::Prototypes => (ElementType::U16, quant(0.000_024, 21_000.0)),
    }
}

/// The outputs for an input of this size, in HailoRT's order of names.
pub(super) fn layout(input: InputSize) -> Layout {
    Layout::of_roles(input, Classes::one(), |role| {
        let (element_type, quant) = output(role);
        let name = format!("mock/{}", role.with_shape(input, 1)).replace(' ', "_");
        (name, element_type, quant)
    })
}

/// Writes tensors; owns the buffers.
#[derive(Debug)]
pub(super) struct Emitter {
    input: InputSize,
    codes: Codes,
    /// Colour of each region: the number of its code.
    colours: Vec<usize>,
    /// Best anchor of each region.
    best: Vec<Option<Anchor>>,
    /// Anchors that are taken, all levels in a row.
    taken: Vec<bool>,
}

impl Emitter {
    /// For inputs of this size.
    pub(super) fn new(input: InputSize) -> Self {
        Self {
            input,
            codes: Codes::default(),
            colours: Vec::new(),
            best: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// Fills `tensors`, made for [`layout`], with the answer for these regions.
    pub(super) fn emit(&mut self, found: &Regions<'_>, tensors: &mut Tensors) {
        for role in Role::ALL {
            clear(tensors, role);
        }
        self.assign_colours(found.regions);
        self.write_prototypes(found, tensors);
        self.taken.clear();
        self.taken.resize(
            Level::ALL
                .iter()
                .map(|level| level.grid(self.input).cells())
                .sum(),
            false,
        );
        // Each region's best anchor before any region's second best.
        self.best.clear();
        for region in found.regions {
            let best = self.free_anchor(margin_box(region));
            if let Some(anchor) = best {
                self.taken[anchor.index()] = true;
            }
            self.best.push(best);
        }
        let largest = found.regions.first().map_or(1, |region| region.area.max(1));
        for (i, region) in found.regions.iter().enumerate() {
            // In proportion to its size, and none like another's.
            let size = (region.area as f32 / largest as f32).sqrt();
            let rank = 1.0 - i as f32 / MAX_REGIONS as f32;
            let score = SCORES.0 + (SCORES.1 - SCORES.0) * (0.5 * size + 0.5 * rank);
            self.write_detections(i, region, score, tensors);
        }
    }

    fn assign_colours(&mut self, regions: &[Region]) {
        self.colours.clear();
        for (i, region) in regions.iter().enumerate() {
            let mut used = [false; MAX_REGIONS];
            for (other, &colour) in regions[..i].iter().zip(&self.colours) {
                used[colour] |= boxes_meet(region, other);
            }
            // There are as many colours as regions: one is always free.
            let colour = used.iter().position(|used| !used).unwrap_or(0);
            self.colours.push(colour);
        }
    }

    /// Whether a region has a prototype of its own, at least where its box is.
    fn has_prototype(&self, i: usize) -> bool {
        self.colours[i] < CODE_LENGTH
    }

    fn code(&self, i: usize) -> &Code {
        self.codes.get(self.colours[i])
    }

    /// Where between nothing of a region and all of it its mask ends.
    fn threshold(&self, i: usize, region: &Region) -> f32 {
        let [x1, y1, x2, y2] = region.extent.map(f32::from);
        let area = region.area as f32;
        let compact = area >= COMPACT * (x2 - x1) * (y2 - y1);
        if compact && self.has_prototype(i) {
            THRESHOLD - (CURVATURE / (area / PI).sqrt()).min(MOST_CURVATURE)
        } else {
            THRESHOLD
        }
    }

    fn write_prototypes(&self, found: &Regions<'_>, tensors: &mut Tensors) {
        let quant = output(Role::Prototypes).1;
        let Some(elements) = tensors.u16_mut(Role::Prototypes) else {
            return;
        };
        let one = quantize(1.0, quant, u16::MAX);
        for (shares, element) in found
            .blocks
            .iter()
            .zip(elements.chunks_exact_mut(PROTOTYPE_CHANNELS))
        {
            element[0] = one;
            if shares.iter().all(|(region, _)| self.has_prototype(region)) {
                // Regions that share a block have different ones.
                for (region, share) in shares.iter() {
                    element[1 + self.colours[region]] = quantize(share, quant, u16::MAX);
                }
                continue;
            }
            let mut values = [0.0; CODE_LENGTH];
            for (region, share) in shares.iter() {
                for (value, entry) in values.iter_mut().zip(self.code(region)) {
                    *value += share * entry;
                }
            }
            for (element, value) in element[1..].iter_mut().zip(values) {
                *element = quantize(value, quant, u16::MAX);
            }
        }
    }

    fn write_detections(&mut self, i: usize, region: &Region, score: f32, tensors: &mut Tensors) {
        let Some(best) = self.best[i] else {
            return;
        };
        let bbox = margin_box(region);
        self.write_detection(i, region, best, score, tensors);
        for (n, (dx, dy)) in AROUND.into_iter().enumerate() {
            if let Some(anchor) = best.moved(dx, dy)
                && !self.taken[anchor.index()]
                && anchor.distances(bbox).is_some()
            {
                self.taken[anchor.index()] = true;
                let score = score - NEIGHBOUR_LOSS - 0.01 * n as f32;
                self.write_detection(i, region, anchor, score, tensors);
            }
        }
    }

    fn write_detection(
        &self,
        i: usize,
        region: &Region,
        anchor: Anchor,
        score: f32,
        tensors: &mut Tensors,
    ) {
        let Some(distances) = anchor.distances(margin_box(region)) else {
            return;
        };
        let (level, cell) = (anchor.level, anchor.cell());
        write(tensors, Role::Scores(level), cell, score);
        for (side, distance) in distances.into_iter().enumerate() {
            write_distribution(tensors, level, cell * 4 + side, distance);
        }
        let coefficients = Role::Coefficients(level);
        let first = cell * PROTOTYPE_CHANNELS;
        let threshold = self.threshold(i, region);
        write(tensors, coefficients, first, -GAIN * threshold);
        for (channel, entry) in self.code(i).iter().enumerate() {
            if *entry != 0.0 {
                // The largest number that 8 bits hold is a little under 8.
                let coefficient = (GAIN * entry).min(7.9375);
                write(tensors, coefficients, first + 1 + channel, coefficient);
            }
        }
    }

    /// The free anchor nearest the box's centre from which all four sides are in reach, on the
    /// finest level that reaches comfortably, or a coarser one.
    fn free_anchor(&self, bbox: [f32; 4]) -> Option<Anchor> {
        let [x1, y1, x2, y2] = bbox;
        let half = (x2 - x1).max(y2 - y1) / 2.0;
        Level::ALL.into_iter().find_map(|level| {
            let stride = level.stride() as f32;
            // The sizes a detector's levels specialise in; the coarsest takes all the rest.
            if level != Level::Stride32 && half > 6.0 * stride {
                return None;
            }
            let grid = level.grid(self.input);
            let centre = Anchor {
                level,
                input: self.input,
                column: (((x1 + x2) / 2.0 / stride) as usize).min(grid.columns - 1),
                row: (((y1 + y2) / 2.0 / stride) as usize).min(grid.rows - 1),
            };
            (0..SEARCH).find_map(|distance| {
                square(distance)
                    .filter_map(|(dx, dy)| centre.moved(dx, dy))
                    .find(|anchor| !self.taken[anchor.index()] && anchor.distances(bbox).is_some())
            })
        })
    }
}

/// A cell of a detection level.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    level: Level,
    input: InputSize,
    column: usize,
    row: usize,
}

impl Anchor {
    fn cell(self) -> usize {
        self.row * self.level.grid(self.input).columns + self.column
    }

    /// Its place among the anchors of all levels.
    fn index(self) -> usize {
        let finer = Level::ALL.iter().take_while(|level| **level != self.level);
        finer
            .map(|level| level.grid(self.input).cells())
            .sum::<usize>()
            + self.cell()
    }

    /// The cell so many columns and rows away, if there is one.
    fn moved(self, dx: isize, dy: isize) -> Option<Self> {
        let column = self.column.checked_add_signed(dx)?;
        let row = self.row.checked_add_signed(dy)?;
        let Grid { columns, rows } = self.level.grid(self.input);
        (column < columns && row < rows).then_some(Self {
            column,
            row,
            ..self
        })
    }

    /// Distances to the sides left, top, right, bottom, in cells; `None` where one is out of reach.
    fn distances(self, bbox: [f32; 4]) -> Option<[f32; 4]> {
        let stride = self.level.stride() as f32;
        let (x, y) = (self.column as f32 + 0.5, self.row as f32 + 0.5);
        let [x1, y1, x2, y2] = bbox.map(|side| side / stride);
        let distances = [x - x1, y - y1, x2 - x, y2 - y];
        distances
            .iter()
            .all(|distance| (0.0..=REACH).contains(distance))
            .then_some(distances)
    }
}

/// The offsets at just this distance, counted as a king walks.
fn square(distance: isize) -> impl Iterator<Item = (isize, isize)> {
    (-distance..=distance).flat_map(move |dy| {
        // Whole rows above and below, the two ends of those between.
        let step = if dy.abs() == distance {
            1
        } else {
            2 * distance
        };
        (-distance..=distance)
            .step_by(step.max(1) as usize)
            .map(move |dx| (dx, dy))
    })
}

/// The region's extent with a margin; it may reach beyond the input, as a network's boxes do. Of a
/// region that is longer than [`LONGEST`] it is the middle.
fn margin_box(region: &Region) -> [f32; 4] {
    let longest = LONGEST * Level::Stride32.stride() as f32;
    let side = |low: f32, high: f32| {
        let (low, high) = (low - BOX_MARGIN, high + BOX_MARGIN);
        let over = ((high - low - longest) / 2.0).max(0.0);
        (low + over, high - over)
    };
    let [x1, y1, x2, y2] = region.extent.map(f32::from);
    let ((x1, x2), (y1, y2)) = (side(x1, x2), side(y1, y2));
    [x1, y1, x2, y2]
}

/// Whether one region's mask could see the other: their boxes, with the blocks that interpolation
/// reaches, share a pixel.
fn boxes_meet(a: &Region, b: &Region) -> bool {
    let reach = 2 * PROTOTYPE_STRIDE as u16 + BOX_MARGIN as u16;
    let apart = |a1: u16, a2: u16, b1: u16, b2: u16| a2 + reach <= b1 || b2 + reach <= a1;
    let ([ax1, ay1, ax2, ay2], [bx1, by1, bx2, by2]) = (a.extent, b.extent);
    !apart(ax1, ax2, bx1, bx2) && !apart(ay1, ay2, by1, by2)
}

fn write_distribution(tensors: &mut Tensors, level: Level, side: usize, distance: f32) {
    let lower = distance.floor();
    let upper_weight = distance - lower;
    let logit = |weight: f32| (PEAK + weight.ln()).max(FLOOR);
    let bins = side * BINS..(side + 1) * BINS;
    let lower_bin = bins.start + lower as usize;
    fill(tensors, Role::Boxes(level), bins, FLOOR);
    // `REACH` keeps both inside.
    write(
        tensors,
        Role::Boxes(level),
        lower_bin,
        logit(1.0 - upper_weight),
    );
    write(
        tensors,
        Role::Boxes(level),
        lower_bin + 1,
        logit(upper_weight),
    );
}

fn quantize(value: f32, quant: QuantInfo, most: u16) -> u16 {
    (value / quant.scale + quant.zero_point)
        .round_ties_even()
        .clamp(0.0, f32::from(most)) as u16
}

fn write(tensors: &mut Tensors, role: Role, index: usize, value: f32) {
    let quant = output(role).1;
    if let Some(elements) = tensors.u8_mut(role) {
        elements[index] = quantize(value, quant, 255) as u8;
    } else if let Some(elements) = tensors.u16_mut(role) {
        elements[index] = quantize(value, quant, u16::MAX);
    }
}

fn fill(tensors: &mut Tensors, role: Role, range: Range<usize>, value: f32) {
    let quant = output(role).1;
    if let Some(elements) = tensors.u8_mut(role) {
        elements[range].fill(quantize(value, quant, 255) as u8);
    } else if let Some(elements) = tensors.u16_mut(role) {
        elements[range].fill(quantize(value, quant, u16::MAX));
    }
}

fn clear(tensors: &mut Tensors, role: Role) {
    let elements = role
        .shape(tensors.input(), tensors.classes())
        .iter()
        .product();
    fill(tensors, role, 0..elements, 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_overlapping_regions_is_told_apart() {
        let regions: Vec<_> = (0..MAX_REGIONS)
            .map(|_| Region {
                extent: [0, 0, 640, 640],
                area: 1,
            })
            .collect();
        let mut emitter = Emitter::new(InputSize::DEFAULT);
        emitter.assign_colours(&regions);
        for (i, region) in regions.iter().enumerate() {
            for j in 0..MAX_REGIONS {
                let codes = emitter.code(i).iter().zip(emitter.code(j));
                let likeness: f32 = codes.map(|(a, b)| a * b).sum();
                let inside = likeness > emitter.threshold(i, region);
                assert_eq!(inside, i == j, "{i} and {j}: {likeness}");
            }
        }
    }

    #[test]
    fn regions_apart_share_a_prototype() {
        let at = |x: u16| Region {
            extent: [x, 0, x + 10, 10],
            area: 100,
        };
        let mut emitter = Emitter::new(InputSize::DEFAULT);
        emitter.assign_colours(&[at(0), at(100), at(5), at(300)]);
        assert_eq!(emitter.colours, [0, 0, 1, 0]);
    }
}
