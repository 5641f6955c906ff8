//! The fourth stage: turns answers into segments.

use std::{sync::Arc, time::Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use fastsam::{Segmenter, Segments};
use tensors::Tensors;
use tracing::warn;

use super::{
    counters::Counters,
    exchange::Exchange,
    flight::{Answer, Outcome},
    stills::Stills,
};
use crate::daemon::{
    process::{systemd::Heartbeat, threads::PATIENCE},
    settings::live,
};

/// Turns answers into segments.
pub(crate) struct SegmentStage {
    pub segmenter: Segmenter,
    pub live: live::Reader,
    pub answers: Receiver<Answer>,
    pub free: Sender<Tensors>,
    pub outcomes: Arc<Exchange<Outcome>>,
    /// Segments that have been published, to be filled again.
    pub used: Receiver<Segments>,
    /// Who waits for answers to pictures that no camera took.
    pub stills: Arc<Stills>,
    pub counters: Arc<Counters>,
}

impl SegmentStage {
    /// Runs until the collecting thread has ended.
    pub(crate) fn run(mut self, heartbeat: &Heartbeat) {
        let mut replaced: Option<Outcome> = None;
        loop {
            heartbeat.beat();
            let Answer {
                mut flight,
                tensors,
            } = match self.answers.recv_timeout(PATIENCE) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if self.stills.has_sent(&flight) {
                self.stills.answer(&flight, &tensors);
                if let Err(TrySendError::Disconnected(_)) = self.free.try_send(tensors) {
                    break;
                }
                continue;
            }
            let mut segments = match replaced.take() {
                Some(outcome) => outcome.segments,
                None => self.used.try_recv().unwrap_or_default(),
            };
            let outcome = self.segmenter.segment(
                &tensors,
                &flight.letterbox,
                &self.live.now().segmentation,
                &mut segments,
            );
            flight.timeline.segmented = Instant::now();
            // There is room for all buffers that exist; a closed channel means the end.
            if let Err(TrySendError::Disconnected(_)) = self.free.try_send(tensors) {
                break;
            }
            if let Err(error) = outcome {
                self.counters.dropped_at_segment.increment();
                warn!("frame {} dropped: {error}", flight.sequence);
                continue;
            }
            self.counters.noise_left_out.add(segments.left_out() as u64);
            replaced = self
                .outcomes
                .put(flight.camera, Outcome { flight, segments });
            if replaced.is_some() {
                self.counters.dropped_before_publish.increment();
            }
        }
        self.outcomes.close();
    }
}
