//! A prompt that is asked of every frame, and follows what it found.
//!
//! The first frame with an answer is answered from the prompt's points and boxes themselves. From
//! then on each chosen mask is looked for in the next frame by its overlap with where it was: the
//! segment with the highest IoU of masks, if that is at least [`LEAST_OVERLAP`]. What is not found is
//! remembered where it was for [`PATIENCE`] frames: things disappear behind each other. If then
//! nothing is left, the prompt itself is asked again.
//!
//! What looks like the prompt's text somebody else finds out now and then, of a frame that is past
//! by then ([`Standing::look_like_text`]). In between these masks are followed, too.

use fastsam::{Mask, Segment, prompt::Canvas};
use message::prompt::{Choice, Prompt, TextChoice};

use super::{Answer, Refusal, answer};

/// Below this two masks are taken for different things. An object that moves by a quarter of its
/// width between two frames still has 0.6.
const LEAST_OVERLAP: f64 = 0.3;

/// Frames for which a lost mask is remembered: about a second.
const PATIENCE: u32 = 30;

/// A standing prompt at work.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    prompt: Prompt,
    follow: bool,
    /// What the points and boxes chose.
    followed: Vec<Followed>,
    /// What the text chose, with how alike each is.
    alike: Vec<(Followed, f64)>,
}

/// Something that was chosen, where it was last seen.
#[derive(Clone, Debug)]
struct Followed {
    mask: Mask,
    missed: u32,
}

impl Standing {
    /// Asks `prompt` of every frame to come; without `follow` points and boxes anew each time.
    pub(crate) fn new(prompt: Prompt, follow: bool) -> Self {
        Self {
            prompt,
            follow,
            followed: Vec::new(),
            alike: Vec::new(),
        }
    }

    /// Replaces what looks like the text: masks, the most alike first, of a frame just past.
    pub(crate) fn look_like_text(&mut self, masks: Vec<(Mask, f64)>) {
        let found = masks
            .into_iter()
            .map(|(mask, similarity)| (Followed { mask, missed: 0 }, similarity));
        self.alike = found.collect();
    }

    /// The answer for a frame.
    pub(crate) fn answer(
        &mut self,
        segments: &[Segment],
        canvas: &Canvas,
    ) -> Result<Answer, Refusal> {
        // Masks of another size are of another time.
        let is_current = |followed: &Followed| followed.mask.size() == canvas.size();
        self.followed.retain(is_current);
        self.alike.retain(|(followed, _)| is_current(followed));

        let mut alike = Vec::new();
        for (followed, similarity) in &mut self.alike {
            if let Some(place) = followed.find(segments) {
                alike.push(TextChoice {
                    segment: place as u64,
                    similarity: *similarity,
                });
            }
        }
        self.alike.retain(|(followed, _)| !followed.is_forgotten());

        if self.followed.is_empty() {
            let found = answer(&self.prompt, segments, canvas, Some(alike))?;
            if self.follow {
                let boxes = found
                    .choice
                    .boxes
                    .iter()
                    .filter_map(|choice| choice.segment);
                let asked = found.choice.points.iter().flatten().copied().chain(boxes);
                let chosen = asked.filter_map(|id| segments.get(id as usize));
                self.followed.extend(chosen.map(|segment| Followed {
                    mask: segment.mask.clone(),
                    missed: 0,
                }));
            }
            return Ok(found);
        }
        let mut found = Answer::default();
        for followed in &mut self.followed {
            found.add(followed.find(segments));
        }
        self.followed.retain(|followed| !followed.is_forgotten());
        found.add(alike.iter().map(|choice| choice.segment as usize));
        if self.prompt.union {
            found.unite(segments, canvas);
        }
        found.choice = Choice {
            text: self.prompt.text.is_some().then_some(alike),
            ..Choice::default()
        };
        Ok(found)
    }
}

impl Followed {
    fn is_forgotten(&self) -> bool {
        self.missed > PATIENCE
    }

    /// Where it is in this frame.
    fn find(&mut self, segments: &[Segment]) -> Option<usize> {
        let overlaps = segments
            .iter()
            .enumerate()
            .map(|(place, segment)| (place, segment.mask.iou(&self.mask)));
        let best = overlaps
            .filter(|(_, overlap)| *overlap >= LEAST_OVERLAP)
            .max_by(|(_, a), (_, b)| a.total_cmp(b));
        match best {
            Some((place, _)) => {
                self.mask.clone_from(&segments[place].mask);
                self.missed = 0;
                Some(place)
            }
            None => {
                self.missed += 1;
                None
            }
        }
    }
}
