//! What the post-processor hands on: the segments of one frame.

use frame::{FrameRect, PixelRect, Size};
use tensors::Classes;

use crate::{Mask, canvas::Canvas};

/// One object found in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Confidence, 0 to 1.
    pub score: f32,
    /// The class it is of, from 0; FastSAM has no other.
    pub class: u16,
    /// The mask's own box (the union of its contours' rectangles), in pixels of the mask.
    pub bbox: PixelRect,
    /// The network's box in the frame; FastSAM's is moved onto the border where it nearly reaches it.
    pub detection_bbox: FrameRect,
    /// Foreground pixels.
    pub area: u32,
    /// The mask, in frame pixels, or in input pixels where network-size masks were asked for.
    pub mask: Mask,
}

/// The segments of one frame, best score first. Made once, refilled for each frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Segments {
    /// The classes that this frame's network tells apart.
    classes: Classes,
    /// What this frame's masks are painted on; `None` before the first frame.
    canvas: Option<Canvas>,
    /// The first `count` are this frame's; those behind it wait to be reused.
    pool: Vec<Segment>,
    /// For each of the pool, the most runs that it had since buffers were last made smaller.
    needs: Vec<usize>,
    /// Frames since then.
    frames: u32,
    count: usize,
    left_out: usize,
}

/// Frames after which buffers are made as small as these frames needed them. Without that each would keep
/// the size of the largest mask that ever came into its place, over months the size of the frame.
const FORGET_AFTER: u32 = 256;

impl Default for Segments {
    fn default() -> Self {
        Self {
            classes: Classes::one(),
            canvas: None,
            pool: Vec::new(),
            needs: Vec::new(),
            frames: 0,
            count: 0,
            left_out: 0,
        }
    }
}

impl Segments {
    /// Without any; buffers grow with the first frames.
    pub fn new() -> Self {
        Self::default()
    }

    /// The classes that segments are of; before the first frame FastSAM's one.
    pub const fn classes(&self) -> &Classes {
        &self.classes
    }

    /// This frame's segments.
    pub fn as_slice(&self) -> &[Segment] {
        &self.pool[..self.count]
    }

    /// What this frame's masks are painted on, and how the frame lies on it; `None` before the
    /// first frame.
    pub fn canvas(&self) -> Option<Canvas> {
        self.canvas
    }

    /// Columns and rows that the masks are defined over; 0 x 0 before the first frame.
    pub fn size(&self) -> Size {
        self.canvas.map_or(Size::new(0, 0), |canvas| canvas.size())
    }

    /// How many of this frame's detections are no segments because their masks were noise, of more
    /// runs than [`MAX_RUNS_PER_MASK`](crate::MAX_RUNS_PER_MASK) or, all together,
    /// [`MAX_RUNS`](crate::MAX_RUNS).
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Starts a new frame.
    pub(crate) fn restart(&mut self, canvas: Canvas, classes: &Classes) {
        self.note_needs();
        self.frames += 1;
        if self.frames >= FORGET_AFTER {
            self.forget();
        }
        self.classes.clone_from(classes);
        self.canvas = Some(canvas);
        self.count = 0;
        self.left_out = 0;
    }

    /// Notes what the last frame needed.
    fn note_needs(&mut self) {
        self.needs.resize(self.pool.len(), 0);
        for (need, segment) in self.needs.iter_mut().zip(&self.pool[..self.count]) {
            *need = segment.mask.runs().len().max(*need);
        }
    }

    /// Makes buffers as small as they were needed lately.
    fn forget(&mut self) {
        for (need, segment) in self.needs.iter_mut().zip(&mut self.pool) {
            segment.mask.runs_mut().shrink_to(std::mem::take(need));
        }
        self.frames = 0;
    }

    /// The next segment to be filled; counts once [`Segments::keep`] is called.
    pub(crate) fn next(&mut self) -> &mut Segment {
        if self.count == self.pool.len() {
            self.pool.push(Segment {
                score: 0.0,
                class: 0,
                bbox: PixelRect::default(),
                detection_bbox: FrameRect::default(),
                area: 0,
                mask: Mask::empty(Size::new(0, 0)),
            });
        }
        &mut self.pool[self.count]
    }

    /// Has these segments in place of this frame's.
    pub(crate) fn replace(&mut self, segments: Vec<Segment>) {
        self.note_needs();
        self.count = segments.len();
        self.pool = segments;
        self.needs.clear();
    }

    /// Counts a detection whose mask has too many runs.
    pub(crate) fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// Keeps the segment that [`Segments::next`] gave.
    pub(crate) fn keep(&mut self) {
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use frame::{InputSize, Letterbox};

    use super::*;
    use crate::{MaskSize, Run};

    #[test]
    fn a_large_mask_of_long_ago_is_forgotten() {
        let size = Size::new(640, 480);
        let canvas = Canvas {
            letterbox: Letterbox::fit(size, InputSize::DEFAULT),
            mask_size: MaskSize::Frame,
        };
        let mut segments = Segments::new();
        let mut show = |rows: u16| {
            segments.restart(canvas, &Classes::one());
            let segment = segments.next();
            let row = |y| Run {
                y,
                start: 0,
                end: 9,
            };
            let runs = segment.mask.refill(size);
            runs.extend((0..rows).map(row));
            segments.keep();
            segments.pool[0].mask.runs_mut().capacity()
        };
        assert!(show(400) >= 400);
        // As long as it may come again, its room is kept.
        assert!((0..100).map(|_| show(20)).all(|room| room >= 400));
        let room: Vec<usize> = (0..2 * FORGET_AFTER).map(|_| show(20)).collect();
        assert!(room.ends_with(&[20]), "{:?}", room.last());
        // And that without a change from frame to frame.
        assert!(room.windows(2).filter(|pair| pair[0] != pair[1]).count() <= 2);
    }
}
