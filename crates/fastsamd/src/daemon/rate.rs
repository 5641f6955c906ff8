//! How often something happens: events of the last ten seconds, counted by the second.
//!
//! Invariant: reading changes nothing, so that several reporters see the same rate.

use std::time::{Duration, Instant};

/// Seconds that are looked back on.
const SECONDS: u64 = 10;

/// Events per second over the last ten seconds, or since the first one if that is later.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// When the first event was counted; seconds count from here.
    started: Option<Instant>,
    /// Events of each of the last seconds, the one that runs among them.
    counts: [u32; SECONDS as usize + 1],
    /// The second of the last event.
    last: u64,
}

impl Rate {
    /// Counts one event. `now` never goes back.
    pub(crate) fn count(&mut self, now: Instant) {
        let started = *self.started.get_or_insert(now);
        let second = now.saturating_duration_since(started).as_secs();
        // The seconds since the last event had none.
        for passed in (self.last + 1..=second).rev().take(self.counts.len()) {
            self.counts[slot(passed)] = 0;
        }
        self.last = self.last.max(second);
        let count = &mut self.counts[slot(second)];
        *count = count.saturating_add(1);
    }

    /// Events per second up to now, in tenths.
    pub(crate) fn per_second(&self, now: Instant) -> f64 {
        let Some(started) = self.started else {
            return 0.0;
        };
        let since = now.saturating_duration_since(started);
        let second = since.as_secs();
        // Whole seconds of which all counts are there still, and the one that runs.
        let first = second.saturating_sub(SECONDS);
        let events: u64 = (first..=second.min(self.last))
            .map(|second| u64::from(self.counts[slot(second)]))
            .sum();
        let span = since - Duration::from_secs(first);
        // A first event alone is no rate yet.
        if span.as_secs_f64() < 0.1 {
            return 0.0;
        }
        (events as f64 / span.as_secs_f64() * 10.0).round() / 10.0
    }
}

fn slot(second: u64) -> usize {
    (second % (SECONDS + 1)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_rate_is_told_at_any_time() {
        let start = Instant::now();
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(start), 0.0);
        for frame in 0..1000 {
            let now = start + Duration::from_millis(40) * frame;
            rate.count(now);
            if frame > 100 {
                let told = rate.per_second(now);
                assert!((24.5..=26.0).contains(&told), "frame {frame}: {told}");
            }
        }
    }

    #[test]
    fn what_stops_has_no_rate_ten_seconds_later() {
        let start = Instant::now();
        let mut rate = Rate::default();
        for frame in 0..100 {
            rate.count(start + Duration::from_millis(100) * frame);
        }
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(rate.per_second(at(10)), 10.0);
        assert!((4.0..6.0).contains(&rate.per_second(at(15))));
        assert_eq!(rate.per_second(at(21)), 0.0);
        // And begins anew without what was before.
        rate.count(at(1000));
        assert!(rate.per_second(at(1001)) < 0.3);
    }
}
