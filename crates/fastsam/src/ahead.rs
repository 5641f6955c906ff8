//! Asking for memory before it is needed.
//!
//! Tensors are what an accelerator has just written: no cache holds them. A read that nothing depends on makes the
//! processor fetch a line while it goes on with other work, and it has many such reads under way at once; work that
//! goes on from one line to the next waits for each. What is read here is thrown away.

use std::{hint::black_box, ops::Range};

use tensors::{Elements, TensorView};

/// Bytes that come from memory together, on every processor that this is for.
const LINE_BYTES: usize = 64;

/// Asks for these cells' channels.
pub(crate) fn ask_for<'a, const CHANNELS: usize>(
    cells: impl Iterator<Item = (TensorView<'a>, usize)>,
) {
    let mut seen = 0;
    for (view, cell) in cells {
        seen ^= of_each_line(view, cell * CHANNELS..(cell + 1) * CHANNELS);
    }
    black_box(seen);
}

/// Something that depends on every cache line in which these elements lie.
fn of_each_line(view: TensorView<'_>, place: Range<usize>) -> u32 {
    match view.elements {
        Elements::U8(q) => read(&q[place]),
        Elements::U16(q) => read(&q[place]),
    }
}

fn read<Q: Copy + Into<u32>>(elements: &[Q]) -> u32 {
    let lines = elements.iter().step_by(LINE_BYTES / size_of::<Q>());
    // The last one may lie in a line of its own.
    let lines = lines.chain(elements.last());
    lines.fold(0, |seen, &q| seen ^ q.into())
}
