//! Outer borders of masks, walked over run ends.
//!
//! The answer is that of border following (S. Suzuki, K. Abe, "Topological structural analysis of
//! digitized binary images by border following", CVGIP 30, 1985) as OpenCV gives it for
//! `RETR_EXTERNAL` and `CHAIN_APPROX_SIMPLE`: for each 8-connected component that is not inside
//! another's hole, the closed chain of border pixels, counter-clockwise as seen in the picture,
//! from the leftmost pixel of its top row, with only those pixels kept at which the direction
//! changes; the component whose top row's pixel comes last in the picture comes first.
//!
//! No pixel is looked at. A border passes down the left ends and up the right ends of runs, and
//! between two ends the way is known from the runs that touch in neighbouring rows:
//!
//! ```text
//! down, from the left end of a run:              up is the same, turned by half a turn
//!   nothing touches it below    along its bottom to its own right end
//!   the first touching run      along that one's top to the right end of the run before this
//!     also touches the run      one, up into the gap's left side
//!     before this one
//!   otherwise                   to the left end of the first touching run
//! ```
//!
//! Each end has one successor, so ends form closed borders, and each is walked once. Where rows
//! have a single run each, and each touches the one above, the way is known beforehand: such
//! *stems*, most of nearly every mask, are linked and walked as one.

use frame::PixelRect;

use crate::adjacency::{Connectivity, for_each_touching};
use crate::{Mask, Run};

/// Outer borders of a mask's components, as pixel-centre chains (OpenCV's `RETR_EXTERNAL` with
/// `CHAIN_APPROX_SIMPLE`). One buffer for all chains, so that refilling allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contours {
    points: Vec<[u16; 2]>,
    /// Where each chain ends in `points`.
    ends: Vec<u32>,
}

impl Contours {
    /// Number of chains.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The chains, each a closed ring of `[x, y]` pixels.
    pub fn iter(&self) -> impl Iterator<Item = &[[u16; 2]]> {
        self.ends.iter().enumerate().map(|(i, &end)| {
            let start = if i == 0 { 0 } else { self.ends[i - 1] };
            &self.points[start as usize..end as usize]
        })
    }

    /// Forgets all chains, keeps the buffers.
    pub fn clear(&mut self) {
        self.points.clear();
        self.ends.clear();
    }
}

/// Traces the outer borders of masks, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Tracer {
    stems: Vec<Stem>,
    /// For each stem, what it touches.
    links: Vec<Links>,
    /// Chains as they are found, in the buffer's first part.
    points: Vec<[u16; 2]>,
    /// Where each of them ends.
    ends: Vec<u32>,
}

/// Runs below each other, each alone in its row and touching the next; or a single run.
#[derive(Clone, Copy, Debug)]
struct Stem {
    first: u32,
    last: u32,
}

impl Stem {
    fn top(self, runs: &[Run]) -> Run {
        runs[self.first as usize]
    }

    fn bottom(self, runs: &[Run]) -> Run {
        runs[self.last as usize]
    }

    fn runs(self, runs: &[Run]) -> &[Run] {
        &runs[self.first as usize..=self.last as usize]
    }
}

/// What a stem touches.
#[derive(Clone, Copy, Debug)]
struct Links {
    /// The first touching stem below, or [`NONE`]. With [`SHARED`], the stem before this one
    /// touches that, too.
    below: u32,
    /// The last touching stem above, or [`NONE`]. With [`SHARED`], the stem behind this one
    /// touches that, too.
    above: u32,
    /// Whether the left ends lie on a border already traced.
    left_traced: bool,
    /// Whether the right ends do.
    right_traced: bool,
}

/// Set in links that the neighbour in the row has, too. No mask has so many runs that an index
/// would need this bit.
const SHARED: u32 = 1 << 31;
const NONE: u32 = u32::MAX;

impl Tracer {
    /// A tracer; its buffers grow with the first masks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `contours` by the outer borders of `mask`, in pixels of the mask. Takes time in
    /// proportion to the number of runs.
    pub fn trace(&mut self, mask: &Mask, contours: &mut Contours) {
        let runs = mask.runs();
        self.find_stems(runs);
        self.link(runs);
        let points = MOST_POINTS_PER_END * 2 * runs.len() + SPARE_POINTS;
        if self.points.len() < points {
            self.points.resize(points, [0; 2]);
        }
        self.ends.clear();
        let mut written = 0;
        for first in 0..self.stems.len() {
            // Borders are met in the order of their first left end, which nothing touches from
            // above. What lies left of it is outside where nothing is there, or a traced right
            // end; else it is inside a hole.
            let links = self.links[first];
            if links.above != NONE || links.left_traced {
                continue;
            }
            let outside = match self.previous_in_row(runs, first) {
                None => true,
                Some(previous) => previous.right_traced,
            };
            if outside {
                written = self.walk(runs, first, written);
                self.ends.push(written as u32);
            }
        }

        contours.clear();
        for chain in (0..self.ends.len()).rev() {
            let start = chain.checked_sub(1).map_or(0, |before| self.ends[before]);
            let chain = &self.points[start as usize..self.ends[chain] as usize];
            contours.points.extend_from_slice(chain);
            contours.ends.push(contours.points.len() as u32);
        }
    }

    fn find_stems(&mut self, runs: &[Run]) {
        self.stems.clear();
        let mut next = 0;
        // The run above, if it is alone in its row: the last stem goes on from there.
        let mut open: Option<Run> = None;
        for row in runs.chunk_by(|a, b| a.y == b.y) {
            let first = next;
            next += row.len() as u32;
            if let ([run], Some(above), Some(stem)) = (row, open, self.stems.last_mut())
                && u32::from(above.y) + 1 == u32::from(run.y)
                && above.end >= run.start
                && run.end >= above.start
            {
                stem.last = first;
            } else {
                self.stems
                    .extend((first..next).map(|i| Stem { first: i, last: i }));
            }
            open = if let [run] = row { Some(*run) } else { None };
        }
    }

    /// Finds out which stems touch.
    fn link(&mut self, runs: &[Run]) {
        let unlinked = Links {
            below: NONE,
            above: NONE,
            left_traced: false,
            right_traced: false,
        };
        let links = &mut self.links;
        links.clear();
        links.resize(self.stems.len(), unlinked);
        let ends = |stem: &Stem| [stem.top(runs), stem.bottom(runs)];
        for_each_touching(&self.stems, ends, Connectivity::Eight, |i, j| {
            if links[i].below == NONE {
                let shared = if links[j].above == NONE { 0 } else { SHARED };
                links[i].below = j as u32 | shared;
            } else {
                links[j - 1].above |= SHARED;
            }
            links[j].above = i as u32;
        });
    }

    fn previous_in_row(&self, runs: &[Run], i: usize) -> Option<&Links> {
        let previous = i.checked_sub(1)?;
        let same_row = self.stems[previous].bottom(runs).y == self.stems[i].top(runs).y;
        same_row.then_some(&self.links[previous])
    }

    /// Writes the border that begins at the left end of stem `first` behind the points `written`
    /// so far, and returns how many there are then.
    fn walk(&mut self, runs: &[Run], first: usize, written: usize) -> usize {
        let mut pen = Pen {
            points: &mut self.points,
            written,
            direction: NOWHERE,
        };
        let mut end = End::Left(first);
        loop {
            end = match end {
                End::Left(i) => descend(runs, &self.stems, &mut self.links, i, &mut pen),
                End::Right(i) => ascend(runs, &self.stems, &mut self.links, i, &mut pen),
            };
            if end == End::Left(first) {
                break;
            }
        }
        if pen.direction == NOWHERE {
            // A single pixel: there is nowhere to go.
            let Run { y, start, .. } = self.stems[first].top(runs);
            pen.points[pen.written] = [start, y];
            pen.written += 1;
        }
        pen.written
    }
}

/// The way down left ends from that of stem `i`, as far as each leads to one in the row below, and
/// round to the next right end.
fn descend(
    runs: &[Run],
    stems: &[Stem],
    links: &mut [Links],
    mut i: usize,
    pen: &mut Pen<'_>,
) -> End {
    let (link, Run { y, start, end }) = loop {
        let stem = stems[i];
        links[i].left_traced = true;
        pen.down_left_ends(stem.runs(runs));
        let (link, bottom) = (links[i].below, stem.bottom(runs));
        if link & SHARED != 0 {
            break (link, bottom);
        }
        i = link as usize;
        pen.down_left_ends(&[bottom, stems[i].top(runs)]);
    };
    if link == NONE {
        pen.step(EAST, [start, y], start < end - 1);
        return End::Right(i);
    }
    let gap = stems[i - 1].bottom(runs).end;
    pen.step(SOUTH_WEST, [start, y], true);
    pen.step(WEST, [start - 1, y + 1], gap < start - 1);
    pen.step(NORTH_WEST, [gap, y + 1], true);
    End::Right(i - 1)
}

/// The way up right ends from that of stem `i`, likewise.
fn ascend(
    runs: &[Run],
    stems: &[Stem],
    links: &mut [Links],
    mut i: usize,
    pen: &mut Pen<'_>,
) -> End {
    let (link, Run { y, start, end }) = loop {
        let stem = stems[i];
        links[i].right_traced = true;
        pen.up_right_ends(stem.runs(runs));
        let (link, top) = (links[i].above, stem.top(runs));
        if link & SHARED != 0 {
            break (link, top);
        }
        i = link as usize;
        pen.up_right_ends(&[stems[i].bottom(runs), top]);
    };
    let right = end - 1;
    if link == NONE {
        pen.step(WEST, [right, y], start < right);
        return End::Left(i);
    }
    let gap = stems[i + 1].top(runs).start - 1;
    pen.step(NORTH_EAST, [right, y], true);
    pen.step(EAST, [end, y - 1], end < gap);
    pen.step(SOUTH_EAST, [gap, y - 1], true);
    End::Left(i + 1)
}

/// A side of a stem, by the stem's index. Left ends are passed downwards, right ends upwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Left(usize),
    Right(usize),
}

// Directions, in eighths of a turn. On the way up, east comes out as 0; but there it is only ever
// left for the north or the west, so that it need not equal the other.
type Direction = i32;
const NOWHERE: Direction = -1;
const NORTH_EAST: Direction = 1;
const NORTH: Direction = 2;
const NORTH_WEST: Direction = 3;
const WEST: Direction = 4;
const SOUTH_WEST: Direction = 5;
const SOUTH: Direction = 6;
const SOUTH_EAST: Direction = 7;
const EAST: Direction = 8;

/// Most points that the way from one end to the next has.
const MOST_POINTS_PER_END: usize = 3;

/// Points that are written, but not counted, behind the last.
const SPARE_POINTS: usize = 2;

/// Writes down the pixels at which the direction changes.
struct Pen<'a> {
    /// With room for all there can be, and [`SPARE_POINTS`].
    points: &'a mut [[u16; 2]],
    written: usize,
    direction: Direction,
}

impl Pen<'_> {
    /// Leaves `pixel` in `direction`, or does nothing where the step isn't `taken`.
    #[inline]
    fn step(&mut self, direction: Direction, pixel: [u16; 2], taken: bool) {
        if taken {
            self.points[self.written] = pixel;
            self.written += usize::from(self.direction != direction);
            self.direction = direction;
        }
    }

    /// Goes down the left ends of runs below each other, from the first to the last.
    #[inline]
    fn down_left_ends(&mut self, runs: &[Run]) {
        for pair in runs.windows(2) {
            let (Run { y, start, .. }, target) = (pair[0], pair[1].start);
            // Diagonally to the left and along the lower run's top, or straight down, or along
            // the upper run's bottom and diagonally to the right.
            let shift = i32::from(target) - i32::from(start);
            let corner = if shift > 0 {
                [target.wrapping_sub(1), y]
            } else {
                [start.wrapping_sub(1), y + 1]
            };
            self.step_to_next_row(SOUTH, shift, [start, y], corner);
        }
    }

    /// Goes up their right ends, from the last to the first.
    #[inline]
    fn up_right_ends(&mut self, runs: &[Run]) {
        for pair in runs.windows(2).rev() {
            let (target, Run { y, end, .. }) = (pair[0].end, pair[1]);
            let shift = i32::from(end) - i32::from(target);
            let corner = if shift > 0 { [target, y] } else { [end, y - 1] };
            self.step_to_next_row(NORTH, shift, [end - 1, y], corner);
        }
    }

    /// Goes from `pixel` to an end in the next row, `ahead` being south on the way down and north
    /// on the way up, and `shift` by how many columns that end lies to the left of the walker.
    /// Beyond one column the way has two parts, and a `corner` between them.
    ///
    /// Outlines turn at every other row, which no branch predictor foresees: hence no branches,
    /// and pixels that are written whether they count or not.
    #[inline]
    fn step_to_next_row(
        &mut self,
        ahead: Direction,
        shift: i32,
        pixel: [u16; 2],
        corner: [u16; 2],
    ) {
        let first = ahead + shift.clamp(-1, 2);
        let second = ahead + shift.clamp(-2, 1);
        self.points[self.written] = pixel;
        self.written += usize::from(self.direction != first);
        self.points[self.written] = corner;
        self.written += usize::from(first != second);
        self.direction = second;
    }
}

impl Contours {
    /// The union of the chains' bounding rectangles, in whole pixels; empty at the origin without
    /// any chain.
    pub fn bounding_box(&self) -> PixelRect {
        let Some(&[x, y]) = self.points.first() else {
            return PixelRect::default();
        };
        let (mut left, mut top, mut right, mut bottom) = (x, y, x, y);
        for &[x, y] in &self.points {
            left = left.min(x);
            top = top.min(y);
            right = right.max(x);
            bottom = bottom.max(y);
        }
        PixelRect {
            x: u32::from(left),
            y: u32::from(top),
            width: u32::from(right - left) + 1,
            height: u32::from(bottom - top) + 1,
        }
    }
}

#[cfg(test)]
mod tests;
