//! Regions, and how they share blocks.

use super::grid::BLOCK;

/// Regions that can share a block.
pub(super) const SHARES: usize = 4;
/// Marks a cell without region.
pub(super) const NONE: u16 = u16::MAX;

/// A region of like colour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::mock) struct Region {
    /// Its pixels' extent in the input: left, top, right, bottom, half-open.
    pub extent: [u16; 4],
    /// Its pixels.
    pub area: u32,
}

impl Region {
    pub(super) const EMPTY: Self = Self {
        extent: [u16::MAX, u16::MAX, 0, 0],
        area: 0,
    };

    pub(super) fn cover(&mut self, x1: usize, y1: usize, x2: usize, y2: usize) {
        let [left, top, right, bottom] = &mut self.extent;
        *left = (*left).min(x1 as u16);
        *top = (*top).min(y1 as u16);
        *right = (*right).max(x2 as u16);
        *bottom = (*bottom).max(y2 as u16);
    }
}

/// Which regions share a block, and how many of its 16 pixels each has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::mock) struct Shares {
    regions: [u16; SHARES],
    pixels: [u8; SHARES],
}

impl Shares {
    /// Region and share (0 to 1) of each region in the block.
    pub(in crate::mock) fn iter(&self) -> impl Iterator<Item = (usize, f32)> {
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

    pub(super) fn add(&mut self, region: u16, count: u8) {
        for (known, pixels) in self.regions.iter_mut().zip(&mut self.pixels) {
            if *pixels == 0 || *known == region {
                *known = region;
                *pixels += count;
                return;
            }
        }
    }
}
