//! The segments of one picture from two looks at it: at a smaller input large things are whole, at a larger one small
//! things are seen.
//!
//! What only one look found counts less: its score is multiplied by [`ALONE`]. Then the better of two masks that are
//! alike stays, as in non-maximum suppression, here by masks and not by boxes.

use crate::{Segment, Segments, Settings};

/// Masks of the same thing have at least this intersection over union.
const SAME: f64 = 0.6;

/// Two looks agree on a thing where its masks have at least this one.
const AGREES: f64 = 0.5;

/// What is left of a score that the other look does not confirm.
const ALONE: f32 = 0.7;

impl Segments {
    /// Takes up the segments of another look at the same frame, whose masks have the same size. No more stay than
    /// `settings` allows, each of at least its confidence.
    pub fn join(&mut self, other: &Self, settings: &Settings) {
        if self.size() != other.size() {
            return;
        }
        let weighed = |one: &Segment, others: &[Segment]| {
            let agrees = others.iter().any(|other| alike(one, other, AGREES));
            let score = if agrees { one.score } else { one.score * ALONE };
            Segment {
                score,
                ..one.clone()
            }
        };
        let mine = self
            .as_slice()
            .iter()
            .map(|one| weighed(one, other.as_slice()));
        let theirs = other
            .as_slice()
            .iter()
            .map(|one| weighed(one, self.as_slice()));
        let mut all: Vec<Segment> = mine.chain(theirs).collect();
        all.retain(|one| one.score >= settings.confidence);
        all.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut kept: Vec<Segment> = Vec::new();
        for one in all {
            if kept.len() == settings.max_segments {
                break;
            }
            if !kept.iter().any(|better| alike(&one, better, SAME)) {
                kept.push(one);
            }
        }
        self.replace(kept);
    }
}

fn alike(one: &Segment, other: &Segment, least: f64) -> bool {
    // Masks whose boxes don't touch have nothing in common.
    let (a, b) = (one.bbox, other.bbox);
    let touch =
        a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
    touch && one.class == other.class && one.mask.iou(&other.mask) >= least
}

#[cfg(test)]
mod tests {
    use frame::{FrameRect, InputSize, Letterbox, PixelRect, Size};
    use tensors::Classes;

    use super::*;
    use crate::{Mask, MaskSize, Run, canvas::Canvas};

    const SIZE: Size = Size::new(100, 50);

    fn segment(score: f32, x: u16, width: u16) -> Segment {
        let runs = (10..20).map(|y| Run {
            y,
            start: x,
            end: x + width,
        });
        Segment {
            score,
            class: 0,
            bbox: PixelRect {
                x: x.into(),
                y: 10,
                width: width.into(),
                height: 10,
            },
            detection_bbox: FrameRect::default(),
            area: u32::from(width) * 10,
            mask: Mask::from_runs(SIZE, runs.collect()).unwrap(),
        }
    }

    fn look(segments: Vec<Segment>) -> Segments {
        let mut look = Segments::new();
        let canvas = Canvas {
            letterbox: Letterbox::fit(SIZE, InputSize::DEFAULT),
            mask_size: MaskSize::Frame,
        };
        look.restart(canvas, &Classes::one());
        look.replace(segments);
        look
    }

    fn scores(looks: [Vec<Segment>; 2], settings: &Settings) -> Vec<f32> {
        let [mut first, second] = looks.map(look);
        first.join(&second, settings);
        first.as_slice().iter().map(|one| one.score).collect()
    }

    #[test]
    fn what_both_looks_see_stays_once_with_the_better_score() {
        let settings = Settings::default();
        let looks = [vec![segment(0.6, 10, 20)], vec![segment(0.9, 10, 21)]];
        assert_eq!(scores(looks, &settings), [0.9]);
    }

    #[test]
    fn what_one_look_sees_counts_less() {
        let settings = Settings {
            confidence: 0.25,
            ..Settings::default()
        };
        let looks = [
            vec![segment(0.8, 10, 20), segment(0.3, 60, 20)],
            vec![segment(0.5, 35, 10)],
        ];
        // 0.3 is below the threshold then.
        assert_eq!(scores(looks, &settings), [0.8 * ALONE, 0.5 * ALONE]);
        let few = Settings {
            max_segments: 1,
            ..settings
        };
        let looks = [vec![segment(0.8, 10, 20)], vec![segment(0.5, 35, 10)]];
        assert_eq!(scores(looks, &few), [0.8 * ALONE]);
    }

    #[test]
    fn looks_of_different_sizes_have_nothing_to_do_with_each_other() {
        let mut first = look(vec![segment(0.8, 10, 20)]);
        first.join(&Segments::new(), &Settings::default());
        assert_eq!(first.as_slice().len(), 1);
        assert_eq!(first.as_slice()[0].score, 0.8);
    }
}
