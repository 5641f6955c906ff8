//! From regions to the ten quantized tensors.
//!
//! *Masks.* A mask is the sign of `coefficients . prototypes`. Prototype 0 is 1 everywhere; each
//! region has a *code* over the other 31, and the prototypes at a block are the codes of the regions
//! there, weighted with their shares of it. A region's coefficients are its code, with the threshold
//! on prototype 0. Codes need only differ where boxes meet, since masks are cropped to their boxes:
//! so regions are coloured greedily, largest first, and a colour's code is one prototype of its own.
//! Regions for which no colour is left, more than 31 of them overlapping each other's boxes, get
//! pseudo-random unit vectors: any unit vector is parted from all others by a plane.
//!
//! *Boxes.* The distribution-focal-loss logits (Li et al., "Generalized Focal Loss", 2020) of a side
//! put the weight on the two bins around its distance, so that the expectation is the distance.
//!
//! Everything that does not belong to a region holds the tensor's zero, so an answer is a function of
//! its input alone.

use frame::INPUT_SIDE;

use super::regions::{MAX_REGIONS, Region, Regions};
use crate::{
    ElementType, Layout, Level, PROTOTYPE_CHANNELS, PROTOTYPE_SIDE, QuantInfo, Role, TensorInfo,
    Tensors,
};

/// Bins of a side's distribution.
const BINS: usize = 16;
/// The logit of a bin without weight.
const FLOOR: f32 = -9.9;
/// What is added to the logarithm of a bin's weight.
const PEAK: f32 = 5.0;
/// Farthest side from an anchor, in cells: the last bin, less a margin for quantization.
const REACH: f32 = 14.5;
/// Pixels between a region and its box: the mask's edge lies inside the crop.
const BOX_MARGIN: f32 = 1.0;
/// Codes of one prototype each.
const COLOURS: usize = PROTOTYPE_CHANNELS - 1;
/// Logit at a block that is all the region's own, against one that is none of it.
const GAIN: f32 = 8.0;
/// Where between another region's code (0) and its own (1) a region ends. Half-way for codes that
/// are at right angles; nearer to its own for random ones, which are not quite.
const COLOUR_THRESHOLD: f32 = 0.5;
const RANDOM_THRESHOLD: f32 = 0.7;
/// Largest entry of a random code: no plane through it may cut a colour off.
const MAX_ENTRY: f32 = 0.4;
/// Score of a region's best anchor, and how much less its neighbours have.
const SCORES: (f32, f32) = (0.55, 0.95);
const NEIGHBOUR_LOSS: f32 = 0.08;
/// The best anchor and the four around it.
const ANCHORS: [(isize, isize); 5] = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)];

/// Scale and zero point of each output, and which of them are 16-bit: as in compiled networks, some
/// of each.
fn output(role: Role) -> (ElementType, QuantInfo) {
    let quant = |scale, zero_point| QuantInfo { scale, zero_point };
    match role {
        // -10 to 6.
        Role::Boxes(Level::Stride8 | Level::Stride16) => (ElementType::U8, quant(0.0625, 160.0)),
        Role::Boxes(Level::Stride32) => (ElementType::U16, quant(0.000_25, 40_000.0)),
        // The sigmoid's 0 to 1.
        Role::Scores(_) => (ElementType::U8, quant(1.0 / 255.0, 0.0)),
        // -8 to 8.
        Role::Coefficients(Level::Stride8) => (ElementType::U8, quant(0.0625, 128.0)),
        Role::Coefficients(_) => (ElementType::U16, quant(0.000_25, 32_768.0)),
        // -0.5 to 1.
        Role::Prototypes => (ElementType::U8, quant(0.006, 84.0)),
    }
}

/// The outputs, in HailoRT's order of names.
pub(super) fn layout() -> Layout {
    let infos = Role::ALL.map(|role| {
        let (element_type, quant) = output(role);
        TensorInfo {
            name: format!("mock/{role}").replace(' ', "_"),
            shape: role.shape(),
            element_type,
            quant,
        }
    });
    // Each role once, with its own shape and finite quantization: nothing can be wrong.
    match Layout::bind(&infos) {
        Ok(layout) => layout,
        Err(error) => unreachable!("the mock's own layout: {error}"),
    }
}

/// Writes tensors; owns the buffers.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    /// Colour of each region, or `COLOURS` where there is none left.
    colours: Vec<usize>,
    codes: Vec<[f32; COLOURS]>,
    /// Anchors that are taken, all levels in a row.
    taken: Vec<bool>,
}

impl Emitter {
    /// Fills `tensors`, made for [`layout`], with the answer for these regions.
    pub(super) fn emit(&mut self, found: &Regions<'_>, tensors: &mut Tensors) {
        for role in Role::ALL {
            clear(tensors, role);
        }
        self.assign_codes(found.regions);
        self.write_prototypes(found, tensors);
        self.taken.clear();
        self.taken.resize(
            Level::ALL
                .iter()
                .map(|level| level.side() * level.side())
                .sum(),
            false,
        );
        let largest = found.regions.first().map_or(1, |region| region.area.max(1));
        for (i, region) in found.regions.iter().enumerate() {
            // In proportion to its size, and none like another's.
            let size = (region.area as f32 / largest as f32).sqrt();
            let rank = 1.0 - i as f32 / MAX_REGIONS as f32;
            let score = SCORES.0 + (SCORES.1 - SCORES.0) * (0.5 * size + 0.5 * rank);
            self.write_detections(i, region, score, tensors);
        }
    }

    fn assign_codes(&mut self, regions: &[Region]) {
        self.colours.clear();
        self.codes.clear();
        for (i, region) in regions.iter().enumerate() {
            let mut used = [false; COLOURS + 1];
            for (other, &colour) in regions[..i].iter().zip(&self.colours) {
                used[colour] |= boxes_meet(region, other);
            }
            let colour = used[..COLOURS]
                .iter()
                .position(|used| !used)
                .unwrap_or(COLOURS);
            self.colours.push(colour);
            self.codes.push(if colour < COLOURS {
                std::array::from_fn(|channel| if channel == colour { 1.0 } else { 0.0 })
            } else {
                random_code(i as u64)
            });
        }
    }

    /// Where between nothing of a region and all of it its mask ends.
    fn threshold(&self, i: usize) -> f32 {
        if self.colours[i] < COLOURS {
            COLOUR_THRESHOLD
        } else {
            RANDOM_THRESHOLD
        }
    }

    fn write_prototypes(&self, found: &Regions<'_>, tensors: &mut Tensors) {
        let quant = output(Role::Prototypes).1;
        let Some(elements) = tensors.u8_mut(Role::Prototypes) else {
            return;
        };
        let one = quantize(1.0, quant, 255) as u8;
        // A block that is all one colour's is by far the most common.
        for (shares, element) in found
            .blocks
            .iter()
            .zip(elements.chunks_exact_mut(PROTOTYPE_CHANNELS))
        {
            element[0] = one;
            let mut values = [0.0; COLOURS];
            for (region, share) in shares.iter() {
                let colour = self.colours[region];
                if colour < COLOURS {
                    values[colour] += share;
                } else {
                    for (value, entry) in values.iter_mut().zip(&self.codes[region]) {
                        *value += share * entry;
                    }
                }
            }
            for (element, value) in element[1..].iter_mut().zip(values) {
                if value != 0.0 {
                    *element = quantize(value, quant, 255) as u8;
                }
            }
        }
    }

    fn write_detections(&mut self, i: usize, region: &Region, score: f32, tensors: &mut Tensors) {
        let bbox = margin_box(region);
        let Some((level, column, row)) = self.free_anchor(bbox) else {
            return;
        };
        let side = level.side() as isize;
        for (n, (dx, dy)) in ANCHORS.into_iter().enumerate() {
            let (x, y) = (column as isize + dx, row as isize + dy);
            if !(0..side).contains(&x) || !(0..side).contains(&y) {
                continue;
            }
            let cell = (y * side + x) as usize;
            let Some(distances) = distances(bbox, level, x as usize, y as usize) else {
                continue;
            };
            if n > 0 && self.taken[first_anchor(level) + cell] {
                continue;
            }
            self.taken[first_anchor(level) + cell] = true;
            let score = if n == 0 {
                score
            } else {
                score - NEIGHBOUR_LOSS - 0.01 * n as f32
            };
            write(tensors, Role::Scores(level), cell, score);
            for (side, distance) in distances.into_iter().enumerate() {
                write_distribution(tensors, level, cell * 4 + side, distance);
            }
            let threshold = self.threshold(i);
            let first = cell * PROTOTYPE_CHANNELS;
            write(tensors, Role::Coefficients(level), first, -GAIN * threshold);
            for (channel, entry) in self.codes[i].iter().enumerate() {
                if *entry != 0.0 {
                    // The largest number that 8 bits hold is a little under 8.
                    let coefficient = (GAIN * entry).min(7.9375);
                    write(
                        tensors,
                        Role::Coefficients(level),
                        first + 1 + channel,
                        coefficient,
                    );
                }
            }
        }
    }

    /// The free anchor nearest the box's centre from which all four sides are in reach, on the
    /// finest level that reaches comfortably, or a coarser one.
    fn free_anchor(&self, bbox: [f32; 4]) -> Option<(Level, usize, usize)> {
        let [x1, y1, x2, y2] = bbox;
        let half = (x2 - x1).max(y2 - y1) / 2.0;
        for level in Level::ALL {
            let stride = level.stride() as f32;
            // The sizes a detector's levels specialise in; the coarsest takes all the rest.
            if level != Level::Stride32 && half > 6.0 * stride {
                continue;
            }
            let centre =
                |a: f32, b: f32| (((a + b) / 2.0 / stride) as isize).min(level.side() as isize - 1);
            let (column, row) = (centre(x1, x2), centre(y1, y2));
            let grid = 0..level.side() as isize;
            for ring in 0isize..4 {
                for dy in -ring..=ring {
                    for dx in -ring..=ring {
                        let (x, y) = (column + dx, row + dy);
                        if dx.abs().max(dy.abs()) != ring
                            || !grid.contains(&x)
                            || !grid.contains(&y)
                        {
                            continue;
                        }
                        let (x, y) = (x as usize, y as usize);
                        let free = !self.taken[first_anchor(level) + y * level.side() + x];
                        if free && distances(bbox, level, x, y).is_some() {
                            return Some((level, x, y));
                        }
                    }
                }
            }
        }
        None
    }
}

/// The region's extent with a margin; it may reach beyond the input, as a network's boxes do.
fn margin_box(region: &Region) -> [f32; 4] {
    let [x1, y1, x2, y2] = region.extent.map(f32::from);
    [
        x1 - BOX_MARGIN,
        y1 - BOX_MARGIN,
        x2 + BOX_MARGIN,
        y2 + BOX_MARGIN,
    ]
}

/// Whether one region's mask could see the other: their boxes, with the blocks that interpolation
/// reaches, share a pixel.
fn boxes_meet(a: &Region, b: &Region) -> bool {
    let reach = (2 * INPUT_SIDE as usize / PROTOTYPE_SIDE) as u16 + BOX_MARGIN as u16;
    let apart = |a1: u16, a2: u16, b1: u16, b2: u16| a2 + reach <= b1 || b2 + reach <= a1;
    let ([ax1, ay1, ax2, ay2], [bx1, by1, bx2, by2]) = (a.extent, b.extent);
    !apart(ax1, ax2, bx1, bx2) && !apart(ay1, ay2, by1, by2)
}

/// Distances from an anchor to the sides left, top, right, bottom, in cells; `None` where one is out
/// of reach.
fn distances(bbox: [f32; 4], level: Level, column: usize, row: usize) -> Option<[f32; 4]> {
    let stride = level.stride() as f32;
    let (x, y) = (column as f32 + 0.5, row as f32 + 0.5);
    let [x1, y1, x2, y2] = bbox.map(|side| side / stride);
    let distances = [x - x1, y - y1, x2 - x, y2 - y];
    distances
        .iter()
        .all(|distance| (0.0..=REACH).contains(distance))
        .then_some(distances)
}

fn first_anchor(level: Level) -> usize {
    Level::ALL
        .iter()
        .take_while(|finer| **finer != level)
        .map(|finer| finer.side() * finer.side())
        .sum()
}

fn write_distribution(tensors: &mut Tensors, level: Level, side: usize, distance: f32) {
    let lower = distance.floor();
    let upper_weight = distance - lower;
    let logit = |weight: f32| (PEAK + weight.ln()).max(FLOOR);
    for bin in 0..BINS {
        let value = if bin == lower as usize {
            logit(1.0 - upper_weight)
        } else if bin == lower as usize + 1 {
            logit(upper_weight)
        } else {
            FLOOR
        };
        write(tensors, Role::Boxes(level), side * BINS + bin, value);
    }
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

fn clear(tensors: &mut Tensors, role: Role) {
    let zero = quantize(0.0, output(role).1, u16::MAX);
    if let Some(elements) = tensors.u8_mut(role) {
        elements.fill(zero as u8);
    } else if let Some(elements) = tensors.u16_mut(role) {
        elements.fill(zero);
    }
}

/// The `n`-th of a fixed sequence of unit vectors without large entries.
fn random_code(n: u64) -> [f32; COLOURS] {
    // SplitMix64 (Steele et al. 2014): a few lines, and the same everywhere.
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 24) as f32 * 2.0 - 1.0
    };
    let mut code: [f32; COLOURS] = std::array::from_fn(|_| next());
    // Entries are clipped after normalising, which shortens the vector a little; once more mends it.
    for _ in 0..4 {
        let length = code.iter().map(|entry| entry * entry).sum::<f32>().sqrt();
        for entry in &mut code {
            *entry = (*entry / length).clamp(-MAX_ENTRY, MAX_ENTRY);
        }
    }
    code
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
        let mut emitter = Emitter::default();
        emitter.assign_codes(&regions);
        for (i, own) in emitter.codes.iter().enumerate() {
            for (j, other) in emitter.codes.iter().enumerate() {
                let likeness: f32 = own.iter().zip(other).map(|(a, b)| a * b).sum();
                let inside = likeness > emitter.threshold(i);
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
        let mut emitter = Emitter::default();
        emitter.assign_codes(&[at(0), at(100), at(5), at(300)]);
        assert_eq!(emitter.colours, [0, 0, 1, 0]);
    }
}
