//! Texts: which segments look like what a prompt says.
//!
//! Looking takes a second where a frame takes milliseconds, so it has a thread of its own, and frames
//! don't wait for it. Its jobs come from the [`Room`]; it answers those who asked once, and tells the
//! [`Desk`] what standing prompts are to follow.

use std::{path::PathBuf, sync::Arc};

use clip::{Match, Matcher, Picture, Recollection};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use message::{FrameHeader, MasksWriter, prompt::TextChoice};
use mqtt::Publisher;
use tracing::warn;

use super::{
    desk::Desk,
    pictures::{Job, Room},
    question::Answerable,
};
use crate::daemon::{
    clock::Clock,
    process::{shutdown::Shutdown, systemd::Heartbeat, threads::PATIENCE},
};

/// Looks at frames; the body of its thread.
pub(crate) struct TextStage {
    pub(crate) matcher: Matcher,
    pub(crate) room: Arc<Room>,
    pub(crate) jobs: Receiver<Job>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) publisher: Publisher,
    pub(crate) clock: Clock,
    /// Where embeddings of texts are kept over a restart, if they are.
    pub(crate) cache: Option<PathBuf>,
    /// What segments looked like, for each camera.
    pub(crate) recollections: Vec<Recollection>,
}

impl TextStage {
    /// Runs until the shutdown.
    pub(crate) fn run(mut self, heartbeat: &Heartbeat, shutdown: &Shutdown) {
        if let Some(cache) = self.cache.as_ref().filter(|cache| cache.exists())
            && let Err(error) = self.matcher.texts().restore(cache)
        {
            warn!("texts are embedded anew: {error}");
        }
        let mut writer = MasksWriter::new();
        while !shutdown.is_requested() {
            heartbeat.beat();
            match self.jobs.recv_timeout(PATIENCE) {
                Ok(job) => self.work(job, &mut writer, heartbeat),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn work(&mut self, job: Job, writer: &mut MasksWriter, heartbeat: &Heartbeat) {
        let header = FrameHeader {
            node: &job.node,
            camera: &job.camera_name,
            backend: job.backend,
            input: None,
            sequence: job.sequence,
            captured_at: job.captured_at,
            size: job.size,
            classes: &job.classes,
            tracks: &job.tracks,
            texts: None,
            latency: job.latency,
        };
        let frame = Answerable {
            camera: job.camera,
            segments: &job.segments,
            header: &header,
            canvas: job.canvas,
            format: job.format,
        };
        let picture = Picture {
            input: &job.input,
            canvas: job.canvas,
        };
        // Who asks once wants to know what is there now.
        let mut anew = Recollection::default();
        let recollection = if job.asked.is_empty() {
            self.recollections.get_mut(job.camera).unwrap_or(&mut anew)
        } else {
            &mut anew
        };
        let ids: Vec<u64> = (0..job.segments.len())
            .map(|place| header.id(place))
            .collect();
        let looked = self
            .matcher
            .look(
                picture,
                &job.segments,
                &ids,
                recollection,
                self.clock.now(),
                || heartbeat.beat(),
            )
            .map_err(|error| error.to_string());
        let mut choose = |text: &str, threshold: Option<f64>| {
            let looked = looked.as_ref().map_err(Clone::clone)?;
            self.matcher
                .choose(text, looked, threshold)
                .map_err(|error| error.to_string())
        };
        for waiting in job.asked {
            let text = waiting.prompt.text.clone().unwrap_or_default();
            let matches = choose(&text, waiting.prompt.min_similarity);
            let alike = matches.map(|matches| matches.iter().map(choice).collect());
            waiting.answer(frame, Some(alike), writer, &self.publisher);
        }
        for wish in job.wishes {
            let objects = choose(&wish.text, wish.threshold).map(|matches| {
                let object = |found: Match| (header.id(found.place), found.similarity);
                matches.into_iter().map(object).collect()
            });
            self.desk.looks_alike(&wish.topic, objects);
        }
        self.room.keep().give_back(job.input);
        if let Some(cache) = &self.cache
            && self.matcher.texts().has_news()
            && let Err(error) = self.matcher.texts().keep(cache)
        {
            warn!("embeddings of texts are not kept over a restart: {error}");
        }
    }
}

fn choice(found: &Match) -> TextChoice {
    TextChoice {
        segment: found.place as u64,
        similarity: found.similarity,
    }
}
