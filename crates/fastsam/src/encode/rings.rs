//! The borders of a mask as rings on pixel borders.
//!
//! A ring runs between pixels, along the sides of their squares: the pixel in column `x` and row `y` covers `x` to
//! `x + 1` and `y` to `y + 1`. Filled by the even-odd rule, or as outlines less holes, all rings of a mask give back
//! exactly its pixels.
//!
//! Invariants: foreground lies to the left of the direction in which a ring runs, so that outlines run counter-clockwise as
//! seen in the picture and holes clockwise; a ring has a corner at each of its points, at least four, and none of them
//! twice, so that it is simple; parts that touch at a corner alone are parts of their own, while background that
//! does is one hole less the touching point. So an outline with its holes is a valid polygon (OGC 06-103r4, section 6.1.11).
//!
//! No pixel is looked at. Each end of a run is a side of a ring, down at its left end and up at its right end. Two
//! neighbouring rows are merged end by end: where only one of them is foreground, a horizontal side joins the ends at
//! both of its sides. So each end has one successor, and each ring is walked once.

use crate::{Mask, Run};

/// One border of a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring<'a> {
    /// Its corners, `[x, y]`; the last one is joined to the first.
    pub corners: &'a [[u16; 2]],
    /// Which part of the mask it belongs to: pixels that share sides. Parts are numbered from 0 in the order of their top
    /// left pixels.
    pub part: u32,
    /// Whether what it encloses is background.
    pub is_hole: bool,
}

/// Finds the rings of masks, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Borders {
    /// For each end the one that follows on its ring. Ends `2 * i` and `2 * i + 1` are left and right end of run `i`.
    next: Vec<u32>,
    /// For an end, the end below that touches it at a corner alone, or [`NONE`].
    below: Vec<u32>,
    /// Whether there is any such end.
    has_corners: bool,
    /// For such an end below, where its corner lies on the path, once it has been passed.
    passed: Vec<u32>,
    /// For each run the part that it belongs to.
    parts: Vec<u32>,
    /// The ring that is being walked.
    path: Vec<[u16; 2]>,
    /// Holes that were cut off it.
    holes: Vec<[u16; 2]>,
    hole_ends: Vec<usize>,
    corners: Vec<[u16; 2]>,
    rings: Vec<Found>,
}

/// A ring in the buffer of corners.
#[derive(Clone, Copy, Debug)]
struct Found {
    /// Where it ends there.
    end: usize,
    part: u32,
    is_hole: bool,
}

const NONE: u32 = u32::MAX;

impl Borders {
    /// Without any; buffers grow with the first masks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces the rings by those of `mask`, in its pixels. Takes time in proportion to the number of runs.
    pub fn trace(&mut self, mask: &Mask) {
        let runs = mask.runs();
        let ends = 2 * runs.len();
        for links in [&mut self.next, &mut self.below, &mut self.passed] {
            links.clear();
            links.resize(ends, NONE);
        }
        self.has_corners = false;
        self.parts.clear();
        self.parts.resize(runs.len(), 0);
        self.corners.clear();
        self.rings.clear();
        self.join_rows(runs);

        let mut parts = 0;
        for start in 0..ends as u32 {
            if self.next[start as usize] == NONE {
                continue;
            }
            // In the order of ends, an outline is met at a left end and a hole at a right end, whose run's part is known.
            let is_hole = is_right(start);
            let part = if is_hole {
                self.parts[start as usize / 2]
            } else {
                parts += 1;
                parts - 1
            };
            self.walk(runs, start, part);
            self.keep(part, is_hole);
        }
    }

    /// The rings of the latest mask. A part's outline comes before its holes.
    pub fn iter(&self) -> impl Iterator<Item = Ring<'_>> {
        let starts = std::iter::once(0).chain(self.rings.iter().map(|ring| ring.end));
        starts.zip(&self.rings).map(|(start, ring)| Ring {
            corners: &self.corners[start..ring.end],
            part: ring.part,
            is_hole: ring.is_hole,
        })
    }

    /// Finds the successors of all ends.
    fn join_rows(&mut self, runs: &[Run]) {
        let (mut upper, mut first) = (0..0, 0);
        for row in runs.chunk_by(|a, b| a.y == b.y) {
            let lower = first..first + row.len();
            first = lower.end;
            let are_neighbours = runs[upper.clone()]
                .first()
                .is_some_and(|run| u32::from(run.y) + 1 == u32::from(row[0].y));
            if are_neighbours && are_paired(&runs[upper.clone()], row) {
                for (above, below) in upper.zip(lower.clone()) {
                    let [above, below] = [above, below].map(|run| 2 * run as u32);
                    self.next[above as usize] = below;
                    self.next[below as usize + 1] = above + 1;
                }
            } else if are_neighbours {
                self.join(
                    runs,
                    2 * upper.start..2 * upper.end,
                    2 * lower.start..2 * lower.end,
                );
            } else {
                self.join(runs, 2 * upper.start..2 * upper.end, 0..0);
                self.join(runs, 0..0, 2 * lower.start..2 * lower.end);
            }
            upper = lower;
        }
        self.join(runs, 2 * upper.start..2 * upper.end, 0..0);
    }

    /// Joins the ends of two rows, one above the other, along the line between them.
    fn join(&mut self, runs: &[Run], upper: std::ops::Range<usize>, lower: std::ops::Range<usize>) {
        let (mut upper, mut lower) = (upper.peekable(), lower.peekable());
        // The end at the left of a horizontal side, whose right is still to be found.
        let mut open = None;
        loop {
            let [above, below] = [upper.peek(), lower.peek()].map(|end| {
                let end = *end? as u32;
                Some((column(runs, end), end))
            });
            let end = match (above, below) {
                (None, None) => return,
                (Some((x, above)), Some((same, below))) if x == same => {
                    upper.next();
                    lower.next();
                    if is_right(above) == is_right(below) {
                        // Straight on: down left ends, up right ones.
                        if is_right(above) {
                            self.next[below as usize] = above;
                        } else {
                            self.next[above as usize] = below;
                        }
                    } else {
                        // A corner of two pixels, and of two others that are background. Each ring stays with its pixel.
                        self.below[above as usize] = below;
                        self.has_corners = true;
                        let (ends, begins) = if is_right(above) {
                            (above, below)
                        } else {
                            (below, above)
                        };
                        self.close(&mut open, ends);
                        open = Some((begins, begins == above));
                    }
                    continue;
                }
                (Some((_, above)), None) => {
                    upper.next();
                    (above, true)
                }
                (Some((x, above)), Some((other, _))) if x < other => {
                    upper.next();
                    (above, true)
                }
                (_, Some((_, below))) => {
                    lower.next();
                    (below, false)
                }
            };
            if open.is_some() {
                self.close(&mut open, end.0);
            } else {
                open = Some(end);
            }
        }
    }

    /// Ends the horizontal side at this end.
    fn close(&mut self, open: &mut Option<(u32, bool)>, end: u32) {
        let Some((begin, is_above)) = open.take() else {
            return;
        };
        // Left ends run down: those above the line come to it, and those below leave it. Right ends run up.
        if is_right(begin) != is_above {
            self.next[begin as usize] = end;
        } else {
            self.next[end as usize] = begin;
        }
    }

    /// Walks the ring of an end. What it encloses twice over a corner is cut off as holes.
    fn walk(&mut self, runs: &[Run], start: u32, part: u32) {
        self.path.clear();
        self.holes.clear();
        self.hole_ends.clear();
        let mut end = start;
        loop {
            let next = std::mem::replace(&mut self.next[end as usize], NONE);
            if !is_right(end) {
                self.parts[end as usize / 2] = part;
            }
            // An end without a successor does not exist: every side ends.
            if next == NONE {
                return;
            }
            let (from, to) = (column(runs, end), column(runs, next));
            if from != to {
                let run = runs[end as usize / 2];
                // Down to the line below the run, or up to the one above it.
                let line = if is_right(end) { run.y } else { run.y + 1 };
                self.turn([from, line], end, true);
                self.turn([to, line], next, false);
            }
            if next == start {
                return;
            }
            end = next;
        }
    }

    /// Adds a corner to the path, where an end arrives or leaves. A path that comes by for a second time has walked round a
    /// hole.
    fn turn(&mut self, corner: [u16; 2], end: u32, arrives: bool) {
        if !self.has_corners {
            self.path.push(corner);
            return;
        }
        let end = end as usize;
        // Shared corners go by the end below.
        let is_lower_side = is_right(end as u32) != arrives;
        let shared = if is_lower_side {
            self.below[end]
        } else {
            end as u32
        };
        if let Some(passed) = self.passed.get_mut(shared as usize) {
            let before = *passed as usize;
            *passed = self.path.len() as u32;
            if self.path.get(before) == Some(&corner) {
                *passed = before as u32;
                self.holes.extend(self.path.drain(before..));
                self.hole_ends.push(self.holes.len());
            }
        }
        self.path.push(corner);
    }

    /// Keeps the ring that was walked, and the holes that were cut off it.
    fn keep(&mut self, part: u32, is_hole: bool) {
        let mut add = |corners: &[[u16; 2]], is_hole| {
            // The last corner is where the walk began: an outline's top left one.
            if let [rest @ .., first] = corners {
                self.corners.push(*first);
                self.corners.extend_from_slice(rest);
            }
            let end = self.corners.len();
            self.rings.push(Found { end, part, is_hole });
        };
        add(&self.path, is_hole);
        let mut start = 0;
        for &end in &self.hole_ends {
            add(&self.holes[start..end], true);
            start = end;
        }
    }
}

/// Whether each run of a row and one of the row below share sides, and touch no other, not even at a corner: most rows
/// of nearly every mask. Then left ends lead down and right ends up.
fn are_paired(upper: &[Run], lower: &[Run]) -> bool {
    let share = |(a, b): (&Run, &Run)| a.start.max(b.start) < a.end.min(b.end);
    let apart = |(a, b): (&[Run], &[Run])| a[0].end.max(b[0].end) < a[1].start.min(b[1].start);
    upper.len() == lower.len()
        && upper.iter().zip(lower).all(share)
        && upper.windows(2).zip(lower.windows(2)).all(apart)
}

/// Whether it is a run's right end.
const fn is_right(end: u32) -> bool {
    end % 2 == 1
}

/// Where an end lies.
fn column(runs: &[Run], end: u32) -> u16 {
    let run = runs[end as usize / 2];
    if is_right(end) { run.end } else { run.start }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::painted::{any_mask, mask, parts};

    /// Twice the area that a ring encloses, as its direction has it: above 0 for outlines.
    fn doubled_area(corners: &[[u16; 2]]) -> i64 {
        let next = corners.iter().cycle().skip(1);
        corners
            .iter()
            .zip(next)
            .map(|(a, b)| {
                let [[ax, ay], [bx, by]] = [a, b].map(|corner| corner.map(i64::from));
                bx * ay - ax * by
            })
            .sum()
    }

    fn rings(mask: &Mask) -> Vec<(Vec<[u16; 2]>, u32, bool)> {
        let mut borders = Borders::new();
        borders.trace(mask);
        borders
            .iter()
            .map(|ring| (ring.corners.to_vec(), ring.part, ring.is_hole))
            .collect()
    }

    /// The pixels whose centres rings enclose an odd number of times.
    fn filled(mask: &Mask, rings: &[(Vec<[u16; 2]>, u32, bool)]) -> Mask {
        let width = mask.size().width as usize;
        let mut bitmap = vec![0; mask.size().pixels()];
        for (corners, ..) in rings {
            for (a, b) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                if a[0] == b[0] {
                    for y in a[1].min(b[1])..a[1].max(b[1]) {
                        let row = &mut bitmap[usize::from(y) * width..][..width];
                        row[usize::from(a[0])..]
                            .iter_mut()
                            .for_each(|pixel| *pixel ^= 1);
                    }
                }
            }
        }
        Mask::from_bitmap(mask.size(), &bitmap).unwrap()
    }

    #[test]
    fn shapes_and_their_rings() {
        type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a [[u16; 2]]]);
        let cases: [Case<'_>; 5] = [
            (
                "a pixel",
                &["...", ".#."],
                &[&[[1, 2], [2, 2], [2, 1], [1, 1]]],
            ),
            (
                "a hole",
                &["###", "#.#", "###"],
                &[
                    &[[0, 3], [3, 3], [3, 0], [0, 0]],
                    &[[1, 1], [2, 1], [2, 2], [1, 2]],
                ],
            ),
            (
                "two parts at a corner",
                &["#.", ".#"],
                &[
                    &[[0, 1], [1, 1], [1, 0], [0, 0]],
                    &[[1, 2], [2, 2], [2, 1], [1, 1]],
                ],
            ),
            (
                "a hole that touches the outside",
                &[".##", "#.#", "###"],
                &[
                    &[[1, 1], [0, 1], [0, 3], [3, 3], [3, 0], [1, 0]],
                    &[[1, 1], [2, 1], [2, 2], [1, 2]],
                ],
            ),
            (
                "two holes at a corner",
                &["####", "#.##", "##.#", "####"],
                &[
                    &[[0, 4], [4, 4], [4, 0], [0, 0]],
                    &[[1, 1], [2, 1], [2, 2], [1, 2]],
                    &[[2, 2], [3, 2], [3, 3], [2, 3]],
                ],
            ),
        ];
        for (name, rows, expected) in cases {
            let sorted = |corners: &[[u16; 2]]| {
                // From the least corner on: where a ring begins means nothing.
                let least = (0..corners.len()).min_by_key(|&i| corners[i]).unwrap();
                [&corners[least..], &corners[..least]].concat()
            };
            let found: HashSet<_> = rings(&mask(rows))
                .iter()
                .map(|ring| sorted(&ring.0))
                .collect();
            let expected: HashSet<_> = expected.iter().map(|ring| sorted(ring)).collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn rings_give_back_the_mask(mask in any_mask()) {
            let rings = rings(&mask);
            prop_assert_eq!(&filled(&mask, &rings), &mask);
            let doubled: i64 = rings.iter().map(|(corners, ..)| doubled_area(corners)).sum();
            prop_assert_eq!(doubled, 2 * i64::from(mask.area()));
        }

        #[test]
        fn rings_are_simple_and_their_direction_tells_holes(mask in any_mask()) {
            for (corners, _, is_hole) in rings(&mask) {
                prop_assert_eq!(doubled_area(&corners) < 0, is_hole);
                prop_assert!(corners.len() >= 4);
                let all: HashSet<_> = corners.iter().collect();
                prop_assert_eq!(all.len(), corners.len(), "{:?} has a corner twice", corners);
                let count = corners.len();
                for i in 0..count {
                    let [a, b, c] = [0, 1, 2].map(|step| corners[(i + step) % count]);
                    let flat = (a[0] == b[0]) == (b[0] == c[0]);
                    prop_assert!(!flat && (a[0] == b[0] || a[1] == b[1]), "{:?}", corners);
                }
            }
        }

        #[test]
        fn a_part_is_its_outline_less_its_holes(mask in any_mask()) {
            let rings = rings(&mask);
            let expected = parts(&mask, true, false);
            for (number, pixels) in expected.iter().enumerate() {
                let own: Vec<_> = rings.iter().filter(|ring| ring.1 as usize == number).collect();
                prop_assert!(own.iter().filter(|ring| !ring.2).count() == 1);
                prop_assert!(!own[0].2, "the outline comes first");
                let doubled: i64 = own.iter().map(|ring| doubled_area(&ring.0)).sum();
                prop_assert_eq!(doubled, 2 * pixels.len() as i64);
            }
            prop_assert!(rings.iter().all(|ring| (ring.1 as usize) < expected.len()));
        }
    }
}
