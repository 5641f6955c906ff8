//! From rows to columns without a bitmap.

use crate::Run;

/// The pixels of a mask that differ from the pixel before them in the line above, as intervals.
///
/// Read by columns, a mask is known from the pixels that differ from the one above them. Those are
/// the columns in which two neighbouring rows differ: intervals between run ends. Put into order
/// by column (a counting sort), they are the ends of the runs by columns. Both steps take time in
/// proportion to the runs and to the length of the borders between lines.
///
/// "Line" is a row when an encoder goes from rows to columns, a column when a decoder goes back.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// Sorted by line, in the buffer's first part.
    changes: Vec<Change>,
    /// How many there are.
    count: usize,
    /// For each position across, from the first that changes, where its changes go in `sorted`.
    offsets: Vec<u32>,
    sorted: Vec<u32>,
}

/// All of `start..end` of a line differ from the line before.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    line: u32,
    start: u16,
    end: u16,
}

impl Changes {
    /// Compares each of `lines` lines with the one before, and the first one with `before`.
    pub(super) fn collect(&mut self, before: &[Run], runs: &[Run], lines: u32) {
        // Each run's two ends count in its own line and in the next.
        let most = 2 * (before.len() + runs.len()) + SPARE_CHANGES;
        if self.changes.len() < most {
            self.changes.resize(most, Change::default());
        }
        let mut pen = Pen {
            changes: &mut self.changes,
            written: 0,
            line: 0,
        };
        let mut previous = before;
        let mut rest = runs;
        while let Some(first) = rest.first() {
            let line = u32::from(first.y);
            if pen.line < line {
                pen.compare(previous, &[]);
                previous = &[];
                pen.line = line;
            }
            let others = rest[1..].iter().take_while(|run| run.y == first.y);
            let length = 1 + others.count();
            let (current, after) = rest.split_at(length);
            pen.compare(previous, current);
            pen.line += 1;
            (previous, rest) = (current, after);
        }
        if pen.line < lines {
            pen.compare(previous, &[]);
        }
        self.count = pen.written;
    }

    fn changes(&self) -> &[Change] {
        &self.changes[..self.count]
    }

    /// How many pixels differ from the one in the line before.
    pub(super) fn pixels(&self) -> u64 {
        let lengths = self
            .changes()
            .iter()
            .map(|change| change.end - change.start);
        lengths.map(u64::from).sum()
    }

    /// What `key` makes of each pixel that differs, given where it is across and its line, in
    /// ascending order of both.
    pub(super) fn sort(&mut self, key: impl Fn(u16, u32) -> u32) -> &[u32] {
        let Some(&Change { start, end, .. }) = self.changes().first() else {
            return &[];
        };
        let all = self.changes().iter();
        let (left, right) = all.fold((start, end), |(left, right), change| {
            (left.min(change.start), right.max(change.end))
        });

        // First by how much the number of changes rises from one position to the next, then
        // those numbers' running sum.
        self.offsets.clear();
        self.offsets.resize(usize::from(right - left) + 1, 0);
        for change in &self.changes[..self.count] {
            let (start, end) = (change.start - left, change.end - left);
            let (rise, fall) = (usize::from(start), usize::from(end));
            self.offsets[rise] = self.offsets[rise].wrapping_add(1);
            self.offsets[fall] = self.offsets[fall].wrapping_sub(1);
        }
        let (mut here, mut total) = (0_u32, 0);
        for offset in &mut self.offsets {
            here = here.wrapping_add(*offset);
            *offset = total;
            total += here;
        }

        let total = total as usize;
        if self.sorted.len() < total {
            self.sorted.resize(total, 0);
        }
        let sorted = &mut self.sorted[..total];
        for &Change { line, start, end } in &self.changes[..self.count] {
            let offsets = &mut self.offsets[usize::from(start - left)..usize::from(end - left)];
            for (offset, across) in offsets.iter_mut().zip(start..end) {
                sorted[*offset as usize] = key(across, line);
                *offset += 1;
            }
        }
        sorted
    }
}

/// Changes that are written, but not counted, behind the last.
const SPARE_CHANGES: usize = 1;

/// Appends intervals, and leaves out empty ones without a branch: whether an outline stays in its
/// column from one line to the next, no branch predictor foresees.
struct Pen<'a> {
    /// With room for all there can be, and [`SPARE_CHANGES`].
    changes: &'a mut [Change],
    written: usize,
    line: u32,
}

impl Pen<'_> {
    /// Appends where a line differs from the previous one.
    #[inline]
    fn compare(&mut self, previous: &[Run], current: &[Run]) {
        if let ([a], [b]) = (previous, current) {
            self.compare_runs(*a, *b);
        } else if previous.is_empty() || current.is_empty() {
            for run in previous.iter().chain(current) {
                self.push(run.start, run.end);
            }
        } else if are_parallel(previous, current) {
            for (a, b) in previous.iter().zip(current) {
                self.compare_runs(*a, *b);
            }
        } else {
            self.compare_any(previous, current);
        }
    }

    /// Two runs differ where one has begun and not the other, and where one has ended and not the
    /// other; or everywhere in both, if they lie apart.
    #[inline]
    fn compare_runs(&mut self, a: Run, b: Run) {
        let (start, end) = (a.start.max(b.start), a.end.min(b.end));
        self.push(a.start.min(b.start), start.min(end));
        self.push(start.max(end), a.end.max(b.end));
    }

    #[cold]
    fn compare_any(&mut self, previous: &[Run], current: &[Run]) {
        // The ends of both lines' runs in ascending order; each one switches between equal and
        // different.
        let (mut a, mut b) = (ends(previous).peekable(), ends(current).peekable());
        let mut start = None;
        loop {
            let end = match (a.peek(), b.peek()) {
                (Some(p), Some(q)) if p <= q => a.next(),
                (Some(_), None) => a.next(),
                _ => b.next(),
            };
            let Some(end) = end else { break };
            match start.take() {
                None => start = Some(end),
                Some(start) => self.push(start, end),
            }
        }
    }

    #[inline]
    fn push(&mut self, start: u16, end: u16) {
        self.changes[self.written] = Change {
            line: self.line,
            start,
            end,
        };
        self.written += usize::from(start < end);
    }
}

/// Whether both lines have as many runs, and each is left of both lines' next ones.
fn are_parallel(a: &[Run], b: &[Run]) -> bool {
    let apart = |a: &[Run], b: &[Run]| a[0].end.max(b[0].end) <= a[1].start.min(b[1].start);
    a.len() == b.len() && a.windows(2).zip(b.windows(2)).all(|(a, b)| apart(a, b))
}

fn ends(runs: &[Run]) -> impl Iterator<Item = u16> {
    runs.iter().flat_map(|run| [run.start, run.end])
}
