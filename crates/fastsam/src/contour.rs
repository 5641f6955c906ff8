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
    links: Vec<Links>,
}

/// What is known of a run besides its pixels.
#[derive(Clone, Copy, Debug)]
struct Links {
    /// The last touching run in the row above.
    above: u32,
    /// The first touching run in the row below.
    below: u32,
    /// Whether its right end lies on a border already traced.
    right_traced: bool,
    /// Whether its left end does.
    left_traced: bool,
}

const NONE: u32 = u32::MAX;

impl Links {
    const UNKNOWN: Self = Self {
        above: NONE,
        below: NONE,
        right_traced: false,
        left_traced: false,
    };
}

impl Tracer {
    /// A tracer; its buffers grow with the first masks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `contours` by the outer borders of `mask`, in pixels of the mask. Takes time in
    /// proportion to the number of runs.
    pub fn trace(&mut self, mask: &Mask, contours: &mut Contours) {
        contours.clear();
        let runs = mask.runs();
        self.link(runs);
        for first in 0..runs.len() {
            // Borders are met in the order of their first left end. What lies left of a run is
            // outside where nothing is there, or a traced right end; else it is inside a hole.
            let outside = match previous_in_row(runs, first) {
                None => true,
                Some(previous) => self.links[previous].right_traced,
            };
            if outside && !self.links[first].left_traced {
                self.walk(runs, first, contours);
            }
        }
        contours.reverse();
    }

    /// Finds out which runs touch.
    fn link(&mut self, runs: &[Run]) {
        self.links.clear();
        self.links.resize(runs.len(), Links::UNKNOWN);
        let links = &mut self.links;
        for_each_touching(runs, Connectivity::Eight, |i, j| {
            if links[i].below == NONE {
                links[i].below = j as u32;
            }
            links[j].above = i as u32;
        });
    }

    /// Appends the border that begins at the left end of run `first`.
    fn walk(&mut self, runs: &[Run], first: usize, contours: &mut Contours) {
        let mut pen = Pen {
            points: &mut contours.points,
            direction: None,
        };
        let mut end = End::Left(first);
        loop {
            end = match end {
                End::Left(i) => {
                    self.links[i].left_traced = true;
                    self.descend(runs, i, &mut pen)
                }
                End::Right(i) => {
                    self.links[i].right_traced = true;
                    self.ascend(runs, i, &mut pen)
                }
            };
            if end == End::Left(first) {
                break;
            }
        }
        if pen.direction.is_none() {
            let Run { y, start, .. } = runs[first];
            contours.points.push([start, y]);
        }
        contours.ends.push(contours.points.len() as u32);
    }

    /// The way from the left end of run `i`.
    fn descend(&self, runs: &[Run], i: usize, pen: &mut Pen<'_>) -> End {
        let Run { y, start, .. } = runs[i];
        let right = runs[i].end - 1;
        let below = self.links[i].below;
        if below == NONE {
            pen.horizontal(Direction::East, start, right, y);
            return End::Right(i);
        }
        let below = below as usize;
        let target = runs[below].start;
        if let Some(previous) = previous_in_row(runs, i)
            && runs[previous].end >= target
        {
            let gap = runs[previous].end;
            pen.step(Direction::SouthWest, start, y);
            pen.horizontal(Direction::West, start - 1, gap, y + 1);
            pen.step(Direction::NorthWest, gap, y + 1);
            return End::Right(previous);
        }
        if target < start {
            pen.step(Direction::SouthWest, start, y);
            pen.horizontal(Direction::West, start - 1, target, y + 1);
        } else if target == start {
            pen.step(Direction::South, start, y);
        } else {
            pen.horizontal(Direction::East, start, target - 1, y);
            pen.step(Direction::SouthEast, target - 1, y);
        }
        End::Left(below)
    }

    /// The way from the right end of run `i`.
    fn ascend(&self, runs: &[Run], i: usize, pen: &mut Pen<'_>) -> End {
        let Run { y, start, .. } = runs[i];
        let right = runs[i].end - 1;
        let above = self.links[i].above;
        if above == NONE {
            pen.horizontal(Direction::West, right, start, y);
            return End::Left(i);
        }
        let above = above as usize;
        let target = runs[above].end - 1;
        if let Some(next) = next_in_row(runs, i)
            && runs[next].start <= target + 1
        {
            let gap = runs[next].start - 1;
            pen.step(Direction::NorthEast, right, y);
            pen.horizontal(Direction::East, right + 1, gap, y - 1);
            pen.step(Direction::SouthEast, gap, y - 1);
            return End::Left(next);
        }
        if target > right {
            pen.step(Direction::NorthEast, right, y);
            pen.horizontal(Direction::East, right + 1, target, y - 1);
        } else if target == right {
            pen.step(Direction::North, right, y);
        } else {
            pen.horizontal(Direction::West, right, target + 1, y);
            pen.step(Direction::NorthWest, target + 1, y);
        }
        End::Right(above)
    }
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

/// Writes down the pixels at which the direction changes.
struct Pen<'a> {
    points: &'a mut Vec<[u16; 2]>,
    direction: Option<Direction>,
}

impl Pen<'_> {
    /// Leaves pixel `x, y` in `direction`.
    fn step(&mut self, direction: Direction, x: u16, y: u16) {
        if self.direction != Some(direction) {
            self.direction = Some(direction);
            self.points.push([x, y]);
        }
    }

    /// Goes along row `y` from `x` to `to`, perhaps not at all.
    fn horizontal(&mut self, direction: Direction, x: u16, to: u16, y: u16) {
        if x != to {
            self.step(direction, x, y);
        }
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

    /// Puts the last chain first, and so on; each keeps its points' order.
    fn reverse(&mut self) {
        let chains = self.ends.len();
        let Some(&total) = self.ends.last().filter(|_| chains > 1) else {
            return;
        };
        self.points.reverse();
        self.ends.reverse();
        for i in 1..chains {
            self.ends[i - 1] = total - self.ends[i];
        }
        self.ends[chains - 1] = total;
        let mut start = 0;
        for &end in &self.ends {
            self.points[start..end as usize].reverse();
            start = end as usize;
        }
    }
}
