//! Step 3: the cells that belong to no component yet are shared out, pixel by pixel.
//!
//! From labelled cells outwards, wave by wave: each pixel of a cell goes to that of the regions
//! around the cell whose colour nearby is nearest. A block's share of a region is what the mask's
//! prototype needs: interpolated, it crosses one half at the region's edge.

use frame::INPUT_BYTES;

use super::{
    grid::{BLOCK, CELL, CELLS, GRID, SIDE, difference},
    reduce::Content,
    region::{NONE, Region, SHARES, Shares},
};

/// Shares cells out; owns the buffers.
#[derive(Debug, Default)]
pub(super) struct Sharer {
    /// Cells to be decided in this wave, and those in the next.
    wave: Vec<u32>,
    next: Vec<u32>,
    queued: Vec<bool>,
    /// Label and colour of the cells decided in this wave.
    decided: Vec<(u16, [u8; 3])>,
}

/// What is shared out, and to whom.
pub(super) struct Ground<'a> {
    pub input: &'a [u8; INPUT_BYTES],
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
        self.queued.clear();
        self.queued.resize(CELLS * CELLS, false);
        self.wave.clear();
        for cell in 0..CELLS * CELLS {
            if ground.labels[cell] != NONE {
                ground.take_whole(cell);
            } else if ground.has(cell) && neighbours(cell).any(|near| ground.labels[near] != NONE) {
                self.queued[cell] = true;
                self.wave.push(cell as u32);
            }
        }
        while !self.wave.is_empty() {
            self.decided.clear();
            for &cell in &self.wave {
                let candidates = Candidates::around(cell as usize, ground);
                self.decided.push(candidates.divide(cell as usize, ground));
            }
            self.next.clear();
            for (&cell, &(label, colour)) in self.wave.iter().zip(&self.decided) {
                ground.labels[cell as usize] = label;
                ground.colours[cell as usize] = colour;
                for near in neighbours(cell as usize) {
                    if ground.labels[near] == NONE && !self.queued[near] && ground.has(near) {
                        self.queued[near] = true;
                        self.next.push(near as u32);
                    }
                }
            }
            std::mem::swap(&mut self.wave, &mut self.next);
        }
    }
}

impl Ground<'_> {
    /// Whether a pixel of the cell is picture.
    fn has(&self, cell: usize) -> bool {
        let (x, y) = (cell % CELLS * CELL, cell / CELLS * CELL);
        let Content {
            left,
            top,
            right,
            bottom,
        } = self.content;
        x + CELL > left && x < right && y + CELL > top && y < bottom
    }

    /// Gives a labelled cell to its region.
    fn take_whole(&mut self, cell: usize) {
        let (x, y) = (cell % CELLS * CELL, cell / CELLS * CELL);
        let label = self.labels[cell];
        let region = &mut self.regions[usize::from(label)];
        region.cover(x, y, x + CELL, y + CELL);
        region.area += (CELL * CELL) as u32;
        self.shares[y / BLOCK * GRID + x / BLOCK].add(label, (CELL * CELL) as u8);
    }
}

/// The eight cells around one, less those beyond the border.
fn neighbours(cell: usize) -> impl Iterator<Item = usize> {
    const AROUND: [(isize, isize); 8] = [
        (0, -1),
        (-1, 0),
        (1, 0),
        (0, 1),
        (-1, -1),
        (1, -1),
        (-1, 1),
        (1, 1),
    ];
    let (column, row) = ((cell % CELLS) as isize, (cell / CELLS) as isize);
    let grid = 0..CELLS as isize;
    AROUND.into_iter().filter_map(move |(dx, dy)| {
        let (x, y) = (column + dx, row + dy);
        let inside = grid.contains(&x) && grid.contains(&y);
        inside.then(|| y as usize * CELLS + x as usize)
    })
}

/// The regions that a cell's pixels may go to, each with its colour nearby.
struct Candidates {
    regions: [(u16, [u8; 3]); SHARES],
    count: usize,
}

impl Candidates {
    /// The regions around a cell; those that share a side with it come first, and give the colour.
    fn around(cell: usize, ground: &Ground<'_>) -> Self {
        let mut candidates = Self {
            regions: [(NONE, [0; 3]); SHARES],
            count: 0,
        };
        for near in neighbours(cell) {
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
    fn divide(&self, cell: usize, ground: &mut Ground<'_>) -> (u16, [u8; 3]) {
        let mut counts = [0u8; SHARES];
        let (left, top) = (cell % CELLS * CELL, cell / CELLS * CELL);
        let block = top / BLOCK * GRID + left / BLOCK;
        let candidates = &self.regions[..self.count];
        let Content {
            left: first_x,
            top: first_y,
            right,
            bottom,
        } = ground.content;
        for y in top.max(first_y)..(top + CELL).min(bottom) {
            for x in left.max(first_x)..(left + CELL).min(right) {
                let at = (y * SIDE + x) * 3;
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
