//! A prompt that is asked of every frame, and follows what it found.
//!
//! The first frame with an answer is answered from the prompt itself. From then on each chosen mask
//! is looked for in the next frame by its overlap with where it was: the segment with the highest
//! IoU of masks, if that is at least [`LEAST_OVERLAP`]. What is not found is remembered where it was
//! for [`PATIENCE`] frames: things disappear behind each other. If then nothing is left, the prompt
//! itself is asked again.

use fastsam::{Mask, Segment, prompt::Canvas};
use mqtt::message::prompt::{Choice, Prompt, TextChoice};

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
    followed: Vec<Followed>,
}

/// Something that was chosen, where it was last seen.
#[derive(Clone, Debug)]
struct Followed {
    mask: Mask,
    missed: u32,
}

impl Standing {
    /// Asks `prompt` of every frame to come; without `follow` anew each time.
    pub(crate) fn new(prompt: Prompt, follow: bool) -> Self {
        Self {
            prompt,
            follow,
            followed: Vec::new(),
        }
    }

    /// Whether the prompt itself is asked of the next frame, and its text with it.
    fn asks(&self) -> bool {
        self.followed.is_empty()
    }

    /// The answer for a frame. `alike` as for [`answer`]; looked at where [`Standing::asks`].
    pub(crate) fn answer(
        &mut self,
        segments: &[Segment],
        canvas: &Canvas,
        alike: Option<Vec<TextChoice>>,
    ) -> Result<Answer, Refusal> {
        // Masks of another size are of another time.
        self.followed
            .retain(|followed| followed.mask.size() == canvas.size());
        if self.asks() {
            let found = answer(&self.prompt, segments, canvas, alike)?;
            if self.follow {
                let chosen = found.places.iter().filter_map(|&place| segments.get(place));
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
        self.followed.retain(|followed| followed.missed <= PATIENCE);
        if self.prompt.union {
            found.unite(segments, canvas);
        }
        found.choice = Choice::default();
        Ok(found)
    }
}

impl Followed {
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
