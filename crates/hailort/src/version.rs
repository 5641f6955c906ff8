//! Versions of libhailort, and which of them are opened.

use std::{ffi::OsStr, fmt};

/// The minor versions of 4.x whose headers this crate was checked against.
pub const SUPPORTED_VERSIONS: std::ops::RangeInclusive<u32> = 20..=23;

/// A version of libhailort, or of the firmware on a chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 4 for Hailo-8 and 8L.
    pub major: u32,
    /// Layouts may change with it.
    pub minor: u32,
    /// Must equal the kernel driver's, as the others must.
    pub revision: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.revision)
    }
}

/// Whether a version of libhailort can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSupport {
    /// 4.20 to 4.23.
    Supported,
    /// Another 4.x, whose layouts nobody has compared: opened with [`Versions::Untried`] only.
    Untried,
    /// Serves other chips only.
    Refused,
}

impl Version {
    /// What to do with a library of this version.
    pub fn support(self) -> VersionSupport {
        match self.major {
            4 if SUPPORTED_VERSIONS.contains(&self.minor) => VersionSupport::Supported,
            4 => VersionSupport::Untried,
            _ => VersionSupport::Refused,
        }
    }
}

/// Which versions of libhailort are opened.
///
/// A version whose structures are laid out otherwise would have the library write past ours, so
/// only who opts in gets one that nobody has tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// 4.20 to 4.23.
    #[default]
    Supported,
    /// Any 4.x, at the user's own risk.
    Untried,
}

impl Versions {
    /// The environment variable by which a user opts in to untried versions: `1` does, anything
    /// else does not.
    pub const VARIABLE: &str = "FASTSAMD_UNTRIED_HAILORT";

    /// What the user's environment says.
    pub fn from_environment() -> Self {
        Self::from_value(std::env::var_os(Self::VARIABLE).as_deref())
    }

    fn from_value(value: Option<&OsStr>) -> Self {
        match value {
            Some(value) if value == "1" => Self::Untried,
            _ => Self::Supported,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_that_were_checked_are_supported() {
        for (major, minor, expected) in [
            (4, 19, VersionSupport::Untried),
            (4, 20, VersionSupport::Supported),
            (4, 23, VersionSupport::Supported),
            (4, 24, VersionSupport::Untried),
            (5, 2, VersionSupport::Refused),
            (3, 0, VersionSupport::Refused),
        ] {
            let version = Version {
                major,
                minor,
                revision: 0,
            };
            assert_eq!(version.support(), expected, "{version}");
        }
    }

    #[test]
    fn only_an_explicit_1_opts_in() {
        let of = |value: &str| Versions::from_value(Some(OsStr::new(value)));
        assert_eq!(of("1"), Versions::Untried);
        for value in ["", "0", "no", "true"] {
            assert_eq!(of(value), Versions::Supported, "{value}");
        }
        assert_eq!(Versions::from_value(None), Versions::Supported);
    }
}
