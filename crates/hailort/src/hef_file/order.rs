//! How a stream's data lies, as the compiler numbers it.
//!
//! The numbers and what the library makes of them at the host stand in its
//! `HailoRTDefaults::get_device_format_order` and `DEFAULT_FORMAT_ORDER_MAP`.

/// The order in which a layer's data leaves or enters the chip. The library turns most of them
/// into rows, columns and channels for the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataOrder {
    /// Rows, columns, channels.
    #[default]
    Nhwc,
    /// Rows, channels, columns.
    Nhcw,
    /// Channels alone.
    Nc,
    /// Rows, columns, channels; channels padded.
    Fcr,
    /// A Bayer pattern.
    BayerRgb,
    /// Rows and columns alone.
    Nhw,
    /// Boxes of NMS.
    Nms,
    /// Rows of eight channels each.
    F8cr,
    /// RGB with a fourth byte.
    Rgb888,
    /// YUV, two pixels in four bytes.
    Yuy2,
    /// Luma, and both chromas together, in planes.
    Nv12,
    /// The same with the chromas exchanged.
    Nv21,
    /// Luma and each chroma in a plane of its own.
    I420,
    /// Another, by the compiler's number.
    Unknown(u32),
}

impl DataOrder {
    /// The order of a stream, by the compiler's number.
    pub(super) fn of_stream(number: u32) -> Self {
        match number {
            0 | 13 => Self::Nhwc,
            1 => Self::Nhcw,
            2 => Self::Nc,
            3 => Self::Fcr,
            4 => Self::BayerRgb,
            5 => Self::Nhw,
            6 => Self::Nms,
            7 => Self::F8cr,
            8 => Self::Rgb888,
            11 => Self::Yuy2,
            14 => Self::Nv12,
            15 => Self::Nv21,
            16 => Self::I420,
            other => Self::Unknown(other),
        }
    }

    /// The order of planes, by the compiler's number.
    pub(super) fn of_planes(number: u32) -> Self {
        match number {
            0 => Self::Nv12,
            1 => Self::Nv21,
            2 => Self::I420,
            other => Self::Unknown(other),
        }
    }

    /// Whether the host sees rows, columns and channels, without padding.
    pub fn is_nhwc_at_the_host(self) -> bool {
        matches!(
            self,
            Self::Nhwc | Self::Nhcw | Self::Fcr | Self::F8cr | Self::Rgb888
        )
    }
}

impl std::fmt::Display for DataOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nhwc => "NHWC",
            Self::Nhcw => "NHCW",
            Self::Nc => "NC",
            Self::Fcr => "FCR",
            Self::BayerRgb => "Bayer RGB",
            Self::Nhw => "NHW",
            Self::Nms => "NMS",
            Self::F8cr => "F8CR",
            Self::Rgb888 => "RGB888",
            Self::Yuy2 => "YUY2",
            Self::Nv12 => "NV12",
            Self::Nv21 => "NV21",
            Self::I420 => "I420",
            Self::Unknown(number) => return write!(f, "unknown order {number}"),
        })
    }
}
