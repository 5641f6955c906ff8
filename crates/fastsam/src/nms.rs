//! Non-maximum suppression: of boxes that overlap, the best stays.
//!
//! Greedy, as torchvision's `nms`: candidates come best first; each is kept unless a kept one
//! overlaps it with `IoU = intersection / (a + b - intersection)` above the threshold, strictly,
//! in `f32`. Boxes are neither rounded nor grown.
//!
//! Only boxes of one class suppress each other. As in the reference, each class has its boxes moved to a
//! place of its own, in `f32`, before they are compared: what that rounds off is rounded off here, too.
//!
//! Kept boxes lie in blocks of [`LANES`], coordinate by coordinate, so that a candidate is held
//! against a block at a time. The division only decides what comes near the threshold. Work is
//! bounded by candidates times kept.

use fearless_simd::{dispatch, f32x8, prelude::*};
use frame::InputRect;

use crate::Detection;
use crate::processor::level;

/// Kept boxes compared together.
const LANES: usize = 8;

/// How far apart the boxes of two neighbouring classes are moved: the reference's number, and more than
/// any box reaches.
const CLASS_DISTANCE: f32 = 7680.0;

/// Up to [`LANES`] kept boxes. Unused lanes are empty boxes, which overlap nothing.
#[derive(Clone, Debug, Default)]
struct Block {
    x1: [f32; LANES],
    y1: [f32; LANES],
    x2: [f32; LANES],
    y2: [f32; LANES],
    area: [f32; LANES],
}

/// Suppresses overlapping detections, reusing its buffer.
#[derive(Clone, Debug, Default)]
pub struct Suppressor {
    kept: Vec<Block>,
}

impl Suppressor {
    /// Without buffers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `kept` by those of `candidates`, best first, that no better one overlaps with an
    /// intersection over union above `iou`; at most `limit`.
    pub fn suppress(
        &mut self,
        candidates: &[Detection],
        iou: f32,
        limit: usize,
        kept: &mut Vec<Detection>,
    ) {
        dispatch!(level(), simd => self.suppress_with(simd, candidates, iou, limit, kept));
    }

    #[inline(always)]
    fn suppress_with<S: Simd>(
        &mut self,
        simd: S,
        candidates: &[Detection],
        iou: f32,
        limit: usize,
        kept: &mut Vec<Detection>,
    ) {
        kept.clear();
        self.kept.clear();
        for candidate in candidates {
            if kept.len() >= limit {
                break;
            }
            let bbox = placed(candidate);
            if !self.overlaps(simd, bbox, iou) {
                self.keep(kept.len(), bbox);
                kept.push(*candidate);
            }
        }
    }

    /// Whether a kept box overlaps the candidate's by more than `iou`.
    #[inline(always)]
    fn overlaps<S: Simd>(&self, simd: S, candidate: InputRect, iou: f32) -> bool {
        for block in &self.kept {
            if block.overlaps(simd, candidate, iou) {
                return true;
            }
        }
        false
    }

    #[inline(always)]
    fn keep(&mut self, position: usize, bbox: InputRect) {
        let lane = position % LANES;
        if lane == 0 {
            self.kept.push(Block::default());
        }
        if let Some(block) = self.kept.last_mut() {
            block.x1[lane] = bbox.x1;
            block.y1[lane] = bbox.y1;
            block.x2[lane] = bbox.x2;
            block.y2[lane] = bbox.y2;
            block.area[lane] = area(bbox);
        }
    }
}

impl Block {
    /// Whether one of these boxes overlaps the candidate's by more than `iou`.
    #[inline(always)]
    fn overlaps<S: Simd>(&self, simd: S, candidate: InputRect, iou: f32) -> bool {
        let [x1, y1, x2, y2, area] = [&self.x1, &self.y1, &self.x2, &self.y2, &self.area]
            .map(|lanes| f32x8::load_array_ref(simd, lanes));
        let width = (x2.min(candidate.x2) - x1.max(candidate.x1)).max(0.0);
        let height = (y2.min(candidate.y2) - y1.max(candidate.y1)).max(0.0);
        let intersection = width * height;
        let union = area + self::area(candidate) - intersection;
        // A product lies within a few units in the last place of what the division compares, so
        // a slightly lower bound lets nothing through that the division would suppress.
        let bound = iou * (1.0 - 16.0 * f32::EPSILON);
        intersection.simd_gt(union * bound).any_true()
            && (intersection / union).simd_gt(iou).any_true()
    }
}

/// A detection's box at its class's place.
#[inline(always)]
fn placed(detection: &Detection) -> InputRect {
    if detection.class == 0 {
        return detection.bbox;
    }
    let InputRect { x1, y1, x2, y2 } = detection.bbox;
    let away = f32::from(detection.class) * CLASS_DISTANCE;
    InputRect {
        x1: x1 + away,
        y1: y1 + away,
        x2: x2 + away,
        y2: y2 + away,
    }
}

fn area(bbox: InputRect) -> f32 {
    (bbox.x2 - bbox.x1) * (bbox.y2 - bbox.y1)
}

#[cfg(test)]
mod tests;
