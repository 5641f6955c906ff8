//! Where the machine is looked at.

use std::path::PathBuf;

use hailort::host::SysFs;

use crate::host::Host;

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
