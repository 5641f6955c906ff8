//! All stages tied together: from one frame's tensors to its segments.

use std::time::{Duration, Instant};

use frame::{InputSize, Letterbox, Size};
use tensors::{Classes, Layout, PROTOTYPE_CHANNELS, Role, Tensors};

use crate::ahead::ask_for;
use crate::border::onto_border;
use crate::canvas::Canvas;
use crate::cleanup::Cleaner;
use crate::{Decoder, Detection, Rasterizer, Segments, Settings, Suppressor};

/// Runs that a mask has at most, or it is left out: as many as a frame has rows at most. Masks of
/// things have one to three in a row; noise in the network's answer has up to one for each column of
/// prototypes, 160 to 320, and without a limit a frame of it would take gigabytes and seconds.
pub const MAX_RUNS_PER_MASK: usize = 1 << 16;

/// Runs that a frame's masks have at most together; those that would go beyond are left out, the
/// better detections coming first.
pub const MAX_RUNS: usize = 1 << 21;

/// Finds segments, reusing all its buffers: after the first frames nothing is allocated.
#[derive(Debug)]
pub struct Segmenter {
    input: InputSize,
    classes: Classes,
    decoder: Decoder,
    suppressor: Suppressor,
    rasterizer: Rasterizer,
    cleaner: Cleaner,
    candidates: Vec<Detection>,
    detections: Vec<Detection>,
    times: StageTimes,
}

/// How long the stages of one frame took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageTimes {
    /// Scores and boxes.
    pub decode: Duration,
    /// Non-maximum suppression.
    pub nms: Duration,
    /// Masks as row runs, cleaned up where that is asked for, with their areas and boxes.
    pub masks: Duration,
}

impl StageTimes {
    /// All stages together.
    pub fn total(&self) -> Duration {
        self.decode + self.nms + self.masks
    }
}

/// Why there can't be segments.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SegmentError {
    /// The frame has a side of no pixels, or of more than runs can count.
    #[error("a frame of {0} can't be segmented: both sides must be 1 to 65535 pixels")]
    FrameSize(Size),
    /// The frame would lie outside the network's input.
    #[error(
        "a letterbox that puts {} at {}, {} does not fit into the {} input",
        .0.resized, .0.left, .0.top, .0.input
    )]
    Letterbox(Letterbox),
    /// The frame was letterboxed, or the tensors were made, for another network.
    #[error("a frame in a {found} input can't be segmented: the network takes {expected}")]
    InputSize {
        /// The size of the letterbox or the tensors.
        found: InputSize,
        /// The network's.
        expected: InputSize,
    },
    /// The tensors were made for a network of other classes.
    #[error("tensors of {found} classes can't be segmented: the network tells {expected} apart")]
    Classes {
        /// The tensors'.
        found: usize,
        /// The network's.
        expected: usize,
    },
}

impl Segmenter {
    /// A segmenter for the outputs of a network.
    pub fn new(layout: &Layout) -> Self {
        Self {
            input: layout.input(),
            classes: layout.classes().clone(),
            decoder: Decoder::new(layout),
            suppressor: Suppressor::new(),
            rasterizer: Rasterizer::new(),
            cleaner: Cleaner::new(),
            candidates: Vec::new(),
            detections: Vec::new(),
            times: StageTimes::default(),
        }
    }

    /// Replaces `segments` by those of a frame that lay in the network's input as `letterbox`
    /// says. An error leaves `segments` as they were.
    ///
    /// # Errors
    /// A frame of a size that no mask has, a letterbox that does not lie in its input, and one or
    /// tensors for an input of another size than the layout's.
    pub fn segment(
        &mut self,
        tensors: &Tensors,
        letterbox: &Letterbox,
        settings: &Settings,
        segments: &mut Segments,
    ) -> Result<(), SegmentError> {
        validate(letterbox)?;
        if tensors.classes() != self.classes.count() {
            return Err(SegmentError::Classes {
                found: tensors.classes(),
                expected: self.classes.count(),
            });
        }
        for found in [letterbox.input, tensors.input()] {
            if found != self.input {
                let expected = self.input;
                return Err(SegmentError::InputSize { found, expected });
            }
        }
        let begun = Instant::now();
        self.decoder.decode(
            tensors,
            settings.confidence,
            &settings.classes,
            &mut self.candidates,
        );
        let decoded = Instant::now();
        self.suppressor.suppress(
            &self.candidates,
            settings.iou,
            settings.max_segments,
            &mut self.detections,
        );
        let suppressed = Instant::now();
        self.rasterize(tensors, letterbox, settings, segments);
        self.times = StageTimes {
            decode: decoded - begun,
            nms: suppressed - decoded,
            masks: suppressed.elapsed(),
        };
        Ok(())
    }

    /// How long the stages of the last frame took.
    pub const fn last_times(&self) -> StageTimes {
        self.times
    }

    /// What survived suppression in the last frame, masks with and without pixels.
    pub fn last_detections(&self) -> &[Detection] {
        &self.detections
    }

    /// Makes segments of the detections that survived.
    fn rasterize(
        &mut self,
        tensors: &Tensors,
        letterbox: &Letterbox,
        settings: &Settings,
        segments: &mut Segments,
    ) {
        self.rasterizer.fit(letterbox, settings.mask_size);
        let canvas = Canvas {
            letterbox: *letterbox,
            mask_size: settings.mask_size,
        };
        segments.restart(canvas, &self.classes);
        ask_for::<PROTOTYPE_CHANNELS>(self.detections.iter().map(|detection| {
            let (level, cell) = detection.anchor.cell(self.input);
            (tensors.view(Role::Coefficients(level)), cell)
        }));
        let mut room = MAX_RUNS;
        for detection in &self.detections {
            let segment = segments.next();
            let most = room.min(MAX_RUNS_PER_MASK);
            let mask = &mut segment.mask;
            let complete = self
                .rasterizer
                .rasterize_within(most, tensors, detection, mask);
            self.cleaner.apply(&settings.cleanup, mask);
            let runs = mask.runs().len();
            if !complete || runs > most {
                segments.leave_out();
                continue;
            }
            (segment.area, segment.bbox) = segment.mask.measure();
            if segment.mask.is_empty() || segment.area < settings.min_area {
                continue;
            }
            segment.score = detection.score;
            segment.class = detection.class;
            let in_frame = letterbox.rect_to_frame(detection.bbox);
            segment.detection_bbox = if self.classes.are_told_apart() {
                in_frame
            } else {
                onto_border(in_frame, letterbox.frame)
            };
            room -= runs;
            segments.keep();
        }
    }
}

/// Checks what runs and tables rely on.
fn validate(letterbox: &Letterbox) -> Result<(), SegmentError> {
    let Size { width, height } = letterbox.frame;
    let side = 1..=u32::from(u16::MAX);
    if !side.contains(&width) || !side.contains(&height) {
        return Err(SegmentError::FrameSize(letterbox.frame));
    }
    let fits = |offset: u32, length: u32, side: u32| {
        length > 0 && offset.checked_add(length).is_some_and(|end| end <= side)
    };
    let Letterbox {
        input,
        resized,
        left,
        top,
        ..
    } = *letterbox;
    if !fits(left, resized.width, input.width()) || !fits(top, resized.height, input.height()) {
        return Err(SegmentError::Letterbox(*letterbox));
    }
    Ok(())
}
