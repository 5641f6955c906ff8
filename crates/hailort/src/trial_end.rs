//! How a trial of a HEF ended that did not end well, and what to say of it.

use std::{path::Path, time::Duration};

/// How a trial ended that did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialEnd {
    /// By this signal.
    Killed {
        /// Its number.
        signal: i32,
    },
    /// Not in time.
    TimedOut {
        /// The time it had.
        limit: Duration,
    },
    /// The HEF was found to be at fault.
    Refused {
        /// The program's line, which names the HEF.
        said: String,
    },
    /// In another way, which says nothing about the HEF.
    Failed {
        /// What the program said, or why there was none.
        said: String,
    },
}

impl TrialEnd {
    /// Whether the HEF is at fault.
    pub fn is_of_hef(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }

    /// One line about the trial of this HEF.
    pub(crate) fn of(&self, hef: &Path) -> String {
        let hef = hef.display();
        const SO: &str = "so it is not handed to the library: fetch it again with \
                          `fastsamd fetch`, or compile it anew";
        match self {
            Self::Killed { signal } => {
                let name = signal_name(*signal);
                format!("{hef}: libhailort crashed on this HEF in a trial ({name}), {SO}")
            }
            Self::TimedOut { limit } => format!(
                "{hef}: libhailort did not come back from this HEF within {limit:?} in a trial, {SO}"
            ),
            Self::Refused { said } => said.clone(),
            Self::Failed { said } => format!("{hef}: the trial of this HEF failed: {said}"),
        }
    }
}

/// A signal as people know it.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal}, {name}")
}
