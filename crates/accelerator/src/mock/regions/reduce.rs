//! Step 1: from pixels to blocks and cells with a mean colour, and whether they are *pure*.
//!
//! Padding (rows and columns at the border that are exactly the letterbox's grey) is cut off first:
//! it belongs to no region.

use frame::PAD_VALUE;

use super::grid::{BLOCK, CELL, Grid, difference};

/// A block is pure while the ranges of its channels sum up to no more than this: the texture of a
/// surface, not the step between two.
const PURE_BLOCK: u16 = 72;
/// The same for a cell. Half as wide, it sees half of a slope; where a picture was scaled up, edges
/// are slopes, and the cells on them must not pass for surfaces.
const PURE_CELL: u16 = 44;

/// A block of 4 x 4 pixels or a cell of 2 x 2.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patch {
    pub mean: [u8; 3],
    /// Without an edge inside, and wholly inside the picture.
    pub pure: bool,
}

/// Pixels of the input that are picture, not padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

/// The input, reduced.
#[derive(Debug)]
pub(super) struct Reduced {
    pub grid: Grid,
    pub content: Content,
    /// Row-major.
    pub blocks: Vec<Patch>,
    /// Row-major; the cells of a pure block are like it.
    pub cells: Vec<Patch>,
    /// Of one row of blocks, over its four rows of pixels, for each byte of a row.
    sums: Vec<u16>,
    least: Vec<u8>,
    most: Vec<u8>,
}

impl Reduced {
    /// For inputs of this grid.
    pub(super) fn new(grid: Grid) -> Self {
        Self {
            grid,
            content: Content::default(),
            blocks: Vec::with_capacity(grid.blocks()),
            cells: vec![Patch::default(); grid.cells()],
            sums: vec![0; grid.row_bytes()],
            least: vec![0; grid.row_bytes()],
            most: vec![0; grid.row_bytes()],
        }
    }

    /// Reduces `input`, which has the grid's size; `false` where all of it is padding.
    pub(super) fn reduce(&mut self, input: &[u8]) -> bool {
        let Some(content) = content(input, self.grid) else {
            return false;
        };
        self.content = content;
        self.reduce_blocks(input);
        self.reduce_cells(input);
        true
    }

    fn reduce_blocks(&mut self, input: &[u8]) {
        let Self {
            grid,
            content,
            blocks,
            sums,
            least,
            most,
            ..
        } = self;
        let stride = grid.row_bytes();
        blocks.clear();
        for (row, rows) in input.chunks_exact(stride * BLOCK).enumerate() {
            sums.fill(0);
            least.fill(255);
            most.fill(0);
            for line in rows.chunks_exact(stride) {
                for (((sum, low), high), &value) in
                    sums.iter_mut().zip(&mut *least).zip(&mut *most).zip(line)
                {
                    *sum += u16::from(value);
                    *low = (*low).min(value);
                    *high = (*high).max(value);
                }
            }
            let columns = sums
                .chunks_exact(3 * BLOCK)
                .zip(least.chunks_exact(3 * BLOCK))
                .zip(most.chunks_exact(3 * BLOCK));
            for (column, ((sums, least), most)) in columns.enumerate() {
                let mut mean = [0; 3];
                let mut range = 0;
                for (channel, mean) in mean.iter_mut().enumerate() {
                    let at = |i: usize| i * 3 + channel;
                    let sum = sums[at(0)] + sums[at(1)] + sums[at(2)] + sums[at(3)];
                    let low = least[at(0)]
                        .min(least[at(1)])
                        .min(least[at(2)])
                        .min(least[at(3)]);
                    let high = most[at(0)]
                        .max(most[at(1)])
                        .max(most[at(2)])
                        .max(most[at(3)]);
                    *mean = (sum / (BLOCK * BLOCK) as u16) as u8;
                    range += u16::from(high - low);
                }
                let whole = content.holds(column * BLOCK, row * BLOCK, BLOCK);
                let pure = whole && range <= PURE_BLOCK;
                blocks.push(Patch { mean, pure });
            }
        }
    }

    fn reduce_cells(&mut self, input: &[u8]) {
        let (stride, columns) = (self.grid.row_bytes(), self.grid.cell_columns());
        for (row, blocks) in self.blocks.chunks_exact(self.grid.columns).enumerate() {
            for (column, &block) in blocks.iter().enumerate() {
                for y in 2 * row..2 * row + 2 {
                    for x in 2 * column..2 * column + 2 {
                        self.cells[y * columns + x] = if block.pure {
                            block
                        } else {
                            let whole = self.content.holds(x * CELL, y * CELL, CELL);
                            let (mean, range) = cell(input, stride, x, y);
                            let pure = whole && range <= PURE_CELL;
                            Patch { mean, pure }
                        };
                    }
                }
            }
        }
    }
}

impl Content {
    /// Whether a square of pixels lies inside.
    fn holds(&self, x: usize, y: usize, side: usize) -> bool {
        x >= self.left && x + side <= self.right && y >= self.top && y + side <= self.bottom
    }
}

/// Mean, and sum of the channels' ranges, of four pixels.
fn cell(input: &[u8], stride: usize, x: usize, y: usize) -> ([u8; 3], u16) {
    let pixel = |dx: usize, dy: usize| {
        let at = (y * CELL + dy) * stride + (x * CELL + dx) * 3;
        [input[at], input[at + 1], input[at + 2]]
    };
    let pixels = [pixel(0, 0), pixel(1, 0), pixel(0, 1), pixel(1, 1)];
    let of = |channel: usize| pixels.map(|pixel| pixel[channel]);
    let (mut low, mut high) = (pixels[0], pixels[0]);
    for pixel in pixels {
        for channel in 0..3 {
            low[channel] = low[channel].min(pixel[channel]);
            high[channel] = high[channel].max(pixel[channel]);
        }
    }
    let mean = [0, 1, 2].map(|channel| (of(channel).map(u16::from).iter().sum::<u16>() / 4) as u8);
    (mean, difference(low, high))
}

/// The picture inside the padding; `None` where all is padding.
fn content(input: &[u8], grid: Grid) -> Option<Content> {
    let (width, height, stride) = (grid.width(), grid.height(), grid.row_bytes());
    let is_pad_row = |y: usize| {
        input[y * stride..(y + 1) * stride]
            .iter()
            .all(|&value| value == PAD_VALUE)
    };
    let top = (0..height).find(|&y| !is_pad_row(y))?;
    let bottom = (0..height).rfind(|&y| !is_pad_row(y))? + 1;
    let is_pad_column = |x: usize| {
        (top..bottom).all(|y| {
            let at = y * stride + x * 3;
            input[at..at + 3] == [PAD_VALUE; 3]
        })
    };
    let left = (0..width).find(|&x| !is_pad_column(x))?;
    let right = (0..width).rfind(|&x| !is_pad_column(x))? + 1;
    Some(Content {
        left,
        top,
        right,
        bottom,
    })
}
