//! The live page at its place: what it may ask the daemon for, and how it gets its frames.

use std::{fs, sync::Arc, time::SystemTime};

use configuration::{Config, WrongInput};
use fastsam::Segments;
use message::{Status, Topics, Track};
use mqtt::{Asker, Publisher};
use web::{Answer, Gallery, Node, Outline, Server, Shown, StageTimes, Token};

use super::{
    keep::Keep, pipeline::flight::Flight, publish::states::Announcement, publish::status::Vitals,
};

/// Takes the configured address.
pub(crate) fn listen(config: &Config) -> Result<Option<Server>, WrongInput> {
    let Some(web) = &config.web else {
        return Ok(None);
    };
    let token = web.token.as_ref().map(|token| Token::new(token.expose()));
    let server = Server::listen(web.listen, token);
    server
        .map(Some)
        .map_err(|error| WrongInput::new(format_args!("{error}: see 'web.listen'")))
}

/// What this machine is called, by itself and by browsers.
pub(crate) fn machine() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname");
    name.unwrap_or_default().trim().to_owned()
}

/// What the page asks for.
pub(crate) struct Answers {
    pub(crate) vitals: Vitals,
    pub(crate) announcement: Arc<Announcement>,
    pub(crate) stages: Arc<StageTimes>,
    pub(crate) topics: Topics,
    pub(crate) publisher: Publisher,
}

impl Node for Answers {
    fn status(&self) -> Status {
        self.vitals.status()
    }

    fn info(&self) -> serde_json::Value {
        self.announcement.now()
    }

    fn stages(&self) -> Arc<StageTimes> {
        Arc::clone(&self.stages)
    }

    fn request(&self, what: &str, body: Vec<u8>, answer: Answer) {
        // What is no level of a topic is nothing that can be asked.
        if let Ok(topic) = self.topics.request(what) {
            self.publisher.ask(&topic, body, Asker::new(answer));
        }
    }
}

/// Shows frames to those who look.
pub(crate) struct Showing {
    pub(crate) gallery: Arc<Gallery>,
    pub(crate) keep: Arc<Keep>,
    pub(crate) stages: Arc<StageTimes>,
}

/// A frame that may be shown.
pub(crate) struct Showable<'a> {
    pub(crate) camera: usize,
    pub(crate) flight: &'a Flight,
    pub(crate) segments: &'a Segments,
    pub(crate) tracks: &'a [track::Track],
    pub(crate) captured_at: SystemTime,
    pub(crate) backend: &'static str,
}

impl Showing {
    /// Whether somebody looks at a camera. From then on its pictures are kept.
    pub(crate) fn is_watched(&self, camera: usize) -> bool {
        let is_watched = self.gallery.is_watched(camera);
        if is_watched != self.keep.wants(camera) {
            self.keep.want(camera, is_watched);
        }
        is_watched
    }

    /// Shows a frame, with what happened in it, if its picture was kept.
    pub(crate) fn show(&self, showable: &Showable<'_>, events: Vec<String>) {
        let Showable {
            camera,
            flight,
            segments,
            ..
        } = *showable;
        let Some(picture) = self.keep.take(camera, flight.sequence) else {
            return;
        };
        let outline = |(place, segment): (usize, &fastsam::Segment)| {
            let track = showable.tracks.get(place);
            let told = track.map(Track::from);
            Outline {
                id: track.map_or(place as u64, |track| track.id),
                velocity: told.map_or([0.0; 2], |told| told.velocity),
                age_ms: told.map_or(0, |told| told.age_ms),
                segment: segment.clone(),
            }
        };
        let outlines = segments.as_slice().iter().enumerate().map(outline);
        let since = showable.captured_at.duration_since(SystemTime::UNIX_EPOCH);
        let shown = Shown::new(
            flight.sequence,
            since.map_or(0, |since| since.as_millis() as u64),
            segments.size(),
            showable.backend,
            picture,
            flight.letterbox,
            segments.classes().clone(),
            outlines.collect(),
            events,
        );
        self.gallery.show(camera, shown);
    }
}
