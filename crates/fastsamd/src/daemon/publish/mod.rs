//! The last stage: from segments to messages, and all the daemon says of itself.
//!
//! A frame's message goes out or is dropped and counted; what is retained (`info`, `state`,
//! `summary`, `status`) the MQTT client remembers and publishes again after each connect.

pub(crate) mod connection;
mod counts;
pub(crate) mod discovery;
mod events;
pub(crate) mod frames;
pub(crate) mod identity;
pub(crate) mod pictures;
pub(crate) mod plain;
pub(crate) mod remains;
mod selection;
pub(crate) mod states;
pub(crate) mod status;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use message::Topic;
use mqtt::Delivery;

use crate::daemon::{
    pipeline::{exchange::Taken, flight::Spent},
    process::{
        shutdown::Shutdown,
        systemd::{Heartbeat, Service},
    },
    prompts::desk::Desk,
    settings::live,
};
use frames::FramePublisher;
use status::{Vitals, in_short};

/// The longest the thread waits for a frame before it looks at the clock.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// Publishes; the body of its thread.
pub(crate) struct PublishStage {
    pub(crate) frames: FramePublisher,
    pub(crate) vitals: Vitals,
    pub(crate) status_topic: Topic,
    pub(crate) desk: Arc<Desk>,
    pub(crate) live: live::Reader,
    pub(crate) service: Service,
    /// Ends the daemon after so many frames.
    pub(crate) most_frames: Option<u64>,
    /// The way back for what has been published.
    pub(crate) used: Sender<Spent>,
    pub(crate) shutdown: Shutdown,
}

impl PublishStage {
    /// Runs until the post-processor has ended.
    pub(crate) fn run(mut self, heartbeat: &Heartbeat) -> anyhow::Result<()> {
        let mut published = 0;
        let mut status_at = None;
        loop {
            heartbeat.beat();
            match self.vitals.edges.outcomes.take(LONGEST_WAIT) {
                Taken::Value(camera, outcome) => {
                    let counters = &self.vitals.edges.counters;
                    self.frames
                        .publish(camera, &outcome, self.live.now(), &self.desk, counters)?;
                    self.service.ready();
                    // A new buffer is made if this one can't go back at once.
                    let _ = self.used.try_send(outcome.into());
                    published += 1;
                    if self.most_frames.is_some_and(|most| published >= most) {
                        self.shutdown.request();
                        break;
                    }
                }
                Taken::Nothing => {}
                Taken::Closed => break,
            }
            let values = self.live.now();
            self.frames.publish_due(values);
            let now = self.vitals.clock.now();
            self.desk
                .publish_counts(now, values.count_interval, &self.frames.publisher);
            self.desk.give_up_late(&self.frames.publisher);
            self.publish_status_when_due(&mut status_at)?;
            self.service.feed_watchdog();
        }
        self.frames.note_ids();
        Ok(())
    }

    fn publish_status_when_due(
        &mut self,
        published_at: &mut Option<Instant>,
    ) -> anyhow::Result<()> {
        let now = self.vitals.clock.now();
        let interval = self.live.now().status_interval;
        let is_due = published_at.is_none_or(|at| now.saturating_duration_since(at) >= interval);
        if !is_due && !self.vitals.accelerator.take_news() {
            return Ok(());
        }
        *published_at = Some(now);
        let status = self.vitals.status();
        self.service.status(&in_short(&status));
        let payload = serde_json::to_vec(&status)?;
        self.frames
            .publisher
            .state(&self.status_topic, &payload, Delivery::AtMostOnce)?;
        Ok(())
    }
}
