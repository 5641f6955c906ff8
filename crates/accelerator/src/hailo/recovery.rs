//! The ladder: what to do when a transfer fails.
//!
//! An input that is not taken in time is dropped. After anything else, the vstreams are made anew;
//! if that does not bring answers, the vdevice is, more and more slowly; after as many attempts as
//! the settings say, the backend gives up. A second of answers takes it back to the bottom.

use std::time::Duration;

use hailort::Status;

use super::{
    error::{HailoError, TOO_HOT},
    step::Step,
};

/// Answers in a row after which a fault is a new one: about a second's.
const SETTLED: u32 = 48;
/// The wait before a step, doubled with each failure in a row.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Where on the ladder we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ladder {
    /// Failures since the last settled time.
    failures: u32,
    /// Vdevices made anew since then.
    attempts: u32,
    /// Answers since the last failure.
    answers: u32,
}

/// What to do, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// This step, after this wait.
    Take(Step, Duration),
    /// No step helps.
    GiveUp,
}

impl Ladder {
    /// An answer came.
    pub(super) fn answered(&mut self) {
        self.answers = self.answers.saturating_add(1);
        if self.answers >= SETTLED {
            *self = Self::default();
        }
    }

    /// How often in a row a vdevice was made anew.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Something failed: what now?
    pub(super) fn failed(&mut self, error: &HailoError, most_attempts: u32) -> Decision {
        self.answers = 0;
        self.failures = self.failures.saturating_add(1);
        if is_final(error) {
            return Decision::GiveUp;
        }
        let status = match error {
            HailoError::Runtime(error) => error.status(),
            _ => None,
        };
        // A lost device takes its vstreams along: only a new vdevice helps.
        let streams_suffice = match error {
            HailoError::Aborted { temperature } => temperature.is_some(),
            _ => matches!(status, Some(Status::TIMEOUT | Status::DRIVER_TIMEOUT)),
        };
        if self.failures == 1 && streams_suffice {
            // The chip aborts its streams when it is too hot: let it rest.
            let rest = matches!(error, HailoError::Aborted { temperature: Some(degrees) } if *degrees >= TOO_HOT);
            let wait = if rest { FIRST_WAIT } else { Duration::ZERO };
            return Decision::Take(Step::RestartVStreams, wait);
        }
        if self.attempts >= most_attempts {
            return Decision::GiveUp;
        }
        self.attempts += 1;
        let wait = match self.attempts {
            1 => Duration::ZERO,
            n => FIRST_WAIT
                .saturating_mul(1 << (n - 2).min(8))
                .min(LONGEST_WAIT),
        };
        Decision::Take(Step::RestartVDevice, wait)
    }
}

/// Whether trying again can't help.
fn is_final(error: &HailoError) -> bool {
    match error {
        HailoError::Runtime(error) => error.status().is_some_and(|status| {
            matches!(
                status,
                Status::UNSUPPORTED_FW_VERSION
                    | Status::INVALID_HEF
                    | Status::NOT_SUPPORTED
                    | Status::HEF_NOT_COMPATIBLE_WITH_DEVICE
            )
        }),
        error => !error.is_transient(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(status: u32) -> HailoError {
        let Err(status) = Status::check(status) else {
            panic!("a failure")
        };
        hailort::Error::Call {
            function: "hailo_test",
            status,
        }
        .into()
    }

    #[test]
    fn timeouts_climb_the_whole_ladder() {
        let mut ladder = Ladder::default();
        let steps: Vec<_> = (0..5).map(|_| ladder.failed(&call(4), 3)).collect();
        let ms = Duration::from_millis;
        assert_eq!(
            steps,
            [
                Decision::Take(Step::RestartVStreams, ms(0)),
                Decision::Take(Step::RestartVDevice, ms(0)),
                Decision::Take(Step::RestartVDevice, ms(250)),
                Decision::Take(Step::RestartVDevice, ms(500)),
                Decision::GiveUp,
            ]
        );
        assert_eq!(ladder.attempts(), 3);
    }

    #[test]
    fn a_second_of_answers_makes_a_fault_the_first_again() {
        let mut ladder = Ladder::default();
        ladder.failed(&call(4), 3);
        for _ in 0..SETTLED - 1 {
            ladder.answered();
        }
        let mut early = ladder.clone();
        assert!(matches!(
            early.failed(&call(4), 3),
            Decision::Take(Step::RestartVDevice, _)
        ));
        ladder.answered();
        assert!(matches!(
            ladder.failed(&call(4), 3),
            Decision::Take(Step::RestartVStreams, _)
        ));
    }

    #[test]
    fn the_first_step_depends_on_what_failed() {
        for (status, expected) in [
            (4, Decision::Take(Step::RestartVStreams, Duration::ZERO)),
            (87, Decision::Take(Step::RestartVStreams, Duration::ZERO)),
            (63, Decision::Take(Step::RestartVDevice, Duration::ZERO)),
            (36, Decision::Take(Step::RestartVDevice, Duration::ZERO)),
            (62, Decision::Take(Step::RestartVDevice, Duration::ZERO)),
            (4711, Decision::Take(Step::RestartVDevice, Duration::ZERO)),
            (16, Decision::GiveUp),
            (93, Decision::GiveUp),
        ] {
            assert_eq!(
                Ladder::default().failed(&call(status), 3),
                expected,
                "{status}"
            );
        }
    }

    #[test]
    fn a_chip_that_stopped_for_heat_rests_and_one_that_is_gone_is_taken_anew() {
        for (temperature, expected) in [
            (
                Some(104.0),
                Decision::Take(Step::RestartVStreams, FIRST_WAIT),
            ),
            (
                Some(50.0),
                Decision::Take(Step::RestartVStreams, Duration::ZERO),
            ),
            (None, Decision::Take(Step::RestartVDevice, Duration::ZERO)),
        ] {
            let error = HailoError::Aborted { temperature };
            assert_eq!(Ladder::default().failed(&error, 3), expected);
        }
        let removed = HailoError::Removed { device: None };
        assert_eq!(
            Ladder::default().failed(&removed, 3),
            Decision::Take(Step::RestartVDevice, Duration::ZERO)
        );
    }

    #[test]
    fn waits_stay_bounded() {
        let mut ladder = Ladder::default();
        for _ in 0..100 {
            let Decision::Take(_, wait) = ladder.failed(&call(36), u32::MAX) else {
                panic!("gave up")
            };
            assert!(wait <= LONGEST_WAIT);
        }
    }
}
