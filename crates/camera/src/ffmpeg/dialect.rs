//! How ffmpeg is told what to do, which changed over its versions.

/// What RTSP's pictures come over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// TCP; UDP where the camera has no TCP.
    #[default]
    Any,
    /// TCP alone.
    Tcp,
    /// UDP alone.
    Udp,
}

/// How ffmpeg wants to be told, by its age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Current,
    /// Without `-fps_mode`, which was called `-vsync`.
    Before5_1,
    /// Without options in scripts either.
    Before5_0,
}

impl Dialect {
    pub(super) fn older(self) -> Option<Self> {
        match self {
            Self::Current => Some(Self::Before5_1),
            Self::Before5_1 => Some(Self::Before5_0),
            Self::Before5_0 => None,
        }
    }
}
