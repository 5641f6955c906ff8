//! What became of messages, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts that the publisher and the session add to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) attempts: Count,
    pub(super) connects: Count,
    pub(super) published: Count,
    pub(super) offline: Count,
    pub(super) queue_full: Count,
    pub(super) behind: Count,
    pub(super) too_large: Count,
    pub(super) events: Count,
    pub(super) refused: Count,
    pub(super) inbox_overflows: Count,
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
