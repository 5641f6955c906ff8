//! Row runs, the form in which masks live.
//!
//! Invariants of a [`Mask`]: runs are sorted by row, then column; none is empty; two runs of a
//! row neither overlap nor touch (`a.end < b.start`); all lie inside the mask's size.

use frame::{PixelRect, Size};

/// Foreground pixels `start <= x < end` of row `y`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// Row.
    pub y: u16,
    /// First column.
    pub start: u16,
    /// Column after the last.
    pub end: u16,
}

impl Run {
    /// Pixels in the run.
    pub const fn length(self) -> u32 {
        (self.end - self.start) as u32
    }
}

/// A binary mask over `size` pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    size: Size,
    runs: Vec<Run>,
}

impl Mask {
    /// A mask without foreground.
    pub const fn empty(size: Size) -> Self {
        Self {
            size,
            runs: Vec::new(),
        }
    }

    /// A mask of these runs, or `None` where they break the invariants above.
    pub fn from_runs(size: Size, runs: Vec<Run>) -> Option<Self> {
        let inside = |run: &Run| {
            run.start < run.end
                && u32::from(run.end) <= size.width
                && u32::from(run.y) < size.height
        };
        let ordered = |pair: &[Run]| {
            (pair[0].y < pair[1].y) || (pair[0].y == pair[1].y && pair[0].end < pair[1].start)
        };
        (runs.iter().all(inside) && runs.windows(2).all(ordered)).then_some(Self { size, runs })
    }

    /// The foreground of a bitmap, row-major, non-zero bytes being foreground. `None` where its
    /// length is not that of `size`.
    pub fn from_bitmap(size: Size, bitmap: &[u8]) -> Option<Self> {
        if bitmap.len() != size.pixels()
            || size.width > u32::from(u16::MAX)
            || size.height > u32::from(u16::MAX)
        {
            return None;
        }
        let mut runs = Vec::new();
        if size.pixels() > 0 {
            for (y, row) in bitmap.chunks_exact(size.width as usize).enumerate() {
                let mut x = 0;
                while let Some(skipped) = row[x..].iter().position(|&pixel| pixel != 0) {
                    let start = x + skipped;
                    let length = row[start..].iter().take_while(|&&pixel| pixel != 0).count();
                    x = start + length;
                    runs.push(Run {
                        y: y as u16,
                        start: start as u16,
                        end: x as u16,
                    });
                }
            }
        }
        Some(Self { size, runs })
    }

    /// Row-major, 255 for foreground, 0 elsewhere. For tests and pictures, not the frame path.
    pub fn to_bitmap(&self) -> Vec<u8> {
        let mut bitmap = vec![0; self.size.pixels()];
        let width = self.size.width as usize;
        for run in &self.runs {
            let row = run.y as usize * width;
            bitmap[row + run.start as usize..row + run.end as usize].fill(255);
        }
        bitmap
    }

    /// Columns and rows the mask is defined over.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The runs, sorted.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Whether nothing is foreground.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Foreground pixels.
    pub fn area(&self) -> u32 {
        self.runs.iter().map(|run| run.length()).sum()
    }

    /// The smallest box around the foreground; empty at the origin without any.
    pub fn bounding_box(&self) -> PixelRect {
        self.measure().1
    }

    /// [`Mask::area`] and [`Mask::bounding_box`] at one go.
    pub fn measure(&self) -> (u32, PixelRect) {
        let (Some(first), Some(last)) = (self.runs.first(), self.runs.last()) else {
            return (0, PixelRect::default());
        };
        let (mut area, mut start, mut end) = (0, u16::MAX, 0);
        for run in &self.runs {
            area += run.length();
            start = start.min(run.start);
            end = end.max(run.end);
        }
        let bbox = PixelRect {
            x: u32::from(start),
            y: u32::from(first.y),
            width: u32::from(end - start),
            height: u32::from(last.y - first.y) + 1,
        };
        (area, bbox)
    }

    /// Whether the pixel is foreground.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        let after = self
            .runs
            .partition_point(|run| (u32::from(run.y), u32::from(run.start)) <= (y, x));
        after
            .checked_sub(1)
            .map(|i| self.runs[i])
            .is_some_and(|run| u32::from(run.y) == y && x < u32::from(run.end))
    }

    /// Pixels that are foreground in both.
    pub fn intersection_area(&self, other: &Self) -> u32 {
        let (mut a, mut b) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        let mut area = 0;
        while let (Some(p), Some(q)) = (a.peek(), b.peek()) {
            if p.y == q.y {
                area += u32::from(p.end.min(q.end).saturating_sub(p.start.max(q.start)));
            }
            if (p.y, p.end) <= (q.y, q.end) {
                a.next();
            } else {
                b.next();
            }
        }
        area
    }

    /// Intersection over union; 0 for two empty masks.
    pub fn iou(&self, other: &Self) -> f64 {
        let intersection = self.intersection_area(other);
        let union = self.area() + other.area() - intersection;
        if union == 0 {
            0.0
        } else {
            f64::from(intersection) / f64::from(union)
        }
    }

    /// The runs, to be changed in place. The caller keeps the invariants.
    pub(crate) fn runs_mut(&mut self) -> &mut Vec<Run> {
        &mut self.runs
    }

    /// Empties the mask for reuse at another size and hands its runs out to be refilled. The
    /// caller keeps the invariants.
    pub(crate) fn refill(&mut self, size: Size) -> &mut Vec<Run> {
        self.size = size;
        self.runs.clear();
        &mut self.runs
    }
}
