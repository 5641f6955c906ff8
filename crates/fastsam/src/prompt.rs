//! Choosing among a frame's segments: by points, by boxes.
//!
//! Works on row runs; no bitmap is made. What is chosen are positions in the frame's list of
//! segments, so that an answer keeps the request's order and names each mask as the `masks`
//! message does.
//!
//! Semantics after FastSAM (Zhao et al. 2023, section 3.3), with its reference's faults left out:
//! - *points*: a mask is a candidate when any foreground point hits it and no background point
//!   does, in whatever order the points come; with background points alone, every mask that none
//!   of them hits. Instances come out, not their union ([`union`] makes one where it is wanted).
//! - *boxes*: the mask with the highest IoU of mask and box, `i / (box + mask - i)` with `i` the
//!   mask's pixels inside the box; none where no mask reaches the box.
//!
//! Prompts are in frame pixels whatever the masks are made of: a [`Canvas`] carries them over, past
//! the letterbox's padding where masks are the network's. A pixel `i` is inside a box when
//! `x1 <= i < x2`, as for crops.

use frame::{FramePoint, FrameRect, PixelRect, Size};

pub use crate::canvas::Canvas;
use crate::{Mask, MaskSize, Run, Segment};

/// Whether a point lies on what is wanted or on what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Wanted.
    Foreground,
    /// Not wanted.
    Background,
}

/// A labelled position in frame pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointPrompt {
    /// Where.
    pub position: FramePoint,
    /// On what.
    pub label: Label,
}

/// Which of the masks under a foreground point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Select {
    /// The one of the smallest area: the object, not the table it stands on.
    #[default]
    Smallest,
    /// The one of the best score.
    Best,
    /// All of them, as the reference does.
    All,
}

/// The answer to one box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoxMatch {
    /// The matching segment's place in the frame's list; `None` where none reaches the minimum.
    pub segment: Option<usize>,
    /// The best IoU of mask and box found, 0 where no mask reaches the box.
    pub iou: f64,
}

/// Why a prompt can't be answered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PromptError {
    /// No point was given.
    #[error("no point was given: expected at least one")]
    NoPoints,
    /// A coordinate is NaN or infinite.
    #[error("{x}, {y} is no position: both must be finite numbers")]
    NotFinite {
        /// As given.
        x: f32,
        /// As given.
        y: f32,
    },
    /// A point beyond the frame.
    #[error("point {x}, {y} is outside the frame of {frame}")]
    PointOutside {
        /// As given.
        x: f32,
        /// As given.
        y: f32,
        /// The frame's size.
        frame: Size,
    },
    /// A box without area, or with its sides exchanged.
    #[error("box {}, {}, {}, {} is empty: expected x1 < x2 and y1 < y2", .0.x1, .0.y1, .0.x2, .0.y2)]
    EmptyBox(FrameRect),
    /// A box that shares no pixel with the frame.
    #[error("box {}, {}, {}, {} is outside the frame of {frame}", .rect.x1, .rect.y1, .rect.x2, .rect.y2)]
    BoxOutside {
        /// As given.
        rect: FrameRect,
        /// The frame's size.
        frame: Size,
    },
}

/// The segments that the points choose, as places in `segments`: with [`Select::All`] in the
/// frame's order; otherwise one for each foreground point that hits a candidate, in the order of
/// the points and without repetition.
///
/// # Errors
/// No point, one that is no position, one outside the frame.
pub fn by_points(
    segments: &[Segment],
    canvas: &Canvas,
    points: &[PointPrompt],
    select: Select,
) -> Result<Vec<usize>, PromptError> {
    if points.is_empty() {
        return Err(PromptError::NoPoints);
    }
    let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
    for point in points {
        let pixels = match point.label {
            Label::Foreground => &mut wanted,
            Label::Background => &mut unwanted,
        };
        pixels.push(canvas.pixel(point.position)?);
    }
    let hit = |i: usize, &(x, y): &(u32, u32)| segments[i].mask.contains(x, y);
    let candidates: Vec<usize> = (0..segments.len())
        .filter(|&i| !unwanted.iter().any(|pixel| hit(i, pixel)))
        .collect();
    if wanted.is_empty() {
        return Ok(candidates);
    }
    if select == Select::All {
        let is_hit = |&i: &usize| wanted.iter().any(|pixel| hit(i, pixel));
        return Ok(candidates.into_iter().filter(is_hit).collect());
    }
    let mut chosen = Vec::new();
    for pixel in &wanted {
        let mut under = candidates.iter().copied().filter(|&i| hit(i, pixel));
        let choice = match select {
            Select::Smallest => under.min_by_key(|&i| segments[i].area),
            // Segments come in descending score.
            Select::Best | Select::All => under.next(),
        };
        if let Some(choice) = choice.filter(|choice| !chosen.contains(choice)) {
            chosen.push(choice);
        }
    }
    Ok(chosen)
}

/// The segment whose mask fits the box best, if its IoU is above 0 and at least `min_iou`. The box
/// may reach beyond the frame.
///
/// # Errors
/// A box with a side that is no number, without area, or wholly outside the frame.
pub fn by_box(
    segments: &[Segment],
    canvas: &Canvas,
    rect: FrameRect,
    min_iou: f64,
) -> Result<BoxMatch, PromptError> {
    let window = canvas.window(rect)?;
    let mut best = BoxMatch {
        segment: None,
        iou: 0.0,
    };
    // Most boxes are decided by the rectangles around the masks: whose IoU can be the largest is looked at first, and
    // then only who could be better. Of equal ones the first counts.
    let promising = (0..segments.len())
        .map(|i| (i, window.largest_iou(&segments[i])))
        .max_by(|(_, a), (_, b)| a.total_cmp(b));
    let Some((promising, _)) = promising else {
        return Ok(best);
    };
    let others = (0..segments.len()).filter(|&i| i != promising);
    for i in std::iter::once(promising).chain(others) {
        let segment = &segments[i];
        if window.largest_iou(segment) < best.iou {
            continue;
        }
        let inside = f64::from(window.count(&segment.mask));
        let iou = inside / (window.area + f64::from(segment.area) - inside);
        let is_first = best.segment.is_some_and(|best| i < best);
        if iou > best.iou || (iou == best.iou && is_first) {
            best = BoxMatch {
                segment: Some(i),
                iou,
            };
        }
    }
    if best.iou < min_iou {
        best.segment = None;
    }
    Ok(best)
}

/// The union of some segments' masks, on a canvas of this size; `None` where one of them is not in
/// the list or is larger. [`Cleaner`](crate::cleanup::Cleaner) smooths it where that is wanted.
pub fn union(segments: &[Segment], chosen: &[usize], size: Size) -> Option<Mask> {
    let mut runs = Vec::new();
    for &i in chosen {
        runs.extend_from_slice(segments.get(i)?.mask.runs());
    }
    runs.sort_unstable();
    let mut merged: Vec<Run> = Vec::with_capacity(runs.len());
    for run in runs {
        match merged.last_mut() {
            Some(last) if last.y == run.y && run.start <= last.end => {
                last.end = last.end.max(run.end);
            }
            _ => merged.push(run),
        }
    }
    Mask::from_runs(size, merged)
}

impl Canvas {
    /// The pixel of a mask in which a point of the frame lies. A point on the frame's right or
    /// bottom border belongs to the last pixel.
    fn pixel(&self, point: FramePoint) -> Result<(u32, u32), PromptError> {
        let FramePoint { x, y } = point;
        if !x.is_finite() || !y.is_finite() {
            return Err(PromptError::NotFinite { x, y });
        }
        let frame = self.letterbox.frame;
        let (width, height) = (frame.width as f32, frame.height as f32);
        if !(0.0..=width).contains(&x) || !(0.0..=height).contains(&y) {
            return Err(PromptError::PointOutside { x, y, frame });
        }
        // The last pixel of the frame, not of the padding behind it.
        let within = FramePoint {
            x: x.min(width - 1.0),
            y: y.min(height - 1.0),
        };
        Ok(match self.mask_size {
            MaskSize::Frame => (within.x as u32, within.y as u32),
            MaskSize::Network => {
                let point = self.letterbox.to_input(within);
                (point.x as u32, point.y as u32)
            }
        })
    }

    /// A box of the frame on the masks.
    fn window(&self, rect: FrameRect) -> Result<Window, PromptError> {
        let FrameRect { x1, y1, x2, y2 } = rect;
        for (x, y) in [(x1, y1), (x2, y2)] {
            if !x.is_finite() || !y.is_finite() {
                return Err(PromptError::NotFinite { x, y });
            }
        }
        if x1 >= x2 || y1 >= y2 {
            return Err(PromptError::EmptyBox(rect));
        }
        let frame = self.letterbox.frame;
        if x2 <= 0.0 || y2 <= 0.0 || x1 >= frame.width as f32 || y1 >= frame.height as f32 {
            return Err(PromptError::BoxOutside { rect, frame });
        }
        let [x1, y1, x2, y2] = match self.mask_size {
            MaskSize::Frame => [x1, y1, x2, y2],
            MaskSize::Network => {
                let low = self.letterbox.to_input(FramePoint { x: x1, y: y1 });
                let high = self.letterbox.to_input(FramePoint { x: x2, y: y2 });
                [low.x, low.y, high.x, high.y]
            }
        };
        let size = self.size();
        // `x1 <= i` is `ceil(x1) <= i`, and `i < x2` is `i < ceil(x2)`.
        let pixel = |edge: f32, end: u32| {
            let end = u16::try_from(end).unwrap_or(u16::MAX);
            edge.ceil().clamp(0.0, f32::from(end)) as u16
        };
        Ok(Window {
            x1: pixel(x1, size.width),
            y1: pixel(y1, size.height),
            x2: pixel(x2, size.width),
            y2: pixel(y2, size.height),
            area: f64::from(x2 - x1) * f64::from(y2 - y1),
        })
    }
}

/// A box on the masks: the whole pixels of them inside it, half-open.
struct Window {
    x1: u16,
    y1: u16,
    x2: u16,
    y2: u16,
    /// The box's own, fractions and what lies beyond the masks included.
    area: f64,
}

impl Window {
    /// The largest IoU that a segment can have, by what its rectangle has in common with the window.
    fn largest_iou(&self, segment: &Segment) -> f64 {
        let PixelRect {
            x,
            y,
            width,
            height,
        } = segment.bbox;
        let along = |low: u16, high: u16, start: u32, length: u32| {
            let end = u32::from(high).min(start + length);
            end.saturating_sub(u32::from(low).max(start))
        };
        let wide = along(self.x1, self.x2, x, width);
        let common = wide * along(self.y1, self.y2, y, height);
        let most = f64::from(common.min(segment.area));
        most / (self.area + f64::from(segment.area) - most)
    }

    /// Foreground pixels inside.
    fn count(&self, mask: &Mask) -> u32 {
        let runs = mask.runs();
        let first = runs.partition_point(|run| run.y < self.y1);
        runs.iter()
            .skip(first)
            .take_while(|run| run.y < self.y2)
            .map(|run| u32::from(run.end.min(self.x2).saturating_sub(run.start.max(self.x1))))
            .sum()
    }
}

#[cfg(test)]
mod tests;
