//! Which boxes lie over a point: a uniform grid of cells.
//!
//! A box is listed in each cell it touches, and a point asks one cell. The cells are as large as the
//! frame's share of one box, so that the lists together are as long as the boxes are many, times how
//! deep they lie over each other: building and asking are linear in the number of boxes.

use frame::Size;

use crate::shape::Bounds;

/// A grid over a frame. Rebuilt for each frame, in the same buffers.
#[derive(Debug, Default)]
pub(crate) struct Grid {
    side: f32,
    columns: usize,
    rows: usize,
    /// Where each cell's list begins in `members`, and one more.
    starts: Vec<u32>,
    members: Vec<u32>,
}

impl Grid {
    /// Lists the boxes anew, under their place in the iterator.
    pub(crate) fn rebuild(
        &mut self,
        size: Size,
        boxes: impl ExactSizeIterator<Item = Bounds> + Clone,
    ) {
        let share = size.pixels() as f32 / boxes.len().max(16) as f32;
        self.side = share.sqrt().max(8.0);
        self.columns = (size.width as f32 / self.side) as usize + 1;
        self.rows = (size.height as f32 / self.side) as usize + 1;
        self.starts.clear();
        self.starts.resize(self.columns * self.rows + 1, 0);
        for bounds in boxes.clone() {
            self.each_cell(bounds, |starts, _, cell| starts[cell] += 1);
        }
        let mut sum = 0;
        for start in &mut self.starts {
            sum += *start;
            *start = sum;
        }
        self.members.clear();
        self.members.resize(sum as usize, 0);
        // Each cell's list is filled from its end, which leaves its start in `starts`.
        for (place, bounds) in boxes.enumerate() {
            self.each_cell(bounds, |starts, members, cell| {
                starts[cell] -= 1;
                members[starts[cell] as usize] = place as u32;
            });
        }
    }

    /// The boxes that may lie over a point.
    pub(crate) fn around(&self, point: [f32; 2]) -> &[u32] {
        let cell = self.row(point[1]) * self.columns + self.column(point[0]);
        &self.members[self.starts[cell] as usize..self.starts[cell + 1] as usize]
    }

    fn each_cell(&mut self, bounds: Bounds, mut visit: impl FnMut(&mut [u32], &mut [u32], usize)) {
        let columns = self.column(bounds.low[0])..=self.column(bounds.high[0]);
        for row in self.row(bounds.low[1])..=self.row(bounds.high[1]) {
            for column in columns.clone() {
                visit(
                    &mut self.starts,
                    &mut self.members,
                    row * self.columns + column,
                );
            }
        }
    }

    /// Points beyond the frame belong to its outermost cells.
    fn column(&self, x: f32) -> usize {
        ((x / self.side) as usize).min(self.columns - 1)
    }

    fn row(&self, y: f32) -> usize {
        ((y / self.side) as usize).min(self.rows - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_box_over_a_point_is_listed_once(
            boxes in prop::collection::vec((-50.0..400.0_f32, -50.0..300.0_f32, 1.0..200.0_f32, 1.0..200.0_f32), 0..40),
            x in 0.0..320.0_f32, y in 0.0..240.0_f32,
        ) {
            let boxes: Vec<Bounds> = boxes
                .into_iter()
                .map(|(x, y, width, height)| Bounds { low: [x, y], high: [x + width, y + height] })
                .collect();
            let mut grid = Grid::default();
            grid.rebuild(Size::new(320, 240), boxes.iter().copied());
            let found = grid.around([x, y]);
            for (place, bounds) in boxes.iter().enumerate() {
                let times = found.iter().filter(|&&member| member == place as u32).count();
                prop_assert!(times <= 1);
                prop_assert!(times == 1 || !bounds.contains([x, y]));
            }
        }
    }
}
