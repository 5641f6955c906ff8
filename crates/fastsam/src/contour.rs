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
//! Each end has one successor, so ends form closed borders, and each is walked once.

use frame::PixelRect;

use crate::adjacency::{Connectivity, for_each_touching};
use crate::{Contours, Mask, Run};

/// Traces the outer borders of masks, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Tracer {
    /// For each run, the first touching run in the row below, or [`NONE`].
    below: Vec<u32>,
    /// For each run, the last touching run in the row above, or [`NONE`].
    above: Vec<u32>,
    /// Whether a run's left end lies on a border already traced.
    left_traced: Vec<bool>,
    /// Whether its right end does.
    right_traced: Vec<bool>,
    /// Chains as they are found, in the buffer's first part.
    points: Vec<[u16; 2]>,
    /// Where each of them ends.
    ends: Vec<u32>,
}

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
        self.link(runs);
        self.ends.clear();
        let mut written = 0;
        for first in 0..runs.len() {
            // Borders are met in the order of their first left end. What lies left of a run is
            // outside where nothing is there, or a traced right end; else it is inside a hole.
            let outside = match previous_in_row(runs, first) {
                None => true,
                Some(previous) => self.right_traced[previous],
            };
            if outside && !self.left_traced[first] {
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

    /// Finds out which runs touch.
    fn link(&mut self, runs: &[Run]) {
        for links in [&mut self.below, &mut self.above] {
            links.clear();
            links.resize(runs.len(), NONE);
        }
        for traced in [&mut self.left_traced, &mut self.right_traced] {
            traced.clear();
            traced.resize(runs.len(), false);
        }
        let (below, above) = (&mut self.below, &mut self.above);
        for_each_touching(runs, Connectivity::Eight, |i, j| {
            below[i] = below[i].min(j as u32);
            above[j] = i as u32;
        });
        let points = MOST_POINTS_PER_END * 2 * runs.len() + 1;
        if self.points.len() < points {
            self.points.resize(points, [0; 2]);
        }
    }

    /// Writes the border that begins at the left end of run `first` behind the points `written`
    /// so far, and returns how many there are then.
    fn walk(&mut self, runs: &[Run], first: usize, written: usize) -> usize {
        let mut pen = Pen {
            points: &mut self.points,
            written,
            direction: None,
        };
        let mut end = End::Left(first);
        loop {
            end = match end {
                End::Left(i) => {
                    self.left_traced[i] = true;
                    descend(runs, i, self.below[i], &mut pen)
                }
                End::Right(i) => {
                    self.right_traced[i] = true;
                    ascend(runs, i, self.above[i], &mut pen)
                }
            };
            if end == End::Left(first) {
                break;
            }
        }
        if pen.direction.is_none() {
            // A single pixel: there is nowhere to go.
            let Run { y, start, .. } = runs[first];
            pen.points[pen.written] = [start, y];
            pen.written += 1;
        }
        pen.written
    }
}

/// The way from the left end of run `i`, when `below` is the first that touches it there.
#[inline]
fn descend(runs: &[Run], i: usize, below: u32, pen: &mut Pen<'_>) -> End {
    let Run { y, start, .. } = runs[i];
    if below == NONE {
        let right = runs[i].end - 1;
        pen.step(Direction::East, [start, y], start < right);
        return End::Right(i);
    }
    let below = below as usize;
    let target = runs[below].start;
    if let Some(previous) = previous_in_row(runs, i)
        && runs[previous].end >= target
    {
        let gap = runs[previous].end;
        pen.step(Direction::SouthWest, [start, y], true);
        pen.step(Direction::West, [start - 1, y + 1], gap < start - 1);
        pen.step(Direction::NorthWest, [gap, y + 1], true);
        return End::Right(previous);
    }
    // Diagonally to the left and along the lower run's top, or straight down, or along this
    // run's bottom and diagonally to the right. Outlines turn at every other row, which no branch
    // predictor foresees: hence two steps with conditions.
    let shift = i32::from(target) - i32::from(start);
    let [one, other] = DOWN[(shift.signum() + 1) as usize];
    let corner = if shift > 0 {
        [target.wrapping_sub(1), y]
    } else {
        [start.wrapping_sub(1), y + 1]
    };
    pen.step(one, [start, y], shift != 1);
    pen.step(other, corner, !(-1..=0).contains(&shift));
    End::Left(below)
}

/// The way from the right end of run `i`, when `above` is the last that touches it there.
#[inline]
fn ascend(runs: &[Run], i: usize, above: u32, pen: &mut Pen<'_>) -> End {
    let Run { y, start, end } = runs[i];
    let right = end - 1;
    if above == NONE {
        pen.step(Direction::West, [right, y], start < right);
        return End::Left(i);
    }
    let above = above as usize;
    let target = runs[above].end - 1;
    if let Some(next) = next_in_row(runs, i)
        && runs[next].start <= runs[above].end
    {
        let gap = runs[next].start - 1;
        pen.step(Direction::NorthEast, [right, y], true);
        pen.step(Direction::East, [end, y - 1], end < gap);
        pen.step(Direction::SouthEast, [gap, y - 1], true);
        return End::Left(next);
    }
    let shift = i32::from(target) - i32::from(right);
    let [one, other] = UP[(shift.signum() + 1) as usize];
    let corner = if shift < 0 {
        [runs[above].end, y]
    } else {
        [end, y - 1]
    };
    pen.step(one, [right, y], shift != -1);
    pen.step(other, corner, !(0..=1).contains(&shift));
    End::Right(above)
}

fn previous_in_row(runs: &[Run], i: usize) -> Option<usize> {
    let previous = i.checked_sub(1)?;
    (runs[previous].y == runs[i].y).then_some(previous)
}

fn next_in_row(runs: &[Run], i: usize) -> Option<usize> {
    let next = i + 1;
    (next < runs.len() && runs[next].y == runs[i].y).then_some(next)
}

/// An end of a run, by the run's index. Left ends are passed downwards, right ends upwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Left(usize),
    Right(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    East,
    NorthEast,
    North,
    NorthWest,
    West,
    SouthWest,
    South,
    SouthEast,
}

/// The two steps from a left end to one in the row below, where that is further left, in the same
/// column, further right.
const DOWN: [[Direction; 2]; 3] = [
    [Direction::SouthWest, Direction::West],
    [Direction::South, Direction::South],
    [Direction::East, Direction::SouthEast],
];

/// The two steps from a right end to one in the row above, likewise.
const UP: [[Direction; 2]; 3] = [
    [Direction::West, Direction::NorthWest],
    [Direction::North, Direction::North],
    [Direction::NorthEast, Direction::East],
];

/// Most points that the way from one end to the next has.
const MOST_POINTS_PER_END: usize = 3;

/// Writes down the pixels at which the direction changes.
struct Pen<'a> {
    /// With room for all there can be, and one more.
    points: &'a mut [[u16; 2]],
    written: usize,
    direction: Option<Direction>,
}

impl Pen<'_> {
    /// Leaves `pixel` in `direction`, or does nothing where the step isn't `taken`.
    #[inline]
    fn step(&mut self, direction: Direction, pixel: [u16; 2], taken: bool) {
        let turned = taken & (self.direction != Some(direction));
        self.points[self.written] = pixel;
        self.written += usize::from(turned);
        self.direction = if taken {
            Some(direction)
        } else {
            self.direction
        };
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
