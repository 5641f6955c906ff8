//! Inputs just in time: holds the submitting thread until the accelerator should get its next one.
//!
//! So frames grow old in no queue: the newest frame is taken, letterboxed and sent right before the
//! accelerator is free. The [`Schedule`] foretells that; this is what the threads share of it.
//!
//! Invariant: no call waits longer than its timeout.

mod schedule;

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use accelerator::Ticket;

use schedule::Schedule;

/// The schedule, shared by the threads that submit and collect.
#[derive(Debug)]
pub(crate) struct Pacing {
    schedule: Mutex<Schedule>,
    changed: Condvar,
}

impl Pacing {
    /// For an accelerator that takes inputs in batches of so many, and so many at once.
    pub(crate) fn new(batch_size: usize, in_flight: usize) -> Self {
        Self {
            schedule: Mutex::new(Schedule::new(batch_size, in_flight)),
            changed: Condvar::new(),
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        // Nothing that holds this lock can panic half-way through a change.
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until an input is due, at most `timeout`; `false` where none is.
    pub(crate) fn wait_until_due(&self, timeout: Duration) -> bool {
        let mut now = Instant::now();
        let deadline = now + timeout;
        let mut schedule = self.schedule();
        loop {
            let due = schedule.due(now);
            if due <= now {
                return true;
            }
            if now >= deadline {
                return false;
            }
            schedule = self
                .changed
                .wait_timeout(schedule, due.min(deadline) - now)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            now = Instant::now();
        }
    }

    /// An input is about to be sent; its frame was captured then.
    pub(crate) fn sent(&self, ticket: Ticket, captured_at: Instant) {
        self.schedule().sent(ticket, Instant::now(), captured_at);
    }

    /// The newest input was not accepted after all.
    pub(crate) fn withdrawn(&self, ticket: Ticket) {
        self.schedule().withdrawn(ticket);
    }

    /// An answer came.
    pub(crate) fn answered(&self, ticket: Ticket, at: Instant) {
        self.schedule().answered(ticket, at);
        self.changed.notify_one();
    }

    /// All that was under way is lost.
    pub(crate) fn reset(&self) {
        self.schedule().reset();
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_wakes_who_waits() {
        let pacing = Pacing::new(1, 1);
        assert!(pacing.wait_until_due(Duration::ZERO));
        pacing.sent(1, Instant::now());
        assert!(!pacing.wait_until_due(Duration::from_millis(1)));
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| pacing.wait_until_due(Duration::from_secs(60)));
            pacing.answered(1, Instant::now());
            assert!(waits.join().unwrap());
        });
    }
}
