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
    // Places in reading order, so that one comparison tells rows apart, too.
    const ROW: i64 = 1 << 16;
    let place = |y: u16, x: u16| (i64::from(y) * ROW) | i64::from(x);
    // The first run that may touch this one or a later one.
    let mut first = 0;
    for (j, lower) in runs.iter().enumerate() {
        let start = place(lower.y, lower.start) - ROW - reach;
        let end = place(lower.y, lower.end) - ROW + reach;
        while place(runs[first].y, runs[first].end) <= start {
            first += 1;
        }
        let mut i = first;
        while place(runs[i].y, runs[i].start) < end {
            touch(i, j);
            i += 1;
        }
        // The last one may touch the next run of the row, too.
        first = first.max(i.saturating_sub(1));
    }
}
