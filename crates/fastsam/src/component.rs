//! Connected components and holes of masks, found over runs.
//!
//! Runs are united where they touch (union-find with path halving: R. E. Tarjan, J. van Leeuwen,
//! "Worst-case analysis of set union algorithms", J. ACM 31, 1984), so that the time taken is
//! practically that of looking at each run once. Holes are components of the gaps between runs:
//! with 8-connected foreground the background is 4-connected, and a hole is a part of it from
//! which no way leads out of the mask. Background shut in between foreground and the border of
//! the picture is no hole.

use frame::PixelRect;

use crate::adjacency::{Connectivity, for_each_touching};
use crate::{Mask, Run};

/// One connected component, or one hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Pixels in it.
    pub area: u32,
    /// The smallest box around it, in pixels of the mask.
    pub bbox: PixelRect,
}

/// Finds components and holes, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Labeler {
    /// Union-find forest; a parent's index is never above its child's.
    parents: Vec<u32>,
    /// Whether a run of background is part of the outside. All false for foreground.
    outside: Vec<bool>,
    labels: Vec<Option<u32>>,
    components: Vec<Component>,
    gaps: Vec<Run>,
    /// For each row with foreground, the run from its first to its last foreground pixel.
    hulls: Vec<Run>,
}

impl Labeler {
    /// A labeler; its buffers grow with the first masks.
    pub fn new() -> Self {
        Self::default()
    }

    /// The mask's components, in the order of their first pixels, row by row.
    pub fn label(&mut self, mask: &Mask, connectivity: Connectivity) -> &[Component] {
        self.unite(mask.runs(), connectivity);
        self.number(mask.runs());
        &self.components
    }

    /// What the last call of [`Labeler::label`] or [`Labeler::holes`] found.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    /// For each run given to [`Labeler::label`], the index of its component.
    pub fn labels(&self) -> impl Iterator<Item = usize> {
        self.labels.iter().flatten().map(|&label| label as usize)
    }

    /// The mask's holes, in the order of their first pixels, row by row.
    pub fn holes(&mut self, mask: &Mask) -> &[Component] {
        self.find_gaps(mask.runs());
        let gaps = std::mem::take(&mut self.gaps);
        self.unite(&gaps, Connectivity::Four);
        self.mark_outside(&gaps);
        self.number(&gaps);
        self.gaps = gaps;
        &self.components
    }

    /// For each gap between two runs of a row of the mask given to [`Labeler::holes`], the hole
    /// it is part of, if any.
    pub(crate) fn hole_of_each_gap(&self) -> impl Iterator<Item = Option<Component>> {
        let hole = |&label: &Option<u32>| label.map(|label| self.components[label as usize]);
        self.labels.iter().map(hole)
    }

    /// Builds the forest; in the end every parent is a root, its component's first run.
    fn unite(&mut self, runs: &[Run], connectivity: Connectivity) {
        let parents = &mut self.parents;
        parents.clear();
        parents.extend(0..runs.len() as u32);
        for_each_touching(
            runs,
            |&run| [run; 2],
            connectivity,
            |i, j| {
                let (a, b) = (root(parents, i as u32), root(parents, j as u32));
                parents[a.max(b) as usize] = a.min(b);
            },
        );
        for i in 0..parents.len() {
            parents[i] = parents[parents[i] as usize];
        }
        self.outside.clear();
        self.outside.resize(runs.len(), false);
    }

    /// Numbers the components that aren't outside, and measures them.
    fn number(&mut self, runs: &[Run]) {
        self.labels.clear();
        self.components.clear();
        for (i, run) in runs.iter().enumerate() {
            let root = self.parents[i] as usize;
            let label = if root < i {
                self.labels[root]
            } else if self.outside[i] {
                None
            } else {
                self.components.push(Component {
                    area: 0,
                    bbox: PixelRect {
                        x: u32::from(run.start),
                        y: u32::from(run.y),
                        width: 0,
                        height: 0,
                    },
                });
                Some(self.components.len() as u32 - 1)
            };
            self.labels.push(label);
            if let Some(label) = label {
                self.components[label as usize].add(*run);
            }
        }
    }

    fn find_gaps(&mut self, runs: &[Run]) {
        self.gaps.clear();
        self.hulls.clear();
        for &run in runs {
            match self.hulls.last_mut().filter(|hull| hull.y == run.y) {
                Some(hull) => {
                    self.gaps.push(Run {
                        y: run.y,
                        start: hull.end,
                        end: run.start,
                    });
                    hull.end = run.end;
                }
                None => self.hulls.push(run),
            }
        }
    }

    /// Marks the roots of components of which a gap has background above or below that reaches
    /// the end of its row.
    fn mark_outside(&mut self, gaps: &[Run]) {
        let mut row = 0;
        for (i, gap) in gaps.iter().enumerate() {
            while self.hulls[row].y < gap.y {
                row += 1;
            }
            let covers = |hull: Option<&Run>| {
                hull.is_some_and(|hull| {
                    hull.y.abs_diff(gap.y) == 1 && hull.start <= gap.start && gap.end <= hull.end
                })
            };
            let above = row.checked_sub(1).and_then(|above| self.hulls.get(above));
            if !(covers(above) && covers(self.hulls.get(row + 1))) {
                self.outside[self.parents[i] as usize] = true;
            }
        }
    }
}

impl Component {
    /// Takes in another run, which isn't above the others.
    fn add(&mut self, run: Run) {
        self.area += run.length();
        let bbox = &mut self.bbox;
        let right = (bbox.x + bbox.width).max(u32::from(run.end));
        bbox.x = bbox.x.min(u32::from(run.start));
        bbox.width = right - bbox.x;
        bbox.height = u32::from(run.y) - bbox.y + 1;
    }
}

fn root(parents: &mut [u32], mut i: u32) -> u32 {
    while parents[i as usize] != i {
        let grandparent = parents[parents[i as usize] as usize];
        parents[i as usize] = grandparent;
        i = grandparent;
    }
    i
}

#[cfg(test)]
mod tests;
