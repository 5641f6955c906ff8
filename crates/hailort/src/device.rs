//! Physical devices: what they are, and how warm.

use std::{fmt, marker::PhantomData, ptr, sync::MutexGuard};

use hailort_sys::{
    HAILO_ARCH_HAILO8, HAILO_ARCH_HAILO8_A0, HAILO_ARCH_HAILO8L, HAILO_ARCH_HAILO10H,
    HAILO_ARCH_HAILO15H, HAILO_ARCH_HAILO15L, HAILO_ARCH_HAILO15M, hailo_chip_temperature_info_t,
    hailo_device, hailo_device_identity_t,
};

use crate::{
    Error, Library, VDevice, Version,
    call::{check, function},
    text::counted_text,
    vdevice,
};

/// The most physical devices of a vdevice that are looked at; one is asked for.
const MAX_DEVICES: usize = 16;

/// A chip's architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Hailo-8, first silicon.
    Hailo8A0,
    /// Hailo-8: 26 TOPS.
    Hailo8,
    /// Hailo-8L: 13 TOPS; runs HEFs made for it only.
    Hailo8L,
    /// Hailo-15H.
    Hailo15H,
    /// Hailo-15L.
    Hailo15L,
    /// Hailo-15M.
    Hailo15M,
    /// Hailo-10H.
    Hailo10H,
    /// One that this crate does not know.
    Unknown(u32),
}

impl From<u32> for Architecture {
    fn from(value: u32) -> Self {
        match value {
            HAILO_ARCH_HAILO8_A0 => Self::Hailo8A0,
            HAILO_ARCH_HAILO8 => Self::Hailo8,
            HAILO_ARCH_HAILO8L => Self::Hailo8L,
            HAILO_ARCH_HAILO15H => Self::Hailo15H,
            HAILO_ARCH_HAILO15L => Self::Hailo15L,
            HAILO_ARCH_HAILO15M => Self::Hailo15M,
            HAILO_ARCH_HAILO10H => Self::Hailo10H,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hailo8A0 => "Hailo-8 A0",
            Self::Hailo8 => "Hailo-8",
            Self::Hailo8L => "Hailo-8L",
            Self::Hailo15H => "Hailo-15H",
            Self::Hailo15L => "Hailo-15L",
            Self::Hailo15M => "Hailo-15M",
            Self::Hailo10H => "Hailo-10H",
            Self::Unknown(value) => return write!(f, "unknown architecture {value}"),
        })
    }
}

/// What a device says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chip.
    pub architecture: Architecture,
    /// The firmware that runs on it.
    pub firmware: Version,
    /// The board, such as `Hailo-8`.
    pub board: String,
    /// The product, such as `HAILO-8 AI ACC M.2 B+M KEY MODULE EXT TMP`; may be empty.
    pub product: String,
}

/// The chip's temperature, by its two sensors, in degrees Celsius.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChipTemperature {
    /// The first sensor.
    pub ts0: f32,
    /// The second sensor.
    pub ts1: f32,
}

impl ChipTemperature {
    /// The warmer of the two.
    pub fn hottest(self) -> f32 {
        self.ts0.max(self.ts1)
    }
}

impl VDevice {
    /// The devices behind it.
    #[doc(alias = "hailo_get_physical_devices")]
    pub fn physical_devices(&self) -> Result<Vec<PhysicalDevice<'_>>, Error> {
        let mut handles: [hailo_device; MAX_DEVICES] = [ptr::null_mut(); MAX_DEVICES];
        let mut count = handles.len();
        let state = self.lock();
        let get = function!(self.library(), hailo_get_physical_devices)?;
        // SAFETY: the vdevice is alive and locked; `handles` has room for `count` devices.
        let status = unsafe { get(state.as_ptr(), handles.as_mut_ptr(), &raw mut count) };
        drop(state);
        check("hailo_get_physical_devices", status)?;
        Ok(handles
            .into_iter()
            .take(count)
            .filter(|handle| !handle.is_null())
            .map(|handle| PhysicalDevice {
                handle,
                vdevice: self,
                _not_send: PhantomData,
            })
            .collect())
    }
}

/// A device of a vdevice. The library lends it; it is never released.
pub struct PhysicalDevice<'a> {
    handle: hailo_device,
    vdevice: &'a VDevice,
    /// Not for another thread: its calls lock the vdevice, but nothing promises more.
    _not_send: PhantomData<*mut ()>,
}

impl PhysicalDevice<'_> {
    pub(crate) fn as_ptr(&self) -> hailo_device {
        self.handle
    }

    pub(crate) fn library(&self) -> &Library {
        self.vdevice.library()
    }

    /// Keeps other calls on the vdevice out.
    pub(crate) fn lock(&self) -> MutexGuard<'_, vdevice::State> {
        self.vdevice.lock()
    }

    /// Asks the device what it is.
    #[doc(alias = "hailo_identify")]
    pub fn identify(&self) -> Result<Identity, Error> {
        let mut identity = hailo_device_identity_t::default();
        let vdevice = self.vdevice.lock();
        let identify = function!(self.vdevice.library(), hailo_identify)?;
        // SAFETY: the vdevice that lends the handle is alive and locked; the pointer is to an
        // identity, valid for the call.
        let status = unsafe { identify(self.handle, &raw mut identity) };
        drop(vdevice);
        check("hailo_identify", status)?;
        Ok(Identity {
            architecture: identity.device_architecture.into(),
            firmware: Version {
                major: identity.fw_version.major,
                minor: identity.fw_version.minor,
                revision: identity.fw_version.revision,
            },
            board: counted_text(&identity.board_name, identity.board_name_length),
            product: counted_text(&identity.product_name, identity.product_name_length),
        })
    }

    /// Measures the chip's temperature.
    #[doc(alias = "hailo_get_chip_temperature")]
    pub fn chip_temperature(&self) -> Result<ChipTemperature, Error> {
        let mut temperature = hailo_chip_temperature_info_t::default();
        let vdevice = self.vdevice.lock();
        let measure = function!(self.vdevice.library(), hailo_get_chip_temperature)?;
        // SAFETY: the vdevice that lends the handle is alive and locked; the pointer is to a
        // temperature, valid for the call.
        let status = unsafe { measure(self.handle, &raw mut temperature) };
        drop(vdevice);
        check("hailo_get_chip_temperature", status)?;
        Ok(ChipTemperature {
            ts0: temperature.ts0_temperature,
            ts1: temperature.ts1_temperature,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_architecture_survives() {
        assert_eq!(Architecture::from(2), Architecture::Hailo8L);
        assert_eq!(Architecture::from(99), Architecture::Unknown(99));
    }
}
