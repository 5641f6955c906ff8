//! A prompt that is asked of every frame, and follows what it found.
//!
//! The first frame with an answer is answered from the prompt's points, boxes and ids themselves. From then on the
//! objects that were chosen are known by their ids, which stay with them ([`track`]). Objects that are hidden
//! are waited for until the tracker gives them up; if then nothing is left, the prompt itself is asked again.
//!
//! What looks like the prompt's text somebody else finds out now and then, of a frame that is past
//! by then ([`Standing::look_like_text`]). In between these objects are followed, too.

use message::prompt::{Choice, Prompt, TextChoice};

use super::{Answer, Refusal, Scene, answer};

/// A standing prompt at work.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    prompt: Prompt,
    follow: bool,
    /// The objects that points, boxes and ids chose.
    followed: Vec<u64>,
    /// Those that the text chose, with how alike each is.
    alike: Vec<(u64, f64)>,
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

    /// Replaces what looks like the text: objects, the most alike first, of a frame just past.
    pub(crate) fn look_like_text(&mut self, objects: Vec<(u64, f64)>) {
        self.alike = objects;
    }

    /// How much an object looks like the text, if it does.
    pub(crate) fn similarity(&self, id: u64) -> Option<f64> {
        let of_object = self.alike.iter().find(|(alike, _)| *alike == id);
        of_object.map(|(_, similarity)| *similarity)
    }

    /// The answer for a frame. `is_alive`: whether an object may come back.
    pub(crate) fn answer(
        &mut self,
        scene: &Scene<'_>,
        is_alive: impl Fn(u64) -> bool,
    ) -> Result<Answer, Refusal> {
        self.followed.retain(|&id| is_alive(id));
        self.alike.retain(|&(id, _)| is_alive(id));
        let alike: Vec<TextChoice> = self
            .alike
            .iter()
            .filter_map(|&(id, similarity)| {
                Some(TextChoice {
                    segment: scene.place_of(id)? as u64,
                    similarity,
                })
            })
            .collect();
        if self.followed.is_empty() {
            return self.ask(scene, alike);
        }
        let mut found = Answer::default();
        found.add(self.followed.iter().filter_map(|&id| scene.place_of(id)));
        found.add(alike.iter().map(|choice| choice.segment as usize));
        if self.prompt.union {
            found.unite(scene.segments, &scene.canvas);
        }
        found.choice = Choice {
            text: self.prompt.text.is_some().then_some(alike),
            ..Choice::default()
        };
        Ok(found)
    }

    /// Asks the prompt itself, and follows what its points, boxes and ids choose.
    fn ask(&mut self, scene: &Scene<'_>, alike: Vec<TextChoice>) -> Result<Answer, Refusal> {
        let found = answer(&self.prompt, scene, Some(alike))?;
        if self.follow {
            let choice = &found.choice;
            let boxes = choice.boxes.iter().filter_map(|choice| choice.segment);
            let points = choice.points.iter().flatten().copied();
            let chosen = points.chain(boxes).chain(choice.ids.iter().copied());
            let tracks = chosen.filter_map(|place| scene.tracks.get(place as usize));
            self.followed.extend(tracks.map(|track| track.id));
        }
        Ok(found)
    }
}
