//! A name that tells machines apart, also those whose cards are copies of one another.
//!
//! Copies share host name and `/etc/machine-id`. What they don't share is the hardware: a Raspberry Pi has a serial
//! number, everything else with a network has a MAC address.

use std::{fs, path::Path};

/// What stands for such a name in the configuration.
pub(crate) const AUTO: &str = "auto";

/// How a name begins.
const BEGINNING: &str = "fastsamd-";

/// Characters of the number behind it: no two of a million nodes share them by more than chance, and people can
/// read them out.
const DIGITS: usize = 8;

/// The name of this machine, or nothing where nothing tells it apart.
pub(crate) fn name() -> Option<String> {
    name_below(Path::new("/"))
}

fn name_below(root: &Path) -> Option<String> {
    let number = serial_number(root).or_else(|| mac_address(root))?;
    let first = number.len().saturating_sub(DIGITS);
    Some(format!("{BEGINNING}{}", &number[first..]))
}

/// The board's, as the firmware hands it on.
fn serial_number(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join("sys/firmware/devicetree/base/serial-number")).ok()?;
    hexadecimal(&text)
}

/// The lowest of those that belong to hardware.
fn mac_address(root: &Path) -> Option<String> {
    let interfaces = fs::read_dir(root.join("sys/class/net")).ok()?;
    let addresses = interfaces.filter_map(|interface| {
        let interface = interface.ok()?.path();
        // Only hardware has a device.
        let has_device = interface.join("device").exists();
        let address = fs::read_to_string(interface.join("address")).ok()?;
        has_device.then(|| hexadecimal(&address)).flatten()
    });
    addresses.min()
}

/// The digits of a number, unless it has none but zeros.
fn hexadecimal(text: &str) -> Option<String> {
    let digits = text.chars().filter(char::is_ascii_hexdigit);
    let digits: String = digits.map(|digit| digit.to_ascii_lowercase()).collect();
    digits.contains(|digit| digit != '0').then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hardware_names_the_machine() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(name_below(root.path()), None);
        write("sys/class/net/lo/address", "00:00:00:00:00:00\n");
        write("sys/class/net/veth0/address", "02:42:ac:11:00:02\n");
        assert_eq!(name_below(root.path()), None, "no hardware");
        write("sys/class/net/wlan0/address", "d8:3a:dd:12:34:57\n");
        write("sys/class/net/wlan0/device/modalias", "");
        write("sys/class/net/eth0/address", "D8:3A:DD:12:34:56\n");
        write("sys/class/net/eth0/device/modalias", "");
        assert_eq!(name_below(root.path()).unwrap(), "fastsamd-dd123456");
        let serial = "sys/firmware/devicetree/base/serial-number";
        write(serial, "10000000abcdef01\0");
        assert_eq!(name_below(root.path()).unwrap(), "fastsamd-abcdef01");
    }
}
