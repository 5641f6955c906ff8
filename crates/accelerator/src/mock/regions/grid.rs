//! The input in blocks and cells, and how colours differ.

use frame::InputSize;

/// Pixels per row and column of a block; blocks are the prototypes' grid.
pub(super) const BLOCK: usize = tensors::PROTOTYPE_STRIDE;
/// Pixels per row and column of a cell, a quarter of a block.
pub(super) const CELL: usize = BLOCK / 2;

/// How many blocks and cells there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grid {
    /// Blocks per row.
    pub columns: usize,
    /// Blocks per column.
    pub rows: usize,
}

impl Grid {
    pub(super) const fn of(input: InputSize) -> Self {
        let blocks = tensors::Grid::of_prototypes(input);
        Self {
            columns: blocks.columns,
            rows: blocks.rows,
        }
    }

    pub(super) const fn blocks(self) -> usize {
        self.columns * self.rows
    }

    /// Cells per row.
    pub(super) const fn cell_columns(self) -> usize {
        self.columns * (BLOCK / CELL)
    }

    /// Cells per column.
    pub(super) const fn cell_rows(self) -> usize {
        self.rows * (BLOCK / CELL)
    }

    pub(super) const fn cells(self) -> usize {
        self.cell_columns() * self.cell_rows()
    }

    /// Pixels per row.
    pub(super) const fn width(self) -> usize {
        self.columns * BLOCK
    }

    /// Pixels per column.
    pub(super) const fn height(self) -> usize {
        self.rows * BLOCK
    }

    /// Bytes of a row of pixels.
    pub(super) const fn row_bytes(self) -> usize {
        self.width() * 3
    }

    /// The place of a cell's block.
    pub(super) const fn block_of(self, cell: Cell) -> usize {
        let (x, y) = (cell.x as usize, cell.y as usize);
        y / 2 * self.columns + x / 2
    }

    /// The place of a cell.
    pub(super) const fn index(self, cell: Cell) -> usize {
        cell.y as usize * self.cell_columns() + cell.x as usize
    }

    /// Cells per row and per column, to count cells' columns and rows.
    pub(super) const fn cell_sides(self) -> (u16, u16) {
        (self.cell_columns() as u16, self.cell_rows() as u16)
    }
}

/// Column and row of a cell. Kept apart: to divide a place by a number of columns that is not known
/// beforehand takes longer than most of what is done with a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub x: u16,
    pub y: u16,
}

impl Cell {
    /// All cells of the block that begins with this one, row by row.
    pub(super) const fn block(self) -> [Self; 4] {
        let Self { x, y } = self;
        let (right, below) = (x + 1, y + 1);
        [
            self,
            Self { x: right, y },
            Self { x, y: below },
            Self { x: right, y: below },
        ]
    }

    /// Its first pixel.
    pub(super) const fn corner(self) -> (usize, usize) {
        (self.x as usize * CELL, self.y as usize * CELL)
    }
}

/// The sum over the channels of two colours' absolute differences.
pub(super) fn difference(a: [u8; 3], b: [u8; 3]) -> u16 {
    a.iter()
        .zip(b)
        .map(|(&a, b)| u16::from(a.abs_diff(b)))
        .sum()
}
