//! What the machine says of its own heat, power and memory.
//!
//! Temperatures come from the kernel's thermal zones (`/sys/class/thermal`, documented in the
//! kernel's `sysfs-class-thermal`). Whether a Raspberry Pi runs slower than it could, its firmware
//! says (`get_throttled`, the word that `vcgencmd get_throttled` prints).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The firmware's word, bits 0 to 3: what is the case now. Bits 16 to 19 are the same since boot.
const UNDER_VOLTAGE: u32 = 1 << 0;
const FREQUENCY_CAPPED: u32 = 1 << 1;
const THROTTLED: u32 = 1 << 2;
const SOFT_TEMPERATURE_LIMIT: u32 = 1 << 3;

/// Where the machine is looked at; another root in tests.
#[derive(Clone, Debug)]
pub struct Host {
    sys: PathBuf,
    timesync: PathBuf,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            sys: "/sys".into(),
            timesync: "/run/systemd/timesync".into(),
        }
    }
}

impl Host {
    /// Looks below another folder than `/sys`; what else there is lies below it, too.
    pub fn at(sys: impl Into<PathBuf>) -> Self {
        let sys = sys.into();
        Self {
            timesync: sys.join("run/systemd/timesync"),
            sys,
        }
    }

    /// Whether the time of day was set from the network since the machine started; `None` where
    /// systemd-timesyncd, which tells, does not run. A Pi without a battery starts with the time at which
    /// it was switched off.
    pub fn is_clock_set(&self) -> Option<bool> {
        self.timesync
            .is_dir()
            .then(|| self.timesync.join("synchronized").exists())
    }

    /// Degrees Celsius by thermal zone.
    pub fn temperatures(&self) -> BTreeMap<String, f64> {
        let zones = entries(&self.sys.join("class/thermal"))
            .filter(|path| name_of(path).starts_with("thermal_zone"));
        zones
            .filter_map(|zone| {
                let millidegrees: f64 = read(&zone.join("temp"))?.parse().ok()?;
                let kind = read(&zone.join("type")).unwrap_or_else(|| name_of(&zone));
                Some((kind, (millidegrees / 100.0).round() / 10.0))
            })
            .collect()
    }

    /// Why the machine runs slower than it could, an empty list if it does not; `None` where it
    /// does not say.
    pub fn slowed_by(&self) -> Option<Vec<&'static str>> {
        let word = entries(&self.sys.join("bus/platform/devices"))
            .filter(|path| name_of(path).ends_with(":firmware"))
            .find_map(|path| read(&path.join("get_throttled")))?;
        let word = u32::from_str_radix(word.trim_start_matches("0x"), 16).ok()?;
        let causes = [
            (UNDER_VOLTAGE, "under-voltage"),
            (FREQUENCY_CAPPED, "capped frequency"),
            (THROTTLED, "throttling"),
            (SOFT_TEMPERATURE_LIMIT, "the soft temperature limit"),
        ];
        let now = causes.into_iter().filter(|(bit, _)| word & bit != 0);
        Some(now.map(|(_, cause)| cause).collect())
    }
}

/// This process's resident memory in bytes, where the system says.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn thermal_zones_are_read_in_degrees() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        assert!(host.temperatures().is_empty());
        write(root.path(), "class/thermal/thermal_zone0/temp", "48350\n");
        write(
            root.path(),
            "class/thermal/thermal_zone0/type",
            "cpu-thermal\n",
        );
        write(root.path(), "class/thermal/thermal_zone1/temp", "broken\n");
        write(root.path(), "class/thermal/cooling_device0/type", "fan\n");
        let found: Vec<_> = host.temperatures().into_iter().collect();
        assert_eq!(found, [("cpu-thermal".to_owned(), 48.4)]);
    }

    #[test]
    fn a_clock_is_set_once_the_service_says_so() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        assert_eq!(host.is_clock_set(), None);
        write(root.path(), "run/systemd/timesync/pid", "1");
        assert_eq!(host.is_clock_set(), Some(false));
        write(root.path(), "run/systemd/timesync/synchronized", "");
        assert_eq!(host.is_clock_set(), Some(true));
    }

    #[test]
    fn the_firmwares_word_is_read_by_its_bits() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        assert_eq!(host.slowed_by(), None);
        let place = "bus/platform/devices/soc@107c000000:firmware/get_throttled";
        for (word, causes) in [
            ("0\n", &[][..]),
            ("50000\n", &[]),
            ("50005\n", &["under-voltage", "throttling"]),
            ("0x8\n", &["the soft temperature limit"]),
        ] {
            write(root.path(), place, word);
            assert_eq!(host.slowed_by().unwrap(), causes, "{word}");
        }
        write(root.path(), place, "what?\n");
        assert_eq!(host.slowed_by(), None);
    }
}
