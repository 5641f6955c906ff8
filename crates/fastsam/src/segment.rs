//! What the post-processor hands on: the segments of one frame.

use frame::{FrameRect, PixelRect, Size};
use tensors::Classes;

use crate::{Mask, canvas::Canvas};

/// Outer borders of a mask's components, as pixel-centre chains (OpenCV's `RETR_EXTERNAL` with
/// `CHAIN_APPROX_SIMPLE`). One buffer for all chains, so that refilling allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contours {
    pub(crate) points: Vec<[u16; 2]>,
    /// Where each chain ends in `points`.
    pub(crate) ends: Vec<u32>,
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
    /// The mask's outer borders.
    pub contours: Contours,
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
    count: usize,
    left_out: usize,
}

impl Default for Segments {
    fn default() -> Self {
        Self {
            classes: Classes::one(),
            canvas: None,
            pool: Vec::new(),
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

    /// This frame's segments, to be completed.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [Segment] {
        &mut self.pool[..self.count]
    }

    /// Starts a new frame.
    pub(crate) fn restart(&mut self, canvas: Canvas, classes: &Classes) {
        self.classes.clone_from(classes);
        self.canvas = Some(canvas);
        self.count = 0;
        self.left_out = 0;
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
                contours: Contours::default(),
            });
        }
        &mut self.pool[self.count]
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
