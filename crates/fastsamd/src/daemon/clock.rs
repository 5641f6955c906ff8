//! The daemon's clock: the machine's, or in tests one that stands until it is turned.
//!
//! Whatever depends on how much time has passed asks this clock. Waiting is not its business: a
//! stage that waits for a channel or the shutdown does so in real time, and looks at the clock when
//! it wakes.

use std::time::{Instant, SystemTime};
#[cfg(test)]
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Tells the time; clones tell the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    #[cfg(test)]
    turned: Option<Turned>,
}

/// A clock that stands.
#[cfg(test)]
#[derive(Clone, Debug)]
struct Turned {
    start: (Instant, SystemTime),
    ms: Arc<AtomicU64>,
}

#[cfg(test)]
impl Turned {
    fn passed(&self) -> Duration {
        Duration::from_millis(self.ms.load(Ordering::Relaxed))
    }
}

impl Clock {
    /// Monotonic time.
    pub(crate) fn now(&self) -> Instant {
        #[cfg(test)]
        if let Some(turned) = &self.turned {
            return turned.start.0 + turned.passed();
        }
        Instant::now()
    }

    /// The time of day, which may leap.
    pub(crate) fn time_of_day(&self) -> SystemTime {
        #[cfg(test)]
        if let Some(turned) = &self.turned {
            return turned.start.1 + turned.passed();
        }
        SystemTime::now()
    }

    /// When something happened by the time of day that happened at this monotonic time. The time of
    /// day may leap; how long ago something was doesn't.
    pub(crate) fn time_of_day_at(&self, instant: Instant) -> SystemTime {
        self.time_of_day() - self.now().saturating_duration_since(instant)
    }

    /// A clock that stands until it is turned.
    #[cfg(test)]
    pub(crate) fn standing() -> Self {
        Self {
            turned: Some(Turned {
                start: (
                    Instant::now(),
                    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
                ),
                ms: Arc::default(),
            }),
        }
    }

    /// Lets time pass on a standing clock and all its clones.
    #[cfg(test)]
    pub(crate) fn turn(&self, by: Duration) {
        let turned = self.turned.as_ref().unwrap();
        turned
            .ms
            .fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_clock_moves_when_it_is_turned() {
        let clock = Clock::standing();
        let (at, day) = (clock.now(), clock.time_of_day());
        assert_eq!(clock.now(), at);
        clock.clone().turn(Duration::from_secs(3));
        assert_eq!(clock.now() - at, Duration::from_secs(3));
        assert_eq!(clock.time_of_day_at(at), day);
    }
}
