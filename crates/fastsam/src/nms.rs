//! Non-maximum suppression: of boxes that overlap, the best stays.
//!
//! Greedy, as torchvision's `nms`: candidates come best first; each is kept unless a kept one
//! overlaps it with `IoU = intersection / (a + b - intersection)` above the threshold, strictly,
//! in `f32`. Boxes are neither rounded nor grown.
//!
//! Kept boxes lie in blocks of [`LANES`], coordinate by coordinate, so that a candidate is held
//! against a block at a time. The division only decides what comes near the threshold. Work is
//! bounded by candidates times kept.

use crate::Detection;

/// Kept boxes compared together.
const LANES: usize = 8;

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
        kept.clear();
        self.kept.clear();
        for candidate in candidates {
            if kept.len() >= limit {
                break;
            }
            let suppressed = self.kept.iter().any(|block| block.overlaps(candidate, iou));
            if !suppressed {
                self.keep(kept.len(), candidate);
                kept.push(*candidate);
            }
        }
    }

    fn keep(&mut self, position: usize, detection: &Detection) {
        let lane = position % LANES;
        if lane == 0 {
            self.kept.push(Block::default());
        }
        if let Some(block) = self.kept.last_mut() {
            let bbox = detection.bbox;
            block.x1[lane] = bbox.x1;
            block.y1[lane] = bbox.y1;
            block.x2[lane] = bbox.x2;
            block.y2[lane] = bbox.y2;
            block.area[lane] = area(detection);
        }
    }
}

impl Block {
    /// Whether one of these boxes overlaps the candidate's by more than `iou`.
    fn overlaps(&self, candidate: &Detection, iou: f32) -> bool {
        let bbox = candidate.bbox;
        let candidate_area = area(candidate);
        // A product lies within a few units in the last place of what the division compares, so
        // a slightly lower bound lets nothing through that the division would suppress.
        let bound = iou * (1.0 - 16.0 * f32::EPSILON);
        let mut intersection = [0.0; LANES];
        let mut union = [0.0; LANES];
        let mut near = false;
        for lane in 0..LANES {
            let width = positive(least(self.x2[lane], bbox.x2) - most(self.x1[lane], bbox.x1));
            let height = positive(least(self.y2[lane], bbox.y2) - most(self.y1[lane], bbox.y1));
            intersection[lane] = width * height;
            union[lane] = self.area[lane] + candidate_area - intersection[lane];
            near |= intersection[lane] > bound * union[lane];
        }
        near && (0..LANES).any(|lane| intersection[lane] / union[lane] > iou)
    }
}

fn area(detection: &Detection) -> f32 {
    let bbox = detection.bbox;
    (bbox.x2 - bbox.x1) * (bbox.y2 - bbox.y1)
}

// `f32::min` and `f32::max` look out for NaN, which costs three instructions where the processor
// has one. Boxes are never NaN.

fn least(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

fn most(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

fn positive(a: f32) -> f32 {
    most(a, 0.0)
}

#[cfg(test)]
mod tests;
