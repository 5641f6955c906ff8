//! A frame's `masks` message, and the `summary` of its camera.
//!
//! A message goes out now or is dropped and counted.

use std::time::{Duration, Instant};

use message::{CameraTopics, FrameHeader, MasksWriter, Summary, Topic};
use mqtt::{Delivery, NotSent, Publisher};
use tracing::{debug, warn};

use crate::daemon::{
    clock::Clock,
    pipeline::{counters::Counters, flight::Outcome},
    prompts::{desk::Desk, question::Answerable},
    settings::live::Values,
};

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
}

/// What is kept for each camera.
pub(crate) struct CameraSide {
    name: String,
    masks: Topic,
    summary: Topic,
    summary_at: Option<Instant>,
    /// Frames published since the last summary.
    since_summary: u64,
}

impl CameraSide {
    pub(crate) fn new(name: &str, topics: &CameraTopics) -> Self {
        Self {
            name: name.to_owned(),
            masks: topics.masks(),
            summary: topics.summary(),
            summary_at: None,
            since_summary: 0,
        }
    }
}

impl FramePublisher {
    /// Publishes a frame, has the prompts answered that it answers, and sums up when that is due.
    pub(crate) fn publish(
        &mut self,
        index: usize,
        outcome: &Outcome,
        values: &Values,
        desk: &Desk,
        counters: &Counters,
    ) -> anyhow::Result<()> {
        let camera = &mut self.cameras[index];
        let Outcome { flight, segments } = outcome;
        let now = self.clock.now();
        let header = FrameHeader {
            node: &self.node,
            camera: &camera.name,
            backend: self.backend,
            input: None,
            sequence: flight.sequence,
            captured_at: self.clock.time_of_day_at(flight.timeline.captured),
            size: flight.letterbox.frame,
            classes: segments.classes(),
            latency: flight.timeline.latency(now),
        };
        let list = segments.as_slice();
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
        match self.publisher.frame(&camera.masks, &self.message) {
            Ok(()) => camera.since_summary += 1,
            Err(NotSent::Offline | NotSent::QueueFull) => {}
            Err(error) => warn!("frame {} of {}: {error}", flight.sequence, camera.name),
        }

        if let Some(canvas) = segments.canvas() {
            let answerable = Answerable {
                camera: index,
                segments: list,
                header: &header,
                canvas,
                format: values.format,
            };
            desk.answer(answerable, &mut self.writer, &self.publisher);
        }

        let summary = Summary {
            backend: self.backend.to_owned(),
            count: list.len() as u64,
            fps: 0.0,
            latency_ms: header.latency.into(),
            sequence: flight.sequence,
        };
        camera.summarize(summary, now, values.summary_interval, &self.publisher)
    }
}

impl CameraSide {
    /// Publishes a summary if the last one is long enough ago.
    fn summarize(
        &mut self,
        mut summary: Summary,
        now: Instant,
        interval: Duration,
        publisher: &Publisher,
    ) -> anyhow::Result<()> {
        let since = self.summary_at.map(|at| now.saturating_duration_since(at));
        if since.is_some_and(|since| since < interval) {
            return Ok(());
        }
        let fps = since.map_or(0.0, |since| self.since_summary as f64 / since.as_secs_f64());
        summary.fps = (fps * 10.0).round() / 10.0;
        let payload = serde_json::to_vec(&summary)?;
        publisher.state(&self.summary, &payload, Delivery::AtMostOnce)?;
        self.summary_at = Some(now);
        self.since_summary = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use message::{LatencyMs, Topics};

    use super::*;

    #[test]
    fn a_summary_comes_when_its_interval_has_passed() {
        let topics = Topics::new("fastsam", "node").unwrap();
        // Connected to nobody: a state is remembered all the same.
        let options = mqtt::Options::new("127.0.0.1", 1, "test", topics.availability());
        let publisher = mqtt::connect(options).unwrap().0;
        let mut camera = CameraSide::new("cam0", &topics.camera("cam0").unwrap());
        let clock = Clock::standing();
        let interval = Duration::from_secs(1);
        let mut times = Vec::new();
        for frame in 0..25 {
            camera.since_summary += 1;
            let summary = Summary {
                backend: "mock".to_owned(),
                count: 0,
                fps: 0.0,
                latency_ms: LatencyMs::default(),
                sequence: frame,
            };
            camera
                .summarize(summary, clock.now(), interval, &publisher)
                .unwrap();
            if camera.since_summary == 0 {
                times.push(frame);
            }
            clock.turn(Duration::from_millis(100));
        }
        assert_eq!(times, [0, 10, 20]);
    }
}
