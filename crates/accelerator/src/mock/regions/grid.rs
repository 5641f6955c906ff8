//! The input in blocks and cells, and how colours differ.

use frame::INPUT_SIDE;
use tensors::PROTOTYPE_SIDE;

/// Pixels per row and column of the input.
pub(super) const SIDE: usize = INPUT_SIDE as usize;
/// Blocks per row and column.
pub(super) const GRID: usize = PROTOTYPE_SIDE;
/// Pixels per row and column of a block.
pub(super) const BLOCK: usize = SIDE / GRID;
/// Pixels per row and column of a cell, a quarter of a block.
pub(super) const CELL: usize = BLOCK / 2;
/// Cells per row and column.
pub(super) const CELLS: usize = SIDE / CELL;
/// The sum over the channels of two colours' absolute differences.
pub(super) fn difference(a: [u8; 3], b: [u8; 3]) -> u16 {
    a.iter()
        .zip(b)
        .map(|(&a, b)| u16::from(a.abs_diff(b)))
        .sum()
}
