//! Pauses between attempts: each twice as long as the one before, with jitter, so that many nodes
//! that lost the same broker don't come back all at once.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// The range of pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure.
    pub first: Duration,
    /// No pause is longer.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(30),
        }
    }
}

/// The pauses of one run of failures.
#[derive(Debug)]
pub(super) struct Pauses {
    range: Backoff,
    next: Duration,
}

impl Pauses {
    pub(super) fn new(range: Backoff) -> Self {
        Self {
            range,
            next: range.first.min(range.longest),
        }
    }

    /// How long to wait now: three quarters of the nominal pause to all of it.
    pub(super) fn pause(&mut self) -> Duration {
        let nominal = self.next;
        self.next = (nominal * 2).min(self.range.longest);
        // Randomly keyed, anew for each: enough to tell nodes apart.
        let random = RandomState::new().hash_one(());
        let share = random as f64 / u64::MAX as f64;
        nominal.mul_f64(0.75 + 0.25 * share)
    }

    /// Starts over, after a connection that held for so long. One that broke sooner than the next
    /// pause would be does not count: two clients with the same id throw each other out for ever.
    pub(super) fn held_for(&mut self, time: Duration) {
        if time >= self.next {
            *self = Self::new(self.range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_with_jitter_below() {
        let mut pauses = Pauses::new(Backoff::default());
        for nominal in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let pause = pauses.pause().as_secs_f64();
            assert!(
                (0.75 * nominal..=nominal).contains(&pause),
                "{pause} for {nominal}"
            );
        }
    }

    #[test]
    fn pauses_differ() {
        let pause = || Pauses::new(Backoff::default()).pause();
        let first = pause();
        assert!((0..20).any(|_| pause() != first));
    }

    #[test]
    fn only_a_connection_that_held_starts_over() {
        let mut pauses = Pauses::new(Backoff::default());
        pauses.pause();
        pauses.pause();
        pauses.held_for(Duration::from_secs(3));
        assert!(pauses.pause() > Duration::from_secs(2));
        pauses.held_for(Duration::from_secs(60));
        assert!(pauses.pause() <= Duration::from_secs(1));
    }
}
