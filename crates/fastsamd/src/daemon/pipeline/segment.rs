//! The fourth stage: turns answers into segments.

use std::{sync::Arc, time::Instant};

use configuration::Masks;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use fastsam::{Segmenter, encode::rle::Encoder};
use message::MaskFormat;
use tensors::Tensors;
use tracing::warn;

use super::{
    counters::Counters,
    exchange::Exchange,
    flight::{Answer, Outcome, Spent},
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
    pub encoder: Encoder,
    /// What has been published, to be filled again.
    pub used: Receiver<Spent>,
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
            let Spent {
                mut segments,
                mut texts,
            } = match replaced.take() {
                Some(outcome) => outcome.into(),
                None => self.used.try_recv().unwrap_or_default(),
            };
            let values = self.live.now();
            let outcome = self.segmenter.segment(
                &tensors,
                &flight.letterbox,
                &values.segmentation,
                &mut segments,
            );
            texts.clear();
            if outcome.is_ok() && values.format == MaskFormat::Rle && values.masks == Masks::All {
                for segment in segments.as_slice() {
                    texts.push(&mut self.encoder, &segment.mask);
                }
            }
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
            replaced = self.outcomes.put(
                flight.camera,
                Outcome {
                    flight,
                    segments,
                    texts,
                },
            );
            if replaced.is_some() {
                self.counters.dropped_before_publish.increment();
            }
        }
        self.outcomes.close();
    }
}
