//! Repairs of masks: gaps closed, spurs opened, islands removed, holes filled.

mod morphology;

use crate::component::Labeler;
use crate::{Connectivity, Mask};
use morphology::Morphology;

/// Which repairs a mask gets, in the order of the fields. The default is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleanup {
    /// Closes gaps narrower than this many pixels: the side of a square kernel, odd, as an even
    /// one would shift the mask (it is taken as one less). 0 or 1: off.
    pub close: u32,
    /// Opens: removes what is thinner than this many pixels. As for `close`.
    pub open: u32,
    /// Removes islands (8-connected) of fewer pixels, never the largest. 0: off.
    pub min_island: u32,
    /// Fills holes (4-connected) of at most so many pixels. 0: off.
    pub max_hole: u32,
}

/// Cleans masks up, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Cleaner {
    morphology: Morphology,
    labeler: Labeler,
}

impl Cleaner {
    /// A cleaner; its buffers grow with the first masks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Repairs `mask` in place. Takes time in proportion to its runs, and to the logarithm of the
    /// kernels' sides.
    pub fn apply(&mut self, cleanup: &Cleanup, mask: &mut Mask) {
        let (close, open) = (cleanup.close / 2, cleanup.open / 2);
        if (close > 0 || open > 0) && !mask.is_empty() {
            self.morphology.load(mask);
            self.morphology.dilate(close);
            self.morphology.erode(close + open);
            self.morphology.dilate(open);
            self.morphology.store(mask);
        }
        if cleanup.min_island > 1 {
            self.remove_islands(cleanup.min_island, mask);
        }
        if cleanup.max_hole > 0 {
            self.fill_holes(cleanup.max_hole, mask);
        }
    }

    fn remove_islands(&mut self, min_area: u32, mask: &mut Mask) {
        self.labeler.label(mask, Connectivity::Eight);
        let components = self.labeler.components();
        // Of several largest ones the first stays.
        let largest = (0..components.len())
            .rev()
            .max_by_key(|&i| components[i].area);
        let keep = |label| Some(label) == largest || components[label].area >= min_area;
        let mut labels = self.labeler.labels();
        mask.runs_mut().retain(|_| labels.next().is_none_or(keep));
    }

    fn fill_holes(&mut self, max_area: u32, mask: &mut Mask) {
        self.labeler.holes(mask);
        let mut holes = self.labeler.hole_of_each_gap();
        mask.runs_mut().dedup_by(|run, previous| {
            let fill = run.y == previous.y
                && holes
                    .next()
                    .flatten()
                    .is_some_and(|hole| hole.area <= max_area);
            if fill {
                previous.end = run.end;
            }
            fill
        });
    }
}

#[cfg(test)]
mod tests;
