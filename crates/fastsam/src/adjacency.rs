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

/// Calls `touch(i, j)` for each pair of touching items, `items[j]` below `items[i]`, with rising `j`,
/// and for each `j` with rising `i`.
///
/// Items are runs, or runs below each other that nothing lies beside; `ends` says which run is an
/// item's topmost, and which its bottommost. They are sorted by the first as in a
/// [`Mask`](crate::Mask). Takes time in proportion to their number.
#[inline]
pub(crate) fn for_each_touching<T>(
    items: &[T],
    ends: impl Fn(&T) -> [Run; 2],
    connectivity: Connectivity,
    mut touch: impl FnMut(usize, usize),
) {
    // By how far a run reaches beyond its ends in the next row.
    let reach = match connectivity {
        Connectivity::Four => 0,
        Connectivity::Eight => 1,
    };
    let bottom = |i: usize| ends(&items[i])[1];
    // Items that end in the row above, from the first that may touch this one or a later one.
    let (mut above, mut above_end) = (0, 0);
    // The row that is being gone through, and its first item.
    let (mut row, mut row_start) = (0, 0);
    for (j, item) in items.iter().enumerate() {
        let [top, _] = ends(item);
        if top.y != row || j == 0 {
            let follows = j > 0 && u32::from(bottom(row_start).y) + 1 == u32::from(top.y);
            above = if follows { row_start } else { j };
            above_end = j;
            (row, row_start) = (top.y, j);
        }
        let (start, end) = (i32::from(top.start) - reach, i32::from(top.end) + reach);
        while above < above_end && i32::from(bottom(above).end) <= start {
            above += 1;
        }
        let mut i = above;
        while i < above_end && i32::from(bottom(i).start) < end {
            touch(i, j);
            i += 1;
        }
        // The last one may touch the next item of the row, too.
        above = above.max(i.saturating_sub(1));
    }
}
