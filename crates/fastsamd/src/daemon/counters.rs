//! What the pipeline counts: every frame that moved on, and every one that was lost, where it was.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(super) fn increment(&self) {
        self.add(1);
    }

    /// `n` more.
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts of one daemon, over all its cameras. What is lost between here and the broker the MQTT
/// client counts.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Captures that failed.
    pub(super) capture_failures: Counter,
    /// Frames replaced by a newer one before the accelerator had room for them.
    pub(super) dropped_before_submit: Counter,
    /// Frames that could not be turned into an input, or that the accelerator did not take.
    pub(super) dropped_at_submit: Counter,
    /// Frames whose answer never came.
    pub(super) lost_on_accelerator: Counter,
    /// Answers that could not be turned into segments.
    pub(super) dropped_at_segment: Counter,
    /// Results replaced by a newer one before they were published.
    pub(super) dropped_before_publish: Counter,
    /// Detections whose masks were noise, left out of their frames.
    pub(super) noise_left_out: Counter,
    /// Messages that leave segments out to keep to the broker's limit.
    pub(super) reduced: Counter,
}
