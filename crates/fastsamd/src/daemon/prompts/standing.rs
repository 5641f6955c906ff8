//! A standing prompt at its place: asked of every frame of a camera, answered on a topic of its own.

use std::time::{Duration, Instant};

use configuration::StandingPrompt;
use message::{Chosen, MasksWriter, Named, Topic, prompt};
use mqtt::Publisher;
use serde::Serialize;
use tracing::warn;
use track::Tracker;

use super::{pictures::Wish, question::Answerable};
use crate::{
    daemon::publish::plain::Plain,
    prompts::{self, Standing},
};

/// A standing prompt with its camera and topic.
#[derive(Debug)]
pub(crate) struct Stand {
    pub(crate) entry: StandingPrompt,
    pub(crate) camera: usize,
    pub(crate) topic: Topic,
    pub(crate) standing: Standing,
    /// Where the number of what it found is published, and how many that were in the last frame.
    pub(crate) count: Plain,
    pub(crate) found: Option<u32>,
    /// When its text was last given to the text thread.
    pub(crate) looked_at: Option<Instant>,
    /// Said once, not for each frame.
    refused: bool,
}

/// What of a standing prompt's answer goes beside the segments.
#[derive(Serialize)]
struct StandingChoice<'a> {
    name: &'a str,
    status: prompt::Standing,
    #[serde(flatten)]
    choice: prompt::Choice,
}

impl Stand {
    /// A prompt that nothing has been asked of yet.
    pub(crate) fn new(entry: StandingPrompt, camera: usize, topic: Topic, count: Topic) -> Self {
        Self {
            standing: Standing::new(entry.prompt.clone(), entry.follow),
            entry,
            camera,
            topic,
            count: Plain::new(count),
            found: None,
            looked_at: None,
            refused: false,
        }
    }

    /// Whether what looks like its text has not been looked for yet, or too long ago.
    pub(crate) fn is_due(&self, refresh: Duration, now: Instant) -> bool {
        let is_past = |at| now.saturating_duration_since(at) >= refresh;
        self.entry.prompt.text.is_some() && self.looked_at.is_none_or(is_past)
    }

    pub(crate) fn wish(&self) -> Option<Wish> {
        Some(Wish {
            topic: self.topic.clone(),
            text: self.entry.prompt.text.clone()?,
            threshold: self.entry.prompt.min_similarity,
        })
    }

    pub(crate) fn answer(
        &mut self,
        frame: Answerable<'_>,
        tracker: &Tracker,
        writer: &mut MasksWriter,
        message: &mut Vec<u8>,
        publisher: &Publisher,
    ) {
        let is_alive = |id| tracker.is_alive(id);
        let answer = match self.standing.answer(&frame.scene(), is_alive) {
            Ok(answer) => answer,
            Err(refusal) => {
                self.refuse(&refusal.to_string());
                prompts::Answer::default()
            }
        };
        let status = if answer.places.is_empty() {
            prompt::Standing::Lost
        } else {
            prompt::Standing::Found
        };
        self.found = Some(answer.places.len() as u32);
        let chosen = Chosen {
            segments: frame.segments,
            places: &answer.places,
            union: answer.union.as_ref(),
        };
        let beside = StandingChoice {
            name: &self.entry.name,
            status,
            choice: answer.choice.renumbered(|place| frame.id(place)),
        };
        writer.write_chosen(frame.header, &chosen, &beside, frame.format, message);
        // What is refused has been counted.
        let _ = publisher.frame(&self.topic, message);
    }

    /// How its text names an object, if it does.
    pub(crate) fn names(&self, id: u64) -> Option<Named> {
        Some(Named {
            prompt: self.entry.name.clone(),
            text: self.entry.prompt.text.clone()?,
            similarity: self.standing.similarity(id)?,
        })
    }

    pub(crate) fn refuse(&mut self, cause: &str) {
        if !self.refused {
            warn!("prompt '{}': {cause}", self.entry.name);
            self.refused = true;
        }
    }
}
