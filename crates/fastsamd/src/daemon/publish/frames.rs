//! A frame on its last way: its objects are followed, its messages go out.
//!
//! A `masks` message goes out now or is dropped and counted.

use std::time::{Duration, Instant};

use message::{CameraTopics, Event, FrameHeader, LatencyMs, MasksWriter, Summary, Topic};
use mqtt::{Delivery, NotSent, Publisher};
use tracing::{debug, warn};

use super::{
    counts::Counts,
    events::Events,
    pictures::{Picturable, Pictures},
    selection::Selection,
};
use crate::daemon::{
    clock::Clock,
    objects::{following::Following, ids::Ids},
    pipeline::{counters::Counters, flight::Outcome},
    prompts::{desk::Desk, question::Answerable},
    settings::live::Values,
    web::{Showable, Showing},
};

/// The content type of a `masks` message in its binary form.
const BINARY: &str = "application/vnd.fastsam.masks";

/// Publishes the frames of all cameras.
pub(crate) struct FramePublisher {
    pub(crate) node: String,
    pub(crate) backend: &'static str,
    pub(crate) cameras: Vec<CameraSide>,
    pub(crate) publisher: Publisher,
    pub(crate) clock: Clock,
    pub(crate) writer: MasksWriter,
    /// The message that is being written; kept for its room.
    pub(crate) message: Vec<u8>,
    pub(crate) ids: Ids,
    pub(crate) pictures: Pictures,
    /// Who looks at frames, where there is a page.
    pub(crate) showing: Option<Showing>,
}

/// What is kept for each camera.
pub(crate) struct CameraSide {
    name: String,
    masks: Topic,
    binary: Topic,
    summary: Topic,
    following: Following,
    selection: Selection,
    events: Events,
    counts: Counts,
    latest: Option<Latest>,
    summary_at: Option<Instant>,
    /// Frames since the last summary, without those that were lost on the way to the broker.
    since_summary: u64,
    /// Frames per second in the last summary.
    fps: f64,
}

/// What a summary says of a camera's last frame.
struct Latest {
    at: Instant,
    count: u64,
    latency_ms: LatencyMs,
    sequence: u64,
}

/// A camera without a frame for so long, and for two intervals between summaries, brings none a second.
const SILENT_AFTER: Duration = Duration::from_secs(3);

impl CameraSide {
    pub(crate) fn new(
        node: &str,
        name: &str,
        topics: CameraTopics,
        following: Following,
        publisher: &Publisher,
    ) -> anyhow::Result<Self> {
        let mut side = Self {
            name: name.to_owned(),
            masks: topics.masks(),
            binary: topics.masks_binary(),
            summary: topics.summary(),
            following,
            selection: Selection::default(),
            events: Events::new(node, name, topics.events()),
            counts: Counts::new(topics),
            latest: None,
            summary_at: None,
            since_summary: 0,
            fps: 0.0,
        };
        side.counts.take_zones(&side.following, publisher)?;
        Ok(side)
    }
}

impl FramePublisher {
    /// Takes in a frame: follows its objects, publishes it, has the prompts answered that it answers, tells what
    /// happened, and sums up when that is due.
    pub(crate) fn publish(
        &mut self,
        index: usize,
        outcome: &Outcome,
        values: &Values,
        desk: &Desk,
        counters: &Counters,
    ) -> anyhow::Result<()> {
        let camera = &mut self.cameras[index];
        let Outcome {
            flight,
            segments,
            texts,
        } = outcome;
        let list = segments.as_slice();
        let canvas = segments.canvas();
        let captured = flight.timeline.captured;
        if camera.following.refresh() {
            camera
                .counts
                .take_zones(&camera.following, &self.publisher)?;
        }
        if let Some(canvas) = canvas {
            camera
                .following
                .update(captured, flight.sequence, canvas, list);
            let next = camera.following.tracker().next_id();
            self.ids.keep_ahead(&camera.name, next);
        }
        let tracker = camera.following.tracker();
        let now = self.clock.now();
        let header = FrameHeader {
            node: &self.node,
            camera: &camera.name,
            backend: self.backend,
            input: None,
            sequence: flight.sequence,
            captured_at: self.clock.time_of_day_at(captured),
            size: flight.letterbox.frame,
            classes: segments.classes(),
            tracks: tracker.tracks(),
            texts: Some(texts),
            latency: flight.timeline.latency(now),
        };
        let is_wanted = camera.selection.wants(values.masks, now, list, tracker);
        let sent = if is_wanted {
            let limit = self.publisher.payload_limit(&camera.masks);
            let written = self
                .writer
                .write(&header, list, values.format, limit, &mut self.message);
            if written.dropped_segments > 0 {
                counters.reduced.increment();
                debug!(
                    "frame {}: {} segments left out",
                    flight.sequence, written.dropped_segments
                );
            }
            let sent = self.publisher.frame(&camera.masks, &self.message);
            if values.binary {
                let limit = self.publisher.payload_limit(&camera.binary);
                self.writer
                    .write_binary(&header, list, limit, &mut self.message);
                // What is refused has been counted.
                let _ = self
                    .publisher
                    .picture(&camera.binary, &self.message, BINARY);
            }
            sent
        } else {
            Ok(())
        };
        match sent {
            Ok(()) => camera.since_summary += 1,
            Err(NotSent::Offline | NotSent::QueueFull | NotSent::Behind) => {}
            Err(error) => warn!("frame {} of {}: {error}", flight.sequence, camera.name),
        }

        if let Some(canvas) = canvas {
            let answerable = Answerable {
                camera: index,
                segments: list,
                header: &header,
                canvas,
                format: values.format,
            };
            desk.answer(answerable, tracker, &mut self.writer, &self.publisher);
        }

        let latency_ms: LatencyMs = header.latency.into();
        let captured_at = header.captured_at;
        let events = camera.tell(index, desk, &self.clock, &self.publisher);
        let picturable = Picturable {
            camera: index,
            sequence: flight.sequence,
            letterbox: flight.letterbox,
            segments,
            tracks: camera.following.tracker().tracks(),
        };
        self.pictures.take(&picturable, values, now, counters);
        let showing = self.showing.as_ref();
        if let Some(showing) = showing {
            showing.stages.add(index, &latency_ms);
        }
        if let Some(showing) = showing.filter(|showing| showing.is_watched(index)) {
            let showable = Showable {
                camera: index,
                flight,
                segments,
                tracks: camera.following.tracker().tracks(),
                captured_at,
                backend: self.backend,
            };
            let texts = events.iter().map(serde_json::to_string);
            showing.show(&showable, texts.collect::<Result<_, _>>()?);
        }
        camera.latest = Some(Latest {
            at: now,
            count: list.len() as u64,
            latency_ms,
            sequence: flight.sequence,
        });
        camera.summarize(self.backend, now, values.summary_interval, &self.publisher)
    }

    /// Publishes counts that have changed, if that is due, and that cameras are silent.
    pub(crate) fn publish_due(&mut self, values: &Values) {
        let now = self.clock.now();
        let (backend, interval) = (self.backend, values.summary_interval);
        for camera in self
            .cameras
            .iter_mut()
            .filter(|camera| camera.is_silent(now, interval))
        {
            if let Err(error) = camera.summarize(backend, now, interval, &self.publisher) {
                warn!("summary of {}: {error}", camera.name);
            }
        }
        // Of a camera that has shown nothing yet nothing is known.
        let have_begun = |camera: &&mut CameraSide| camera.summary_at.is_some();
        for camera in self.cameras.iter_mut().filter(have_begun) {
            let interval = values.count_interval;
            camera
                .counts
                .publish(&camera.following, now, interval, &self.publisher);
        }
    }

    /// Says which ids were given, at the end.
    pub(crate) fn note_ids(&mut self) {
        let next = self.cameras.iter().map(|camera| {
            let next = camera.following.tracker().next_id();
            (camera.name.as_str(), next)
        });
        self.ids.give_back(next);
    }
}

impl CameraSide {
    /// Publishes what happened in the last frame.
    fn tell(
        &mut self,
        index: usize,
        desk: &Desk,
        clock: &Clock,
        publisher: &Publisher,
    ) -> Vec<Event> {
        let Self {
            following, events, ..
        } = self;
        let at = |time| clock.time_of_day_at(following.instant(time));
        let happened = following.events().iter().map(|event| {
            let text = desk.name(index, event.id);
            events.publish(event, following.areas(), at, text, publisher)
        });
        happened.collect()
    }

    /// Whether no frame has come for long, and the last summary says otherwise.
    fn is_silent(&self, now: Instant, interval: Duration) -> bool {
        let silence = SILENT_AFTER.max(2 * interval);
        let is_over = |latest: &Latest| now.saturating_duration_since(latest.at) >= silence;
        self.fps > 0.0 && self.latest.as_ref().is_some_and(is_over)
    }

    /// Publishes a summary of the last frame if the one before is long enough ago.
    fn summarize(
        &mut self,
        backend: &str,
        now: Instant,
        interval: Duration,
        publisher: &Publisher,
    ) -> anyhow::Result<()> {
        let since = self.summary_at.map(|at| now.saturating_duration_since(at));
        let Some(latest) = &self.latest else {
            return Ok(());
        };
        if since.is_some_and(|since| since < interval) {
            return Ok(());
        }
        let fps = since.map_or(0.0, |since| self.since_summary as f64 / since.as_secs_f64());
        self.fps = (fps * 10.0).round() / 10.0;
        let zones = self.following.zone_counts();
        let summary = Summary {
            backend: backend.to_owned(),
            count: latest.count,
            zones: zones
                .map(|(zone, count)| (zone.to_owned(), count))
                .collect(),
            fps: self.fps,
            latency_ms: latest.latency_ms,
            sequence: latest.sequence,
        };
        let payload = serde_json::to_vec(&summary)?;
        publisher.state(&self.summary, &payload, Delivery::AtMostOnce)?;
        self.summary_at = Some(now);
        self.since_summary = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use configuration::{Config, Tracking};
    use message::Topics;

    use super::*;
    use crate::daemon::objects::areas::Watched;

    #[test]
    fn a_summary_comes_when_its_interval_has_passed() {
        let topics = Topics::new("fastsam", "node").unwrap();
        // Connected to nobody: a state is remembered all the same.
        let options = mqtt::Options::new("127.0.0.1", 1, "test", topics.availability());
        let publisher = mqtt::connect(options).unwrap().0;
        let clock = Clock::standing();
        let watched = Watched::new(&Config::default().cameras);
        let tracking = Tracking::default();
        let following = Following::new(0, &tracking, watched, 1, clock.now()).unwrap();
        let topics = topics.camera("cam0").unwrap();
        let mut camera = CameraSide::new("node", "cam0", topics, following, &publisher).unwrap();
        let interval = Duration::from_secs(1);
        let mut times = Vec::new();
        for frame in 0..25 {
            camera.since_summary += 1;
            camera.latest = Some(Latest {
                at: clock.now(),
                count: 0,
                latency_ms: LatencyMs::default(),
                sequence: frame,
            });
            assert!(!camera.is_silent(clock.now(), interval));
            let now = clock.now();
            camera.summarize("mock", now, interval, &publisher).unwrap();
            if camera.since_summary == 0 {
                times.push(frame);
            }
            clock.turn(Duration::from_millis(100));
        }
        assert_eq!(times, [0, 10, 20]);
        assert_eq!(camera.fps, 10.0);

        clock.turn(SILENT_AFTER);
        let now = clock.now();
        assert!(camera.is_silent(now, interval));
        camera.since_summary = 0;
        camera.summarize("mock", now, interval, &publisher).unwrap();
        assert_eq!(camera.fps, 0.0);
        assert!(!camera.is_silent(now, interval), "said once");
    }
}
