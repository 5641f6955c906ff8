//! From pixels to regions of like colour.
//!
//! 1. [`reduce`]: blocks of 4 x 4 pixels, and where a block holds an edge, cells of 2 x 2.
//! 2. [`graph`]: patches without an edge inside are grouped by graph-based segmentation, so texture
//!    and gradients stay inside a region, and edges part regions.
//! 3. [`share`]: the pixels left over, those along edges, go to the region of the nearest colour.
//!
//! The outcome is how many of a block's pixels each region has: blocks are the prototypes' grid.

mod graph;
mod grid;
mod reduce;
mod region;
mod share;

use frame::InputSize;

pub(super) use self::region::{Region, Shares};
use self::{
    graph::Graph,
    grid::{Cell, Grid},
    reduce::Reduced,
    region::NONE,
    share::{Ground, Sharer},
};

/// Fewer cells make no region; a prototype of a quarter of the input's size could hardly show it.
const MIN_CELLS: u32 = 12;
/// Most regions reported, the largest first: as many as FastSAM reports detections.
pub(super) const MAX_REGIONS: usize = 300;
/// What was found: the regions, largest first, and the blocks they share.
#[derive(Debug)]
pub(super) struct Regions<'a> {
    pub regions: &'a [Region],
    /// Row-major.
    pub blocks: &'a [Shares],
}

/// Finds regions; owns the buffers.
#[derive(Debug)]
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
    /// For inputs of this size.
    pub(super) fn new(input: InputSize) -> Self {
        Self {
            reduced: Reduced::new(Grid::of(input)),
            graph: Graph::default(),
            sharer: Sharer::default(),
            order: Vec::new(),
            numbers: Vec::new(),
            labels: Vec::new(),
            colours: Vec::new(),
            shares: Vec::new(),
            regions: Vec::new(),
        }
    }

    /// Finds the regions of `input`, RGB; none if it has another size than was said.
    pub(super) fn find(&mut self, input: &[u8]) -> Regions<'_> {
        let grid = self.reduced.grid;
        self.regions.clear();
        self.shares.clear();
        self.shares.resize(grid.blocks(), Shares::default());
        if input.len() == grid.row_bytes() * grid.height() && self.reduced.reduce(input) {
            self.graph.join(&self.reduced);
            self.number();
            self.sharer.share(&mut Ground {
                grid,
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
        self.colours
            .extend(self.reduced.cells.iter().map(|patch| patch.mean));
        let numbers = &self.numbers;
        let mut last = (u32::MAX, NONE);
        let mut label_of = |root: u32| {
            if root != last.0 {
                let place = numbers.binary_search_by_key(&root, |&(root, _)| root);
                last = (root, place.map_or(NONE, |i| numbers[i].1));
            }
            last.1
        };
        let grid = self.reduced.grid;
        self.labels.resize(grid.cells(), NONE);
        let (columns, rows) = grid.cell_sides();
        for y in (0..rows).step_by(2) {
            for x in (0..columns).step_by(2) {
                let is_whole = self.reduced.blocks[grid.block_of(Cell { x, y })].pure;
                let mut label = NONE;
                for (i, cell) in (Cell { x, y }).block().into_iter().enumerate() {
                    // All cells of a pure block are in the component of the first.
                    if i == 0 || !is_whole {
                        let root = self.graph.component(&self.reduced, cell);
                        label = root.map_or(NONE, &mut label_of);
                    }
                    self.labels[grid.index(cell)] = label;
                }
            }
        }
    }
}
