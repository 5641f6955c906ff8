//! Which Hailo chip this machine has. The bus does not say: both have one PCI id, so the chip itself
//! is asked, through libhailort.

use fetch::Platform;
use hailort::{Architecture, Library, VDevice, VDeviceOptions, Versions, host::SysFs};

/// The chip, and what it calls itself; `None` where there is none.
///
/// # Errors
/// There is one, as far as the kernel knows, and it can't be asked: there is no libhailort, or
/// another program has the chip.
pub(super) fn of_this_machine() -> anyhow::Result<Option<(Platform, String)>> {
    match ask() {
        Ok(chip) => Ok(chip),
        // Without a driver there is no chip that could be used.
        Err(_) if SysFs::default().driver_version().is_none() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn ask() -> Result<Option<(Platform, String)>, hailort::Error> {
    let library = Library::open(None, Versions::from_environment())?;
    if library.scan()?.is_empty() {
        return Ok(None);
    }
    let vdevice = VDevice::create(&library, &VDeviceOptions::default())?;
    let devices = vdevice.physical_devices()?;
    let Some(device) = devices.first() else {
        return Ok(None);
    };
    let architecture = device.identify()?.architecture;
    Ok(match architecture {
        Architecture::Hailo8 => Some((Platform::Hailo8, format!("a {architecture}"))),
        Architecture::Hailo8L => Some((Platform::Hailo8L, format!("a {architecture}"))),
        // None that published HEFs are for.
        _ => None,
    })
}
