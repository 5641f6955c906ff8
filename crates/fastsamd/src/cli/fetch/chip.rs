//! Which Hailo chip this machine has, and which libhailort. The bus does not say which chip: both have one
//! PCI id, so the chip itself is asked, through libhailort.

use fetch::Platform;
use hailort::{
    Architecture, DeviceId, Error, Library, VDevice, VDeviceOptions, Version, Versions, host::SysFs,
};

/// The version of the libhailort of this machine, whether or not fastsamd works with it.
pub(super) fn installed_library() -> Option<Version> {
    match Library::open(None, Versions::from_environment()) {
        Ok(library) => Some(library.version()),
        Err(Error::Version { found } | Error::UntriedVersion { found }) => Some(found),
        Err(_) => None,
    }
}

/// The chip, and what it is called; `None` where there is none that published HEFs are for.
///
/// # Errors
/// There is one, and it can't be asked: there is no libhailort for its driver, or another program has
/// the chip.
pub(super) fn of_this_machine() -> Result<Option<(Platform, Architecture)>, Error> {
    match find() {
        Ok((library, devices)) if !devices.is_empty() => identify(&library),
        Ok(_) => Ok(None),
        // Without a driver there is no chip that could be used.
        Err(_) if SysFs::default().driver_version().is_none() => Ok(None),
        Err(error) => Err(error),
    }
}

fn find() -> Result<(Library, Vec<DeviceId>), Error> {
    let library = Library::open(None, Versions::from_environment())?;
    let devices = library.scan()?;
    Ok((library, devices))
}

fn identify(library: &Library) -> Result<Option<(Platform, Architecture)>, Error> {
    let vdevice = VDevice::create(library, &VDeviceOptions::default())?;
    let devices = vdevice.physical_devices()?;
    let Some(device) = devices.first() else {
        return Ok(None);
    };
    let architecture = device.identify()?.architecture;
    let platform = match architecture {
        Architecture::Hailo8 => Platform::Hailo8,
        Architecture::Hailo8L => Platform::Hailo8L,
        _ => return Ok(None),
    };
    Ok(Some((platform, architecture)))
}
