//! The chip a HEF is compiled for, as HEFs number them.
//!
//! The numbers are those of `ProtoHEFHwArch` in `hef.proto`; which of them a chip takes is
//! `DeviceBase::is_hef_compatible`'s, the same from HailoRT 4.8 to 4.23: a Hailo-8 takes 1, 2 and
//! 3, a Hailo-8L takes 3 alone.

/// The chip a HEF is compiled for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HefArchitecture {
    /// 0, also what a HEF says that names no chip: the first number of the Hailo-8, which every
    /// library since 4.8 refuses (status 93).
    #[default]
    OldHailo8,
    /// Hailo-8: 1 (`HAILO8P`) or 2 (`HAILO8R`).
    Hailo8,
    /// Hailo-8L: 3; a Hailo-8 runs it too, slower.
    Hailo8L,
    /// Hailo-10H and 15H: 103, which HailoRT 5.x calls 1XH.
    Hailo1xH,
    /// Hailo-15M: 4.
    Hailo15M,
    /// Hailo-15L: 6.
    Hailo15L,
    /// Hailo-10H: 5, no longer used in HailoRT 5.x.
    Hailo10H,
    /// Another.
    Unknown(u32),
}

impl HefArchitecture {
    /// Whether a HEF holds the network once for each layout of the chip's clusters.
    pub(super) fn has_layouts(self) -> bool {
        matches!(self, Self::Hailo8L | Self::Hailo15M)
    }
}

impl From<u32> for HefArchitecture {
    fn from(value: u32) -> Self {
        match value {
            0 => Self::OldHailo8,
            1 | 2 => Self::Hailo8,
            3 => Self::Hailo8L,
            4 => Self::Hailo15M,
            5 => Self::Hailo10H,
            6 => Self::Hailo15L,
            103 => Self::Hailo1xH,
            other => Self::Unknown(other),
        }
    }
}

impl std::fmt::Display for HefArchitecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OldHailo8 => "Hailo-8 by its old number 0, which HailoRT refuses",
            Self::Hailo8 => "Hailo-8",
            Self::Hailo8L => "Hailo-8L",
            Self::Hailo1xH => "Hailo-10H or 15H",
            Self::Hailo15M => "Hailo-15M",
            Self::Hailo15L => "Hailo-15L",
            Self::Hailo10H => "Hailo-10H",
            Self::Unknown(value) => return write!(f, "chip of unknown architecture {value}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_library() {
        for (number, expected, said) in [
            (0, HefArchitecture::OldHailo8, "old number 0"),
            (1, HefArchitecture::Hailo8, "Hailo-8"),
            (2, HefArchitecture::Hailo8, "Hailo-8"),
            (3, HefArchitecture::Hailo8L, "Hailo-8L"),
            (4, HefArchitecture::Hailo15M, "Hailo-15M"),
            (5, HefArchitecture::Hailo10H, "Hailo-10H"),
            (6, HefArchitecture::Hailo15L, "Hailo-15L"),
            (103, HefArchitecture::Hailo1xH, "Hailo-10H or 15H"),
            (77, HefArchitecture::Unknown(77), "77"),
        ] {
            let found = HefArchitecture::from(number);
            assert_eq!(found, expected);
            assert!(found.to_string().contains(said), "{found}");
        }
    }
}
