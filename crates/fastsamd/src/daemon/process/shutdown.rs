//! The token on which every thread of the daemon waits, and that ends them all.
//!
//! Invariants: once requested, a shutdown is never taken back; the first failure given is the one
//! reported; a wait returns at once when the shutdown comes.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A handle on the daemon's end; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shutdown {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// `Some` once it is.
    requested_at: Option<Instant>,
    failure: Option<anyhow::Error>,
}

impl State {
    fn request(&mut self) {
        self.requested_at.get_or_insert_with(Instant::now);
    }
}

impl Shutdown {
    /// A token nobody has used yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that holds this lock can panic half-way through a change.
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the daemon as asked: it will exit with 0.
    pub(crate) fn request(&self) {
        self.state().request();
        self.shared.changed.notify_all();
    }

    /// Ends the daemon because it can't go on: it will exit with 1 and this error.
    pub(crate) fn fail(&self, error: anyhow::Error) {
        let mut state = self.state();
        if state.failure.is_none() {
            state.failure = Some(error);
        }
        state.request();
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Whether the end has been asked for.
    pub(crate) fn is_requested(&self) -> bool {
        self.state().requested_at.is_some()
    }

    /// When the end was asked for.
    pub(crate) fn requested_at(&self) -> Option<Instant> {
        self.state().requested_at
    }

    /// Sleeps for `duration` or until the end is asked for, and says whether it was.
    pub(crate) fn wait(&self, duration: Duration) -> bool {
        let deadline = Instant::now() + duration;
        let mut state = self.state();
        while state.requested_at.is_none() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
        state.requested_at.is_some()
    }

    /// The failure that ended the daemon, if one did.
    pub(crate) fn take_failure(&self) -> Option<anyhow::Error> {
        self.state().failure.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_the_shutdown_comes() {
        let shutdown = Shutdown::new();
        let other = shutdown.clone();
        let waiter = std::thread::spawn(move || other.wait(Duration::from_secs(60)));
        shutdown.request();
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn a_wait_ends_after_its_time() {
        assert!(!Shutdown::new().wait(Duration::from_millis(1)));
    }

    #[test]
    fn the_first_failure_is_the_one_reported() {
        let shutdown = Shutdown::new();
        shutdown.fail(anyhow::anyhow!("first"));
        shutdown.fail(anyhow::anyhow!("second"));
        assert!(shutdown.is_requested());
        assert_eq!(shutdown.take_failure().unwrap().to_string(), "first");
    }
}
