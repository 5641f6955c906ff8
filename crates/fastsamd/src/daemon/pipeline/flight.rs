//! What travels between the stages: a frame's data, with when it passed which point.

use std::time::Instant;

use fastsam::{Segments, encode::rle::Texts};
use frame::Letterbox;
use message::Latency;
use tensors::Tensors;

/// When a frame passed which point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeline {
    pub captured: Instant,
    pub taken: Instant,
    pub collected: Instant,
    pub segmented: Instant,
}

impl Timeline {
    /// Where the time went, up to now.
    pub(crate) fn latency(&self, now: Instant) -> Latency {
        Latency {
            capture: self.taken.saturating_duration_since(self.captured),
            infer: self.collected.saturating_duration_since(self.taken),
            segment: self.segmented.saturating_duration_since(self.collected),
            total: now.saturating_duration_since(self.captured),
        }
    }
}

/// What is known of a frame while its pixels are on the accelerator.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub camera: usize,
    pub sequence: u64,
    pub letterbox: Letterbox,
    pub timeline: Timeline,
}

/// A frame's answer on its way to the post-processor.
pub(crate) struct Answer {
    pub flight: Flight,
    pub tensors: Tensors,
}

/// A frame's segments on their way to MQTT.
pub(crate) struct Outcome {
    pub flight: Flight,
    pub segments: Segments,
    /// Their run lengths, if every frame is published with them: whoever has just made the masks has them at hand.
    pub texts: Texts,
}

/// The buffers of an [`Outcome`] that has been published, to be filled again.
#[derive(Default)]
pub(crate) struct Spent {
    pub segments: Segments,
    pub texts: Texts,
}

impl From<Outcome> for Spent {
    fn from(outcome: Outcome) -> Self {
        Self {
            segments: outcome.segments,
            texts: outcome.texts,
        }
    }
}
