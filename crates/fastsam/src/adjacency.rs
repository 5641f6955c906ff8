//! Which runs of neighbouring rows touch, the relation that components and contours are made of.

use crate::Run;

/// Which neighbours of a pixel belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// Those that share a side.
    Four,
    /// Those that share a side or a corner.
    Eight,
}

/// Calls `touch(i, j)` for each pair of touching runs, `runs[j]` in the row below `runs[i]`. For
/// a fixed `i` the calls come with rising `j`, for a fixed `j` with rising `i`.
///
/// `runs` are sorted as in a [`Mask`](crate::Mask). Takes time in proportion to their number.
#[inline]
pub(crate) fn for_each_touching(
    runs: &[Run],
    connectivity: Connectivity,
    mut touch: impl FnMut(usize, usize),
) {
    // By how far a run reaches beyond its ends in the next row.
    let reach = match connectivity {
        Connectivity::Four => 0,
        Connectivity::Eight => 1,
    };
    let mut upper = 0..0;
    for row in runs.chunk_by(|a, b| a.y == b.y) {
        let lower = upper.end..upper.end + row.len();
        let (mut i, mut j) = (upper.start, lower.start);
        if i < upper.end && runs[i].y + 1 < runs[j].y {
            i = upper.end;
        }
        while i < upper.end && j < lower.end {
            let (above, below) = (runs[i], runs[j]);
            let (above_end, below_end) = (u32::from(above.end), u32::from(below.end));
            if u32::from(above.start) < below_end + reach
                && u32::from(below.start) < above_end + reach
            {
                touch(i, j);
            }
            // The one that ends first touches nothing further; where both end in the same
            // column, the next of either row begins at least two columns on.
            i += usize::from(above_end <= below_end);
            j += usize::from(below_end <= above_end);
        }
        upper = lower;
    }
}
