//! From rows to columns without a bitmap.

use fearless_simd::{prelude::*, u32x4};

use crate::Run;

/// The pixels of a mask that differ from the pixel before them in the line above, by where they lie
/// across.
///
/// Read by columns, a mask is known from the pixels that differ from the one above them. Those are
/// the columns in which two neighbouring rows differ: intervals between run ends. Put into order
/// by column, they are the ends of the runs by columns. Takes time in proportion to the runs and to
/// the length of the borders between lines.
///
/// Most columns have two, where a thing begins and where it ends: the first few of each have their
/// places, and what is beyond is kept apart.
///
/// "Line" is a row when an encoder goes from rows to columns, a column when a decoder goes back.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// By position across.
    columns: Vec<Column>,
    /// Position and line of those without a place, in ascending order of the lines.
    others: Vec<[u16; 2]>,
    sorted: Vec<u32>,
}

/// The differing pixels of one position.
#[derive(Clone, Copy, Debug, Default)]
struct Column {
    /// How many; 0 between masks.
    count: u32,
    /// The lines of the first ones, in ascending order.
    lines: [u32; PLACES],
}

/// Differing pixels of a position that have their places: as many as one instruction moves.
const PLACES: usize = 4;

impl Changes {
    /// What `key` makes of each pixel that differs, given where it is across and its line, in
    /// ascending order of both.
    ///
    /// Compares each of `lines` lines with the one before, and the first one with `before`. Runs
    /// end at `across`, and lines at 65536, at most.
    #[inline(always)]
    pub(super) fn sort<S: Simd>(
        &mut self,
        simd: S,
        before: &[Run],
        runs: &[Run],
        [across, lines]: [u32; 2],
        length: u32,
    ) -> &[u32] {
        let across = across as usize;
        if self.columns.len() < across {
            self.columns.resize(across, Column::default());
        }
        self.others.clear();
        let mut pen = Pen {
            columns: &mut self.columns[..across],
            others: &mut self.others,
            left: across,
            right: 0,
            pixels: 0,
        };
        compare_lines(before, runs, lines, &mut pen);
        let Pen {
            left,
            right,
            pixels,
            ..
        } = pen;
        if left >= right {
            return &[];
        }
        if self.sorted.len() < pixels + PLACES {
            self.sorted.resize(pixels + PLACES, 0);
        }

        let all_have_places = self.others.is_empty();
        let mut written = 0;
        for (column, position) in self.columns[left..right].iter_mut().zip(left as u32..) {
            // All places at once: what is not one of these is overwritten by the next.
            let lines = u32x4::load_array_ref(simd, &column.lines);
            (lines + position * length).store_slice(&mut self.sorted[written..written + PLACES]);
            let next = if all_have_places { 0 } else { written + PLACES };
            written += column.count as usize;
            column.count = next as u32;
        }
        if !all_have_places {
            for &[position, line] in &self.others {
                let next = &mut self.columns[usize::from(position)].count;
                self.sorted[*next as usize] = u32::from(position) * length + u32::from(line);
                *next += 1;
            }
            for column in &mut self.columns[left..right] {
                column.count = 0;
            }
        }
        &self.sorted[..pixels]
    }
}

/// How many pixels [`Changes::sort`] will find.
pub(super) fn differing_pixels(runs: &[Run], lines: u32) -> u64 {
    let mut pixels = Pixels(0);
    compare_lines(&[], runs, lines, &mut pixels);
    pixels.0
}

/// Takes the intervals in which a line differs from the one before.
trait Differences {
    /// From `start` to before `end`, not if they are the same.
    fn push(&mut self, line: u32, start: u16, end: u16);
}

/// Counts them.
struct Pixels(u64);

impl Differences for Pixels {
    fn push(&mut self, _line: u32, start: u16, end: u16) {
        self.0 += u64::from(end - start);
    }
}

/// Writes them down by position.
struct Pen<'a> {
    columns: &'a mut [Column],
    others: &'a mut Vec<[u16; 2]>,
    /// The first position written to, the one behind the last, and how many pixels there are.
    left: usize,
    right: usize,
    pixels: usize,
}

impl Differences for Pen<'_> {
    #[inline(always)]
    fn push(&mut self, line: u32, start: u16, end: u16) {
        if start >= end {
            return;
        }
        let (first, behind) = (usize::from(start), usize::from(end));
        self.left = self.left.min(first);
        self.right = self.right.max(behind);
        self.pixels += behind - first;
        for (column, position) in self.columns[first..behind].iter_mut().zip(start..) {
            match column.lines.get_mut(column.count as usize) {
                Some(place) => *place = line,
                None => self.others.push([position, line as u16]),
            }
            column.count += 1;
        }
    }
}

/// Compares each of `lines` lines with the one before, and the first one with `before`.
#[inline(always)]
fn compare_lines(before: &[Run], runs: &[Run], lines: u32, to: &mut impl Differences) {
    let mut line = 0;
    let mut previous = before;
    let mut rest = runs;
    while let Some(first) = rest.first() {
        if line < u32::from(first.y) {
            compare(line, previous, &[], to);
            previous = &[];
            line = u32::from(first.y);
        }
        let others = rest[1..].iter().take_while(|run| run.y == first.y);
        let length = 1 + others.count();
        compare(line, previous, &rest[..length], to);
        line += 1;
        // Most lines have one run and follow another such.
        if length == 1 {
            while let Some([a, b, c]) = rest.first_chunk()
                && u32::from(b.y) == line
                && c.y != b.y
            {
                compare_runs(line, *a, *b, to);
                line += 1;
                rest = &rest[1..];
            }
        }
        (previous, rest) = rest.split_at(length);
    }
    if line < lines {
        compare(line, previous, &[], to);
    }
}

/// Hands on where a line differs from the previous one.
#[inline(always)]
fn compare(line: u32, previous: &[Run], current: &[Run], to: &mut impl Differences) {
    if previous.is_empty() || current.is_empty() {
        for run in previous.iter().chain(current) {
            to.push(line, run.start, run.end);
        }
    } else if are_parallel(previous, current) {
        for (a, b) in previous.iter().zip(current) {
            compare_runs(line, *a, *b, to);
        }
    } else {
        compare_any(line, previous, current, to);
    }
}

/// Two runs differ where one has begun and not the other, and where one has ended and not the
/// other; or everywhere in both, if they lie apart.
#[inline(always)]
fn compare_runs(line: u32, a: Run, b: Run, to: &mut impl Differences) {
    let (start, end) = (a.start.max(b.start), a.end.min(b.end));
    to.push(line, a.start.min(b.start), start.min(end));
    to.push(line, start.max(end), a.end.max(b.end));
}

#[cold]
fn compare_any(line: u32, previous: &[Run], current: &[Run], to: &mut impl Differences) {
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
            Some(start) => to.push(line, start, end),
        }
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
