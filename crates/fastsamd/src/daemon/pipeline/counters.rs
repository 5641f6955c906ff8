//! What the pipeline counts: every frame that moved on, and every one that was lost, where it was.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub(crate) fn increment(&self) {
        self.add(1);
    }

    /// `n` more.
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count so far.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counts of one daemon, over all its cameras. What is lost between here and the broker the MQTT
/// client counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Captures that failed.
    pub(crate) capture_failures: Counter,
    /// Frames replaced by a newer one before the accelerator had room for them.
    pub(crate) dropped_before_submit: Counter,
    /// Frames that could not be turned into an input, or that the accelerator did not take.
    pub(crate) dropped_at_submit: Counter,
    /// Frames whose answer never came.
    pub(crate) lost_on_accelerator: Counter,
    /// Answers that could not be turned into segments.
    pub(crate) dropped_at_segment: Counter,
    /// Results replaced by a newer one before they were published.
    pub(crate) dropped_before_publish: Counter,
    /// Label maps that were not made, since another one was being made.
    pub(crate) dropped_at_pictures: Counter,
    /// Detections whose masks were noise, left out of their frames.
    pub(crate) noise_left_out: Counter,
    /// Messages that leave segments out to keep to the broker's limit.
    pub(crate) reduced: Counter,
}
