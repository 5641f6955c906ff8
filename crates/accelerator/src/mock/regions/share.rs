//! Step 3: the cells that belong to no component yet are shared out, pixel by pixel.
//!
//! From labelled cells outwards, wave by wave: each pixel of a cell goes to that of the regions
//! around the cell whose colour nearby is nearest. A block's share of a region is what the mask's
//! prototype needs: interpolated, it crosses one half at the region's edge.

use super::{
    grid::{BLOCK, CELL, Cell, Grid, difference},
    reduce::Content,
    region::{NONE, Region, SHARES, Shares},
};

/// Shares cells out; owns the buffers.
#[derive(Debug, Default)]
pub(super) struct Sharer {
    /// Cells to be decided in this wave, and those in the next.
    wave: Vec<Cell>,
    next: Vec<Cell>,
    queued: Vec<bool>,
    /// Label and colour of the cells decided in this wave.
    decided: Vec<(u16, [u8; 3])>,
}

/// What is shared out, and to whom.
pub(super) struct Ground<'a> {
    pub grid: Grid,
    pub input: &'a [u8],
    pub content: Content,
    /// Region of each cell, `NONE` where there is none yet.
    pub labels: &'a mut [u16],
    /// Colour of each cell.
    pub colours: &'a mut [[u8; 3]],
    pub shares: &'a mut [Shares],
    pub regions: &'a mut [Region],
}

impl Sharer {
    /// Shares out all that can be reached.
    pub(super) fn share(&mut self, ground: &mut Ground<'_>) {
        let grid = ground.grid;
        self.queued.clear();
        self.queued.resize(grid.cells(), false);
        self.wave.clear();
        ground.take_labelled();
        let (columns, rows) = grid.cell_sides();
        for y in 0..rows {
            for x in 0..columns {
                let cell = Cell { x, y };
                let place = grid.index(cell);
                if ground.labels[place] == NONE
                    && ground.has(cell)
                    && neighbours(grid, cell).any(|near| ground.labels[grid.index(near)] != NONE)
                {
                    self.queued[place] = true;
                    self.wave.push(cell);
                }
            }
        }
        while !self.wave.is_empty() {
            self.decided.clear();
            for &cell in &self.wave {
                let candidates = Candidates::around(cell, ground);
                self.decided.push(candidates.divide(cell, ground));
            }
            self.next.clear();
            for (&cell, &(label, colour)) in self.wave.iter().zip(&self.decided) {
                ground.labels[grid.index(cell)] = label;
                ground.colours[grid.index(cell)] = colour;
                for near in neighbours(grid, cell) {
                    let place = grid.index(near);
                    if ground.labels[place] == NONE && !self.queued[place] && ground.has(near) {
                        self.queued[place] = true;
                        self.next.push(near);
                    }
                }
            }
            std::mem::swap(&mut self.wave, &mut self.next);
        }
    }
}

impl Ground<'_> {
    /// Whether a pixel of the cell is picture.
    fn has(&self, cell: Cell) -> bool {
        let (x, y) = cell.corner();
        let Content {
            left,
            top,
            right,
            bottom,
        } = self.content;
        x + CELL > left && x < right && y + CELL > top && y < bottom
    }

    /// Gives all labelled cells to their regions: most blocks at once, since all their cells are of one.
    fn take_labelled(&mut self) {
        let (columns, rows) = self.grid.cell_sides();
        for y in (0..rows).step_by(2) {
            for x in (0..columns).step_by(2) {
                let cells = (Cell { x, y }).block();
                let labels = cells.map(|cell| self.labels[self.grid.index(cell)]);
                if labels.iter().all(|&label| label == labels[0]) {
                    self.take(cells[0], labels[0], BLOCK);
                } else {
                    for (cell, label) in cells.into_iter().zip(labels) {
                        self.take(cell, label, CELL);
                    }
                }
            }
        }
    }

    /// Gives a square of pixels, which begins with a cell, to a region, if there is one.
    #[inline(always)]
    fn take(&mut self, cell: Cell, label: u16, side: usize) {
        if label == NONE {
            return;
        }
        let (x, y) = cell.corner();
        let region = &mut self.regions[usize::from(label)];
        region.cover(x, y, x + side, y + side);
        region.area += (side * side) as u32;
        self.shares[self.grid.block_of(cell)].add(label, (side * side) as u8);
    }
}

/// The eight cells around one, less those beyond the border.
fn neighbours(grid: Grid, cell: Cell) -> impl Iterator<Item = Cell> {
    const AROUND: [(i16, i16); 8] = [
        (0, -1),
        (-1, 0),
        (1, 0),
        (0, 1),
        (-1, -1),
        (1, -1),
        (-1, 1),
        (1, 1),
    ];
    let (columns, rows) = grid.cell_sides();
    AROUND.into_iter().filter_map(move |(dx, dy)| {
        // One before the first becomes a large number.
        let (x, y) = (
            cell.x.wrapping_add_signed(dx),
            cell.y.wrapping_add_signed(dy),
        );
        (x < columns && y < rows).then_some(Cell { x, y })
    })
}

/// The regions that a cell's pixels may go to, each with its colour nearby.
struct Candidates {
    regions: [(u16, [u8; 3]); SHARES],
    count: usize,
}

impl Candidates {
    /// The regions around a cell; those that share a side with it come first, and give the colour.
    fn around(cell: Cell, ground: &Ground<'_>) -> Self {
        let mut candidates = Self {
            regions: [(NONE, [0; 3]); SHARES],
            count: 0,
        };
        for near in neighbours(ground.grid, cell) {
            let near = ground.grid.index(near);
            let label = ground.labels[near];
            let known = candidates.regions[..candidates.count]
                .iter()
                .any(|&(region, _)| region == label);
            if label != NONE && !known && candidates.count < SHARES {
                candidates.regions[candidates.count] = (label, ground.colours[near]);
                candidates.count += 1;
            }
        }
        candidates
    }

    /// Gives each pixel of the cell to the candidate of the nearest colour; says which one got most,
    /// and its colour.
    fn divide(&self, cell: Cell, ground: &mut Ground<'_>) -> (u16, [u8; 3]) {
        let mut counts = [0u8; SHARES];
        let (left, top) = cell.corner();
        let block = ground.grid.block_of(cell);
        let stride = ground.grid.row_bytes();
        let candidates = &self.regions[..self.count];
        let Content {
            left: first_x,
            top: first_y,
            right,
            bottom,
        } = ground.content;
        for y in top.max(first_y)..(top + CELL).min(bottom) {
            for x in left.max(first_x)..(left + CELL).min(right) {
                let at = y * stride + x * 3;
                let pixel = [ground.input[at], ground.input[at + 1], ground.input[at + 2]];
                let nearest = candidates
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, (_, colour))| difference(pixel, *colour));
                if let Some((i, &(region, _))) = nearest {
                    counts[i] += 1;
                    ground.shares[block].add(region, 1);
                    let region = &mut ground.regions[usize::from(region)];
                    region.area += 1;
                    region.cover(x, y, x + 1, y + 1);
                }
            }
        }
        let most = candidates.iter().zip(counts).rev().max_by_key(|&(_, n)| n);
        most.map_or((NONE, [0; 3]), |(&candidate, _)| candidate)
    }
}
