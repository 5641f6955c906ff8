//! Names of devices.

use std::{ffi::c_char, fmt};

use hailort_sys::hailo_device_id_t;

use crate::{Error, text::text};

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

    pub(crate) fn from_c(id: &hailo_device_id_t) -> Self {
        Self(text(&id.id))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_id_that_does_not_fit_is_refused() {
        assert!(DeviceId::new("0000:01:00.0").is_ok());
        assert!(matches!(
            DeviceId::new(&"1".repeat(32)),
            Err(Error::Text { .. })
        ));
        assert!(matches!(DeviceId::new("a\0b"), Err(Error::Text { .. })));
    }
}
