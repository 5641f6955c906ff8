//! What a vstream takes or gives.

use hailort_sys::{
    HAILO_FORMAT_TYPE_AUTO, HAILO_FORMAT_TYPE_FLOAT32, HAILO_FORMAT_TYPE_UINT8,
    HAILO_FORMAT_TYPE_UINT16, HAILO_H2D_STREAM, hailo_vstream_info_t,
};

use crate::text::text;

/// Which way a vstream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VStreamDirection {
    /// To the chip.
    Input,
    /// From the chip.
    Output,
}

/// The type of a vstream's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatType {
    /// Left to the library.
    Auto,
    /// 8 bits.
    UInt8,
    /// 16 bits, in the machine's byte order.
    UInt16,
    /// Dequantized by the library.
    Float32,
    /// One that this crate does not know.
    Unknown(u32),
}

impl FormatType {
    /// Bytes of an element, where that is certain.
    pub fn bytes(self) -> Option<usize> {
        match self {
            Self::UInt8 => Some(1),
            Self::UInt16 => Some(2),
            Self::Float32 => Some(4),
            Self::Auto | Self::Unknown(_) => None,
        }
    }
}

impl From<u32> for FormatType {
    fn from(value: u32) -> Self {
        match value {
            HAILO_FORMAT_TYPE_AUTO => Self::Auto,
            HAILO_FORMAT_TYPE_UINT8 => Self::UInt8,
            HAILO_FORMAT_TYPE_UINT16 => Self::UInt16,
            HAILO_FORMAT_TYPE_FLOAT32 => Self::Float32,
            other => Self::Unknown(other),
        }
    }
}

/// What the library knows of a vstream.
#[derive(Clone, Debug, PartialEq)]
pub struct VStreamInfo {
    /// Such as `fast_sam_s/conv71`. Says nothing about what the output is for.
    pub name: String,
    /// To or from the chip.
    pub direction: VStreamDirection,
    /// The chip's own type.
    pub format: FormatType,
    /// Rows, columns, channels.
    pub shape: [usize; 3],
    /// Step between neighbouring integers: `x = (q - zero_point) * scale`.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: f32,
}

impl VStreamInfo {
    pub(crate) fn from_c(info: &hailo_vstream_info_t) -> Self {
        // SAFETY: both fields of the union are plain integers that share their bytes, so reading
        // either is defined; for an NMS output these would be its counts.
        let shape = unsafe { info.__bindgen_anon_1.shape };
        Self {
            name: text(&info.name),
            direction: if info.direction == HAILO_H2D_STREAM {
                VStreamDirection::Input
            } else {
                VStreamDirection::Output
            },
            format: info.format.type_.into(),
            shape: [shape.height, shape.width, shape.features].map(|n| n as usize),
            scale: info.quant_info.qp_scale,
            zero_point: info.quant_info.qp_zp,
        }
    }

    /// Bytes of its frame by shape and type; `None` where the type does not say.
    pub fn frame_size(&self) -> Option<usize> {
        self.shape
            .into_iter()
            .try_fold(self.format.bytes()?, usize::checked_mul)
    }
}
