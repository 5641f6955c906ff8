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
    nodes: Vec<Node>,
    /// Runs that touch nothing in the row above: where borders may begin.
    tops: Vec<u32>,
    /// Chains as they are found, in the buffer's first part.
    points: Vec<[u16; 2]>,
    /// Where each of them ends.
    ends: Vec<u32>,
}

/// A run and what it touches.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// The first touching run in the row below, or [`NONE`]. With [`SHARED`], the run before this
    /// one touches that, too.
    below: u32,
    /// The last touching run in the row above, or [`NONE`]. With [`SHARED`], the run behind this
    /// one touches that, too.
    above: u32,
    run: Run,
    /// Whether the run's left end lies on a border already traced.
    left_traced: bool,
    /// Whether its right end does.
    right_traced: bool,
}

/// Set in links that another run of the row has, too. No mask has so many runs that an index
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
        self.link(mask.runs());
        self.ends.clear();
        let mut written = 0;
        for &top in &self.tops {
            // Borders are met in the order of their first left end, which nothing touches from
            // above. What lies left of a run is outside where nothing is there, or a traced right
            // end; else it is inside a hole.
            let first = top as usize;
            let outside = match previous_in_row(&self.nodes, first) {
                None => true,
                Some(previous) => previous.right_traced,
            };
            if outside && !self.nodes[first].left_traced {
                written = walk(&mut self.nodes, first, &mut self.points, written);
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
        let nodes = &mut self.nodes;
        nodes.clear();
        nodes.extend(runs.iter().map(|&run| Node {
            below: NONE,
            above: NONE,
            run,
            left_traced: false,
            right_traced: false,
        }));
        for_each_touching(runs, Connectivity::Eight, |i, j| {
            if nodes[i].below == NONE {
                let shared = if nodes[j].above == NONE { 0 } else { SHARED };
                nodes[i].below = j as u32 | shared;
            } else {
                nodes[j - 1].above |= SHARED;
            }
            nodes[j].above = i as u32;
        });
        self.tops.clear();
        let tops = (0..)
            .zip(&self.nodes)
            .filter(|(_, node)| node.above == NONE);
        self.tops.extend(tops.map(|(run, _)| run));
        let points = MOST_POINTS_PER_END * 2 * runs.len() + SPARE_POINTS;
        if self.points.len() < points {
            self.points.resize(points, [0; 2]);
        }
    }
}

/// Writes the border that begins at the left end of run `first` behind the points `written` so
/// far, and returns how many there are then.
fn walk(nodes: &mut [Node], first: usize, points: &mut [[u16; 2]], written: usize) -> usize {
    let mut pen = Pen {
        points,
        written,
        direction: NOWHERE,
    };
    let mut end = End::Left(first);
    loop {
        (end, pen) = match end {
            End::Left(i) => descend(nodes, i, pen),
            End::Right(i) => ascend(nodes, i, pen),
        };
        if end == End::Left(first) {
            break;
        }
    }
    if pen.direction == NOWHERE {
        // A single pixel: there is nowhere to go.
        let Run { y, start, .. } = nodes[first].run;
        pen.points[pen.written] = [start, y];
        pen.written += 1;
    }
    pen.written
}

/// The way down left ends from that of run `i`, as far as each leads to one in the row below, and
/// round to the next right end.
fn descend<'a>(nodes: &mut [Node], mut i: usize, mut pen: Pen<'a>) -> (End, Pen<'a>) {
    let Run {
        mut y, mut start, ..
    } = nodes[i].run;
    let link = loop {
        let node = &mut nodes[i];
        node.left_traced = true;
        let link = node.below;
        if link & SHARED != 0 {
            break link;
        }
        i = link as usize;
        let target = nodes[i].run.start;
        // Diagonally to the left and along the lower run's top, or straight down, or along this
        // run's bottom and diagonally to the right.
        let shift = i32::from(target) - i32::from(start);
        let corner = if shift > 0 {
            [target.wrapping_sub(1), y]
        } else {
            [start.wrapping_sub(1), y + 1]
        };
        pen.step_to_next_row(SOUTH, shift, [start, y], corner);
        (start, y) = (target, y + 1);
    };
    if link == NONE {
        let right = nodes[i].run.end - 1;
        pen.step(EAST, [start, y], start < right);
        return (End::Right(i), pen);
    }
    let gap = nodes[i - 1].run.end;
    pen.step(SOUTH_WEST, [start, y], true);
    pen.step(WEST, [start - 1, y + 1], gap < start - 1);
    pen.step(NORTH_WEST, [gap, y + 1], true);
    (End::Right(i - 1), pen)
}

/// The way up right ends from that of run `i`, likewise.
fn ascend<'a>(nodes: &mut [Node], mut i: usize, mut pen: Pen<'a>) -> (End, Pen<'a>) {
    let Run { mut y, mut end, .. } = nodes[i].run;
    let link = loop {
        let node = &mut nodes[i];
        node.right_traced = true;
        let link = node.above;
        if link & SHARED != 0 {
            break link;
        }
        i = link as usize;
        let target = nodes[i].run.end;
        let shift = i32::from(end) - i32::from(target);
        let corner = if shift > 0 { [target, y] } else { [end, y - 1] };
        pen.step_to_next_row(NORTH, shift, [end - 1, y], corner);
        (end, y) = (target, y - 1);
    };
    let right = end - 1;
    if link == NONE {
        let start = nodes[i].run.start;
        pen.step(WEST, [right, y], start < right);
        return (End::Left(i), pen);
    }
    let gap = nodes[i + 1].run.start - 1;
    pen.step(NORTH_EAST, [right, y], true);
    pen.step(EAST, [end, y - 1], end < gap);
    pen.step(SOUTH_EAST, [gap, y - 1], true);
    (End::Left(i + 1), pen)
}

fn previous_in_row(nodes: &[Node], i: usize) -> Option<&Node> {
    let previous = &nodes[i.checked_sub(1)?];
    (previous.run.y == nodes[i].run.y).then_some(previous)
}

/// An end of a run, by the run's index. Left ends are passed downwards, right ends upwards.
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
