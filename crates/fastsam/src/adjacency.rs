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

/// Calls `touch(i, j)` for each pair of touching runs, `runs[j]` in the row below `runs[i]`, with
/// rising `j`, and for each `j` with rising `i`.
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
    // Runs of the row above, from the first that may touch this run or a later one of its row.
    let (mut above, mut above_end) = (0, 0);
    // The row that is being gone through, and its first run.
    let (mut row, mut row_start) = (0, 0);
    for (j, lower) in runs.iter().enumerate() {
        if lower.y != row || j == 0 {
            let follows = u32::from(lower.y) == u32::from(row) + 1;
            above = if follows { row_start } else { j };
            above_end = j;
            (row, row_start) = (lower.y, j);
        }
        let (start, end) = (i32::from(lower.start) - reach, i32::from(lower.end) + reach);
        let row_above = &runs[..above_end];
        while row_above
            .get(above)
            .is_some_and(|run| i32::from(run.end) <= start)
        {
            above += 1;
        }
        let mut i = above;
        while row_above
            .get(i)
            .is_some_and(|run| i32::from(run.start) < end)
        {
            touch(i, j);
            i += 1;
        }
        // The last one may touch the next run of the row, too.
        above = above.max(i.saturating_sub(1));
    }
}
