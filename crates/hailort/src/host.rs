//! What Linux knows of the device, without the library: driver version and PCIe link.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::DeviceId;

/// Where to look; a folder of its own in tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysFs {
    root: PathBuf,
}

impl Default for SysFs {
    fn default() -> Self {
        Self {
            root: PathBuf::from("/sys"),
        }
    }
}

/// The speed and width of a device's PCIe link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PcieLink {
    /// Gigatransfers per second: 2.5, 5, 8, 16.
    pub speed: f32,
    /// Lanes.
    pub width: u32,
}

/// What the PCIe bus tells of a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chip {
    /// A Hailo-8 or 8L, which look alike from there.
    Hailo8,
    /// A chip that HailoRT 4 does not drive, by its name.
    Other(&'static str),
}

/// Hailo's number among the vendors on PCIe.
const HAILO: &str = "0x1e60";

impl PcieLink {
    /// Below Gen 3, the link slows multi-context networks such as FastSAM.
    pub const FULL_SPEED: f32 = 8.0;

    /// Whether the link runs below Gen 3: on a Raspberry Pi 5, `dtparam=pciex1_gen=3` helps.
    pub fn is_slow(self) -> bool {
        self.speed < Self::FULL_SPEED
    }
}

impl SysFs {
    /// Reads below another folder than `/sys`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The version of the kernel driver, if it is loaded: `/sys/module/hailo_pci/version`.
    pub fn driver_version(&self) -> Option<String> {
        read(&self.root.join("module/hailo_pci/version"))
    }

    /// Hailo's chips on the PCIe bus, whether a driver has them or not.
    pub fn chips(&self) -> Vec<Chip> {
        let entries = fs::read_dir(self.root.join("bus/pci/devices"));
        let mut chips: Vec<Chip> = entries
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| read(&entry.path().join("vendor")).as_deref() == Some(HAILO))
            .map(
                |entry| match read(&entry.path().join("device")).as_deref() {
                    Some("0x2864") => Chip::Hailo8,
                    Some("0x45c4") => Chip::Other("Hailo-10H"),
                    Some("0x43a2") => Chip::Other("Hailo-15L"),
                    _ => Chip::Other("Hailo chip of an unknown kind"),
                },
            )
            .collect();
        chips.sort_unstable();
        chips
    }

    /// The link of a PCIe device, if it is one.
    pub fn pcie_link(&self, device: &DeviceId) -> Option<PcieLink> {
        // A PCIe address holds digits and separators; anything else must not become a path.
        let address = device.as_str();
        if !address
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte))
        {
            return None;
        }
        let device = self.root.join("bus/pci/devices").join(address);
        // "8.0 GT/s PCIe"
        let speed = read(&device.join("current_link_speed"))?;
        Some(PcieLink {
            speed: speed.split_whitespace().next()?.parse().ok()?,
            width: read(&device.join("current_link_width"))?.parse().ok()?,
        })
    }
}

fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gen_2_link_is_slow() {
        let root = tempfile::tempdir().unwrap();
        let device = root.path().join("bus/pci/devices/0000:01:00.0");
        fs::create_dir_all(&device).unwrap();
        let id = DeviceId::new("0000:01:00.0").unwrap();
        let sysfs = SysFs::at(root.path());
        for (speed, slow) in [("5.0 GT/s PCIe\n", true), ("8.0 GT/s PCIe\n", false)] {
            fs::write(device.join("current_link_speed"), speed).unwrap();
            fs::write(device.join("current_link_width"), "1\n").unwrap();
            let link = sysfs.pcie_link(&id).unwrap();
            assert_eq!((link.width, link.is_slow()), (1, slow));
        }
    }

    #[test]
    fn no_driver_and_no_link() {
        let root = tempfile::tempdir().unwrap();
        let sysfs = SysFs::at(root.path());
        assert_eq!(sysfs.driver_version(), None);
        assert_eq!(sysfs.pcie_link(&DeviceId::new("../../etc").unwrap()), None);
        fs::create_dir_all(root.path().join("module/hailo_pci")).unwrap();
        fs::write(root.path().join("module/hailo_pci/version"), "4.23.0\n").unwrap();
        assert_eq!(sysfs.driver_version().as_deref(), Some("4.23.0"));
    }

    #[test]
    fn chips_are_known_by_their_numbers() {
        let root = tempfile::tempdir().unwrap();
        let sysfs = SysFs::at(root.path());
        assert!(sysfs.chips().is_empty());
        for (address, vendor, device) in [
            ("0000:00:00.0", "0x14e4", "0x2712"),
            ("0000:01:00.0", "0x1e60", "0x45c4"),
            ("0001:01:00.0", "0x1e60", "0x2864"),
            ("0002:01:00.0", "0x1e60", "0x9999"),
        ] {
            let folder = root.path().join("bus/pci/devices").join(address);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("vendor"), format!("{vendor}\n")).unwrap();
            fs::write(folder.join("device"), format!("{device}\n")).unwrap();
        }
        let unknown = Chip::Other("Hailo chip of an unknown kind");
        assert_eq!(
            sysfs.chips(),
            [Chip::Hailo8, unknown, Chip::Other("Hailo-10H")]
        );
    }
}
