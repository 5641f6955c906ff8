//! `doctor`: looks at everything the daemon needs, and says what to do about what is missing.
//!
//! [`examine`] goes from the library to the broker; each look is a [`Finding`]. Nothing is changed:
//! no message is published, and a chip or camera that is in use is left alone. The rows follow what
//! goes wrong for users of a Hailo-8: the table stands in `accelerator.rs`.

mod accelerator;
mod broker;
mod cameras;
mod machine;

use std::{fmt, path::PathBuf};

use hailort::host::SysFs;
use serde::Serialize;

use crate::host::Host;
use configuration::Config;

/// How something looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// It works, or isn't needed; but somebody should know.
    Warning,
    /// The daemon can't work like this.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        })
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What: `library`, `driver`, `device`, `hef`, `camera cam0`, `broker`, ...
    pub check: String,
    /// How it looks.
    #[serde(rename = "status")]
    pub outcome: Outcome,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    fn ok(check: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            outcome: Outcome::Ok,
            detail: detail.into(),
            fix: None,
        }
    }

    fn warning(
        check: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<Option<String>>,
    ) -> Self {
        Self {
            outcome: Outcome::Warning,
            fix: fix.into(),
            ..Self::ok(check, detail)
        }
    }

    fn failed(
        check: impl Into<String>,
        detail: impl Into<String>,
        fix: impl Into<Option<String>>,
    ) -> Self {
        Self {
            outcome: Outcome::Failed,
            fix: fix.into(),
            ..Self::ok(check, detail)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:8} {:12} {}", self.outcome, self.check, self.detail)?;
        match &self.fix {
            Some(fix) => write!(f, "\n{:21} fix: {fix}", ""),
            None => Ok(()),
        }
    }
}

/// Where the machine is looked at; another place in tests.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Drivers, links, temperatures.
    pub sysfs: SysFs,
    /// The machine's heat and power.
    pub host: Host,
    /// Device nodes.
    pub dev: PathBuf,
    /// Processes.
    pub proc: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            sysfs: SysFs::default(),
            host: Host::default(),
            dev: "/dev".into(),
            proc: "/proc".into(),
        }
    }
}

/// Looks at everything a configuration needs, in the order in which things depend on each other.
pub fn examine(config: &Config, machine: &Machine) -> Vec<Finding> {
    let mut findings = accelerator::examine(&config.accelerator, machine);
    findings.extend(machine::examine(&machine.host));
    findings.extend(config.cameras.iter().map(cameras::examine));
    findings.push(broker::examine(config));
    findings
}
