//! From pixels to regions of like colour.
//!
//! 1. [`reduce`]: blocks of 4 x 4 pixels, and where a block holds an edge, cells of 2 x 2.
//! 2. [`graph`]: patches without an edge inside are grouped by graph-based segmentation, so texture
//!    and gradients stay inside a region, and edges part regions.
//! 3. [`share`]: the pixels left over, those along edges, go to the region of the nearest colour.
//!
//! The outcome is how many of a block's pixels each region has: blocks are the prototypes' grid.

mod graph;
mod reduce;
mod share;

use frame::{INPUT_BYTES, INPUT_SIDE};

use self::{
    graph::Graph,
    reduce::Reduced,
    share::{Ground, Sharer},
};
use tensors::PROTOTYPE_SIDE;

const SIDE: usize = INPUT_SIDE as usize;
/// Blocks per row and column.
const GRID: usize = PROTOTYPE_SIDE;
/// Pixels per row and column of a block.
const BLOCK: usize = SIDE / GRID;
/// Pixels per row and column of a cell, a quarter of a block.
const CELL: usize = BLOCK / 2;
/// Cells per row and column.
const CELLS: usize = SIDE / CELL;
/// Fewer cells make no region; a 160 x 160 prototype could hardly show it.
const MIN_CELLS: u32 = 12;
/// Most regions reported, the largest first: as many as FastSAM reports detections.
pub(super) const MAX_REGIONS: usize = 300;
/// Regions that can share a block.
pub(super) const SHARES: usize = 4;
/// Marks a cell without region.
const NONE: u16 = u16::MAX;

/// A region of like colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Region {
    /// Its pixels' extent in the input: left, top, right, bottom, half-open.
    pub extent: [u16; 4],
    /// Its pixels.
    pub area: u32,
}

impl Region {
    const EMPTY: Self = Self {
        extent: [u16::MAX, u16::MAX, 0, 0],
        area: 0,
    };

    fn cover(&mut self, x1: usize, y1: usize, x2: usize, y2: usize) {
        let [left, top, right, bottom] = &mut self.extent;
        *left = (*left).min(x1 as u16);
        *top = (*top).min(y1 as u16);
        *right = (*right).max(x2 as u16);
        *bottom = (*bottom).max(y2 as u16);
    }
}

/// Which regions share a block, and how many of its 16 pixels each has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shares {
    regions: [u16; SHARES],
    pixels: [u8; SHARES],
}

impl Shares {
    /// Region and share (0 to 1) of each region in the block.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, f32)> {
        let shares = self.regions.into_iter().zip(self.pixels);
        shares
            .filter(|&(_, pixels)| pixels > 0)
            .map(|(region, pixels)| {
                (
                    usize::from(region),
                    f32::from(pixels) / (BLOCK * BLOCK) as f32,
                )
            })
    }

    fn add(&mut self, region: u16, count: u8) {
        for (known, pixels) in self.regions.iter_mut().zip(&mut self.pixels) {
            if *pixels == 0 || *known == region {
                *known = region;
                *pixels += count;
                return;
            }
        }
    }
}

/// What was found: the regions, largest first, and the blocks they share.
#[derive(Debug)]
pub(super) struct Regions<'a> {
    pub regions: &'a [Region],
    /// 160 x 160, row-major.
    pub blocks: &'a [Shares],
}

/// Finds regions; owns the buffers.
#[derive(Debug, Default)]
pub(super) struct Finder {
    reduced: Reduced,
    graph: Graph,
    sharer: Sharer,
    /// Size and root of each component that is a region, the largest first.
    order: Vec<(u32, u32)>,
    /// The same by root: root and number.
    numbers: Vec<(u32, u16)>,
    /// Region of each cell, `NONE` where there is none.
    labels: Vec<u16>,
    /// Colour of each cell.
    colours: Vec<[u8; 3]>,
    shares: Vec<Shares>,
    regions: Vec<Region>,
}

impl Finder {
    /// Finds the regions of `input`, 640 x 640 x 3 RGB; none if it has another size.
    pub(super) fn find(&mut self, input: &[u8]) -> Regions<'_> {
        self.regions.clear();
        self.shares.clear();
        self.shares.resize(GRID * GRID, Shares::default());
        if let Ok(input) = <&[u8; INPUT_BYTES]>::try_from(input)
            && self.reduced.reduce(input)
        {
            self.graph.join(&self.reduced);
            self.number();
            self.sharer.share(&mut Ground {
                input,
                content: self.reduced.content,
                labels: &mut self.labels,
                colours: &mut self.colours,
                shares: &mut self.shares,
                regions: &mut self.regions,
            });
        }
        Regions {
            regions: &self.regions,
            blocks: &self.shares,
        }
    }

    /// Gives the components that are large enough numbers, the largest first, and their cells labels.
    fn number(&mut self) {
        self.order.clear();
        self.order
            .extend(self.graph.components(&self.reduced, MIN_CELLS));
        // The root decides between equals.
        self.order
            .sort_unstable_by_key(|&(size, root)| (u32::MAX - size, root));
        self.order.truncate(MAX_REGIONS);
        self.regions.resize(self.order.len(), Region::EMPTY);
        self.numbers.clear();
        let numbered = (0..).zip(&self.order);
        self.numbers
            .extend(numbered.map(|(number, &(_, root))| (root, number)));
        self.numbers.sort_unstable();
        self.labels.clear();
        self.colours.clear();
        let mut last = (u32::MAX, NONE);
        for (cell, patch) in self.reduced.cells.iter().enumerate() {
            self.colours.push(patch.mean);
            let label = match self.graph.component(&self.reduced, cell) {
                None => NONE,
                Some(root) if root == last.0 => last.1,
                Some(root) => {
                    let place = self.numbers.binary_search_by_key(&root, |&(root, _)| root);
                    last = (root, place.map_or(NONE, |i| self.numbers[i].1));
                    last.1
                }
            };
            self.labels.push(label);
        }
    }
}

fn difference(a: [u8; 3], b: [u8; 3]) -> u16 {
    a.iter()
        .zip(b)
        .map(|(&a, b)| u16::from(a.abs_diff(b)))
        .sum()
}
