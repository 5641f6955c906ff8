//! Physical devices: what they are, and how warm.

use std::{ffi::c_char, fmt, marker::PhantomData};

use hailort_sys::{
    HAILO_ARCH_HAILO8, HAILO_ARCH_HAILO8_A0, HAILO_ARCH_HAILO8L, HAILO_ARCH_HAILO10H,
    HAILO_ARCH_HAILO15H, HAILO_ARCH_HAILO15L, HAILO_ARCH_HAILO15M, hailo_chip_temperature_info_t,
    hailo_device, hailo_device_id_t, hailo_device_identity_t,
};

use crate::{
    Error, VDevice, Version,
    library::{check, function},
};

/// A device's name: its PCIe address, such as `0000:01:00.0`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId(String);

impl DeviceId {
    /// The most bytes that the library takes, its NUL aside.
    pub const MAX_BYTES: usize = 31;

    /// An id, if it can be one.
    pub fn new(id: &str) -> Result<Self, Error> {
        if id.len() > Self::MAX_BYTES || id.contains('\0') {
            return Err(Error::Text {
                what: "device id",
                text: id.to_owned(),
                limit: Self::MAX_BYTES,
            });
        }
        Ok(Self(id.to_owned()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn to_c(&self) -> hailo_device_id_t {
        let mut id = hailo_device_id_t::default();
        for (to, from) in id.id.iter_mut().zip(self.0.bytes()) {
            *to = c_char::from_ne_bytes([from]);
        }
        id
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn device_id(id: &hailo_device_id_t) -> DeviceId {
    DeviceId(text(&id.id))
}

/// The text in a C array, up to its NUL or its end.
pub(crate) fn text(array: &[c_char]) -> String {
    let bytes: Vec<u8> = array
        .iter()
        .map(|c| c.to_ne_bytes()[0])
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The text in a C array with its length beside it; some firmware pads with spaces.
fn counted_text(array: &[c_char], length: u8) -> String {
    let array = array.get(..usize::from(length)).unwrap_or(array);
    text(array).trim_end().to_owned()
}

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
    /// May be empty.
    pub serial_number: String,
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

/// A device of a vdevice. The library lends it; it is never released.
pub struct PhysicalDevice<'a> {
    pub(crate) handle: hailo_device,
    pub(crate) vdevice: &'a VDevice,
    /// Not for another thread: its calls lock the vdevice, but nothing promises more.
    pub(crate) _not_send: PhantomData<*mut ()>,
}

impl PhysicalDevice<'_> {
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
            serial_number: counted_text(&identity.serial_number, identity.serial_number_length),
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
    fn texts_end_at_their_nul_or_with_the_array() {
        let array = |text: &str| {
            text.bytes()
                .map(|b| c_char::from_ne_bytes([b]))
                .collect::<Vec<_>>()
        };
        assert_eq!(text(&array("abc\0def")), "abc");
        assert_eq!(text(&array("abc")), "abc");
        assert_eq!(counted_text(&array("Hailo-8   rest"), 10), "Hailo-8");
        assert_eq!(counted_text(&array("short"), 200), "short");
    }

    #[test]
    fn a_device_id_that_does_not_fit_is_refused() {
        assert!(DeviceId::new("0000:01:00.0").is_ok());
        assert!(matches!(
            DeviceId::new(&"1".repeat(32)),
            Err(Error::Text { .. })
        ));
        assert!(matches!(DeviceId::new("a\0b"), Err(Error::Text { .. })));
    }

    #[test]
    fn an_unknown_architecture_survives() {
        assert_eq!(Architecture::from(2), Architecture::Hailo8L);
        assert_eq!(Architecture::from(99), Architecture::Unknown(99));
    }
}
