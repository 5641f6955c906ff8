//! Where the machine is looked at.

use std::{
    fs,
    path::{Path, PathBuf},
};

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
    /// Kernel modules, a folder for each kernel.
    pub modules: PathBuf,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            sysfs: SysFs::default(),
            host: Host::default(),
            dev: "/dev".into(),
            proc: "/proc".into(),
            modules: "/lib/modules".into(),
        }
    }
}

/// Files of the kernel driver for the kernel that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DriverFiles {
    /// All of them, in the order of their paths.
    pub(super) all: Vec<PathBuf>,
    /// The one that `modprobe` takes, by `modules.dep`.
    pub(super) taken: Option<PathBuf>,
}

impl Machine {
    /// Whether there is any trace of a Hailo chip: on the bus, as a node, or a driver.
    pub(super) fn has_trace_of_hailo(&self) -> bool {
        let nodes = fs::read_dir(&self.dev).into_iter().flatten().flatten();
        let is_node =
            |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("hailo");
        !self.sysfs.chips().is_empty()
            || self.sysfs.driver_version().is_some()
            || nodes.into_iter().any(is_node)
    }

    /// Where the driver's module lies: a kernel may have one of its own beside one that DKMS built.
    pub(super) fn driver_files(&self) -> DriverFiles {
        let release = self.proc.join("sys/kernel/osrelease");
        let Ok(release) = fs::read_to_string(release) else {
            return DriverFiles::default();
        };
        let folder = self.modules.join(release.trim());
        let mut all = Vec::new();
        find_driver(&folder, &mut all, 0);
        all.sort();
        let list = fs::read_to_string(folder.join("modules.dep")).unwrap_or_default();
        let taken = list
            .lines()
            .filter_map(|line| Some(folder.join(line.split_once(':')?.0)))
            .find(|path| is_driver(path));
        DriverFiles { all, taken }
    }
}

fn is_driver(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("hailo_pci.ko"))
}

/// Looks for the driver's module below a folder; modules lie a few levels deep.
fn find_driver(folder: &Path, found: &mut Vec<PathBuf>, depth: usize) {
    const DEEPEST: usize = 8;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < DEEPEST => find_driver(&path, found, depth + 1),
            _ if is_driver(&path) => found.push(path),
            _ => {}
        }
    }
}
