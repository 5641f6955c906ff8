//! What is done when a transfer fails.

use std::fmt;

/// A step of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One input is dropped, the rest goes on.
    DropFrame,
    /// The vstreams are made anew.
    RestartVStreams,
    /// The vdevice is released and taken anew.
    RestartVDevice,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DropFrame => "going on",
            Self::RestartVStreams => "restarting the vstreams",
            Self::RestartVDevice => "restarting the device",
        })
    }
}
