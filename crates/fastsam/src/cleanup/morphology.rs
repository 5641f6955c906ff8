//! Dilation and erosion with squares, on runs.
//!
//! A square is a horizontal line and a vertical one, applied one after the other. Along a row
//! runs grow or shrink at their ends. Down the columns the rows under the kernel are united or
//! intersected; both are idempotent, so that windows of 2, 4, 8, ... rows come from two windows
//! of half the height, and the last step's windows overlap.
//!
//! What lies outside the picture changes nothing, neither under dilation nor under erosion, as
//! with OpenCV's default border.

use frame::Size;

use crate::{Mask, Run};

/// Foreground pixels `start <= x < end` of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u16,
    end: u16,
}

/// Consecutive rows, each of sorted spans that don't touch.
#[derive(Clone, Debug, Default)]
struct Rows {
    /// Where each row ends in `spans`.
    ends: Vec<usize>,
    spans: Vec<Span>,
}

/// A mask on which dilations and erosions are done, with buffers for them.
#[derive(Clone, Debug, Default)]
pub(super) struct Morphology {
    size: Size,
    /// Row of the picture that is the first of `rows`; all of `rows` lie in the picture.
    top: usize,
    rows: Rows,
    /// Where an operation writes its result.
    next: Rows,
}

impl Morphology {
    pub(super) fn load(&mut self, mask: &Mask) {
        self.size = mask.size();
        self.rows.clear();
        self.top = mask.runs().first().map_or(0, |run| usize::from(run.y));
        for row in mask.runs().chunk_by(|a, b| a.y == b.y) {
            while self.top + self.rows.len() < usize::from(row[0].y) {
                self.rows.end_row();
            }
            let spans = row
                .iter()
                .map(|&Run { start, end, .. }| Span { start, end });
            self.rows.spans.extend(spans);
            self.rows.end_row();
        }
    }

    pub(super) fn store(&self, mask: &mut Mask) {
        let runs = mask.refill(self.size);
        for (y, row) in (self.top..).zip(self.rows.iter()) {
            runs.extend(row.iter().map(|&Span { start, end }| Run {
                y: y as u16,
                start,
                end,
            }));
        }
    }

    /// Dilates by `radius` pixels in the eight directions.
    pub(super) fn dilate(&mut self, radius: u32) {
        if radius == 0 {
            return;
        }
        let radius = self.effective(radius);
        let width = self.size.width as u16;
        self.rewrite(|rows, next| {
            for row in rows.iter() {
                for span in row {
                    next.append(Span {
                        start: span.start.saturating_sub(radius),
                        end: span.end.saturating_add(radius).min(width),
                    });
                }
                next.end_row();
            }
        });
        // Row `i` of a result is united from the rows up to `i`: it belongs `radius` further up.
        let radius = usize::from(radius);
        self.for_each_doubling(2 * radius + 1, |rows, shift, next| {
            for i in 0..rows.len() + shift {
                let earlier = i.checked_sub(shift).map_or(&[][..], |i| rows.row(i));
                next.unite(rows.row(i), earlier);
            }
        });
        let above_picture = radius.saturating_sub(self.top);
        self.top = self.top.saturating_sub(radius);
        let height = (self.size.height as usize).saturating_sub(self.top);
        self.rows.crop(above_picture, height);
    }

    /// Erodes by `radius` pixels in the eight directions.
    pub(super) fn erode(&mut self, radius: u32) {
        if radius == 0 {
            return;
        }
        let radius = self.effective(radius);
        let width = self.size.width as u16;
        let touches_top = self.top == 0;
        let touches_bottom = self.top + self.rows.len() == self.size.height as usize;
        self.rewrite(|rows, next| {
            // Rows beyond the picture are full, so that they take nothing away.
            let pad = |next: &mut Rows| {
                for _ in 0..radius {
                    next.spans.push(Span {
                        start: 0,
                        end: width,
                    });
                    next.end_row();
                }
            };
            if touches_top {
                pad(next);
            }
            for row in rows.iter() {
                let shrunk = row.iter().map(|&Span { start, end }| Span {
                    start: if start == 0 {
                        0
                    } else {
                        start.saturating_add(radius)
                    },
                    end: if end == width {
                        end
                    } else {
                        end.saturating_sub(radius)
                    },
                });
                next.spans
                    .extend(shrunk.filter(|span| span.start < span.end));
                next.end_row();
            }
            if touches_bottom {
                pad(next);
            }
        });
        // Row `i` of a result is the intersection of rows from `i` on: it belongs `radius`
        // further down, where the padding above has already put it.
        let radius = usize::from(radius);
        self.for_each_doubling(2 * radius + 1, |rows, shift, next| {
            for i in 0..rows.len().saturating_sub(shift) {
                next.intersect(rows.row(i), rows.row(i + shift));
            }
        });
        if !touches_top {
            self.top += radius;
        }
    }

    /// A radius that does the same, and is no larger than the picture.
    fn effective(&self, radius: u32) -> u16 {
        radius
            .min(self.size.width.max(self.size.height))
            .min(u32::from(u16::MAX)) as u16
    }

    /// Replaces `rows` by what `write` makes of them.
    fn rewrite(&mut self, write: impl FnOnce(&Rows, &mut Rows)) {
        self.next.clear();
        write(&self.rows, &mut self.next);
        std::mem::swap(&mut self.rows, &mut self.next);
    }

    /// Lets `combine` make windows of `rows` rows: it gets windows of a lower height and by how
    /// much to shift the second of the two that make up a higher one.
    fn for_each_doubling(&mut self, rows: usize, combine: impl Fn(&Rows, usize, &mut Rows)) {
        let mut height = 1;
        while height < rows {
            let shift = height.min(rows - height);
            self.rewrite(|rows, next| combine(rows, shift, next));
            height += shift;
        }
    }
}

impl Rows {
    fn clear(&mut self) {
        self.ends.clear();
        self.spans.clear();
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    /// Row `i`; without spans beyond the last.
    fn row(&self, i: usize) -> &[Span] {
        let start = if i == 0 {
            0
        } else {
            *self.ends.get(i - 1).unwrap_or(&0)
        };
        self.ends.get(i).map_or(&[], |&end| &self.spans[start..end])
    }

    fn iter(&self) -> impl Iterator<Item = &[Span]> {
        (0..self.len()).map(|i| self.row(i))
    }

    fn row_start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Completes the row being written.
    fn end_row(&mut self) {
        self.ends.push(self.spans.len());
    }

    /// Adds a span that starts no further left than the others of the row being written.
    fn append(&mut self, span: Span) {
        let row_start = self.row_start();
        match self.spans[row_start..].last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => self.spans.push(span),
        }
    }

    /// Writes a row with the pixels of either.
    fn unite(&mut self, mut a: &[Span], mut b: &[Span]) {
        while let (Some(p), Some(q)) = (a.first(), b.first()) {
            if p.start <= q.start {
                self.append(*p);
                a = &a[1..];
            } else {
                self.append(*q);
                b = &b[1..];
            }
        }
        for span in a.iter().chain(b) {
            self.append(*span);
        }
        self.end_row();
    }

    /// Writes a row with the pixels that are in both.
    fn intersect(&mut self, mut a: &[Span], mut b: &[Span]) {
        while let (Some(p), Some(q)) = (a.first(), b.first()) {
            let (start, end) = (p.start.max(q.start), p.end.min(q.end));
            if start < end {
                self.spans.push(Span { start, end });
            }
            if p.end < q.end {
                a = &a[1..];
            } else {
                b = &b[1..];
            }
        }
        self.end_row();
    }

    /// Keeps at most `count` rows from row `first` on.
    fn crop(&mut self, first: usize, count: usize) {
        self.ends.truncate(first + count);
        self.spans.truncate(self.row_start());
        if first > 0 {
            let first = first.min(self.len());
            let removed = first.checked_sub(1).map_or(0, |last| self.ends[last]);
            self.spans.drain(..removed);
            self.ends.drain(..first);
            for end in &mut self.ends {
                *end -= removed;
            }
        }
    }
}
