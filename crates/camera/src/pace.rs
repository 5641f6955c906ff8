//! When the next picture is due, at a rate.
//!
//! Two schedules, because a picture that nobody asked for in time is lost with a camera, and
//! still there with a file: [`Ticks`] numbers moments on an absolute schedule and leaves out
//! those that passed; [`Turns`] lets every turn happen, late ones at once, without a burst after
//! a pause. Both are told the time; only [`wait_until`] looks at the clock.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::CameraError;

/// Frames per second that a schedule keeps, or `None` where pictures come as fast as asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate(Option<f64>);

impl Rate {
    pub(crate) fn new(fps: f64) -> Result<Self, CameraError> {
        match fps {
            0.0 => Ok(Self(None)),
            0.001..=1000.0 => Ok(Self(Some(fps))),
            _ => Err(CameraError::Setting {
                name: "fps",
                found: fps.to_string(),
                expected: "0 (as fast as asked) or 0.001 to 1000",
            }),
        }
    }
}

/// Moments `start + n / fps`; those that passed unasked are left out.
#[derive(Debug)]
pub(crate) struct Ticks {
    rate: Rate,
    start: Option<Instant>,
    next: u64,
}

impl Ticks {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            start: None,
            next: 0,
        }
    }

    /// The tick to come, or the last one that passed if it is still to be had, and its moment.
    pub(crate) fn due(&mut self, now: Instant) -> (u64, Instant) {
        let Rate(Some(fps)) = self.rate else {
            return (self.next, now);
        };
        let start = *self.start.get_or_insert(now);
        let passed = (now.saturating_duration_since(start).as_secs_f64() * fps) as u64;
        let tick = passed.max(self.next);
        let after = Duration::try_from_secs_f64(tick as f64 / fps).unwrap_or(Duration::MAX);
        (tick, start.checked_add(after).unwrap_or(now))
    }

    /// The tick was used.
    pub(crate) fn advance(&mut self, tick: u64) {
        self.next = tick + 1;
    }
}

/// Turns that are `1 / fps` apart, or more where they are asked for later.
#[derive(Debug)]
pub(crate) struct Turns {
    rate: Rate,
    next: Option<Instant>,
}

impl Turns {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, next: None }
    }

    /// The moment of the turn to come.
    pub(crate) fn due(&self, now: Instant) -> Instant {
        self.next.unwrap_or(now)
    }

    /// The turn was taken. One that came late by less than a period keeps its place on the
    /// schedule; with one later than that the schedule starts anew.
    pub(crate) fn advance(&mut self, now: Instant) {
        if let Rate(Some(fps)) = self.rate {
            let period = Duration::from_secs_f64(1.0 / fps);
            let due = self.due(now);
            let late = now.saturating_duration_since(due) >= period;
            self.next = Some(if late { now } else { due } + period);
        }
    }
}

/// Sleeps until `moment`, or answers with a timeout after `timeout`.
pub(crate) fn wait_until(moment: Instant, timeout: Duration) -> Result<(), CameraError> {
    let wait = moment.saturating_duration_since(Instant::now());
    thread::sleep(wait.min(timeout));
    if wait > timeout {
        return Err(CameraError::Timeout(timeout));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(fps: f64) -> Rate {
        Rate::new(fps).unwrap()
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn rates_that_no_schedule_can_keep_are_refused() {
        for fps in [-1.0, f64::NAN, f64::INFINITY, 1e-9, 1e9] {
            let error = Rate::new(fps).unwrap_err();
            assert!(error.to_string().starts_with("fps is "), "{error}");
            assert!(!error.is_transient());
        }
    }

    #[test]
    fn ticks_stay_on_an_absolute_schedule_and_leave_out_those_that_passed() {
        let start = Instant::now();
        let mut ticks = Ticks::new(rate(100.0));
        // (asked at ms, tick, its moment in ms)
        let cases = [
            (0, 0, 0),
            (1, 1, 10),
            (13, 2, 20),
            (20, 3, 30),
            // 40 ms late: ticks 4 to 6 are lost, 7 is the picture a camera would still hold.
            (75, 7, 70),
            (76, 8, 80),
        ];
        for (asked, tick, moment) in cases {
            assert_eq!(ticks.due(start + asked * MS), (tick, start + moment * MS));
            ticks.advance(tick);
        }
    }

    #[test]
    fn ticks_do_not_drift_at_rates_without_a_whole_period() {
        let start = Instant::now();
        let mut ticks = Ticks::new(rate(30.0));
        ticks.due(start);
        ticks.advance(29 + 30 * 3600 * 24);
        let day = Duration::from_secs(3600 * 24 + 1);
        let (_, moment) = ticks.due(start + day);
        assert!(moment.duration_since(start + day) < Duration::from_micros(1));
    }

    #[test]
    fn turns_keep_their_schedule_until_one_is_a_period_late() {
        let start = Instant::now();
        let mut turns = Turns::new(rate(100.0));
        // (taken at ms, the next one's moment in ms)
        for (taken, next) in [(0, 10), (14, 20), (29, 30), (55, 65), (65, 75)] {
            turns.advance(start + taken * MS);
            assert_eq!(turns.due(start), start + next * MS, "after {taken} ms");
        }
    }

    #[test]
    fn without_a_rate_everything_is_due_at_once() {
        let start = Instant::now();
        let (mut ticks, mut turns) = (Ticks::new(rate(0.0)), Turns::new(rate(0.0)));
        for tick in 0..3 {
            let now = start + tick * MS;
            assert_eq!(ticks.due(now), (u64::from(tick), now));
            ticks.advance(u64::from(tick));
            turns.advance(now);
            assert_eq!(turns.due(now), now);
        }
    }

    #[test]
    fn a_wait_that_is_longer_than_the_timeout_is_cut_short() {
        let begun = Instant::now();
        let hour = Duration::from_secs(3600);
        let error = wait_until(begun + hour, 2 * MS).unwrap_err();
        assert!(matches!(error, CameraError::Timeout(t) if t == 2 * MS));
        assert!(error.is_transient());
        assert!(begun.elapsed() < hour);
    }
}
