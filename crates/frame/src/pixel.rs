//! A captured frame and the pixel formats it may come in.
//!
//! Formats are named and laid out as in V4L2 (kernel documentation, "Image Formats"): for the
//! planar ones the planes follow each other in one buffer; NV12's chroma rows have the luma's
//! stride, I420's (V4L2: YU12) half of it, rounded down. YUV is BT.601, limited range, V4L2's default for these
//! formats from cameras.

use std::time::Instant;

use crate::Size;

/// How the bytes of a frame become pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 8-bit red, green, blue (V4L2 `RGB3`).
    Rgb8,
    /// 8-bit blue, green, red (V4L2 `BGR3`).
    Bgr8,
    /// 8-bit luminance (V4L2 `GREY`).
    Grey8,
    /// 4:2:2, packed Y0 U Y1 V (V4L2 `YUYV`).
    Yuyv,
    /// 4:2:0, a luma plane and an interleaved UV plane (V4L2 `NV12`).
    Nv12,
    /// 4:2:0, three planes Y, U, V (V4L2 `YU12`).
    I420,
}

impl PixelFormat {
    /// Bytes of one row of the first plane without padding, for `width` columns.
    pub const fn min_stride(self, width: u32) -> usize {
        let width = width as usize;
        match self {
            Self::Rgb8 | Self::Bgr8 => width * 3,
            Self::Grey8 => width,
            // Pairs of columns share their chroma: an odd width needs the whole last pair.
            Self::Yuyv => width.div_ceil(2) * 4,
            Self::Nv12 | Self::I420 => width.div_ceil(2) * 2,
        }
    }

    /// Bytes that a frame of this size occupies with rows of `stride` bytes; the last row may
    /// lack its padding. Saturates where no buffer could be that long.
    pub const fn min_bytes(self, size: Size, stride: usize) -> usize {
        let height = size.height as usize;
        if height == 0 {
            return 0;
        }
        let chroma_rows = height.div_ceil(2);
        let row = self.min_stride(size.width);
        match self {
            Self::Rgb8 | Self::Bgr8 | Self::Grey8 | Self::Yuyv => {
                stride.saturating_mul(height - 1).saturating_add(row)
            }
            Self::Nv12 => stride
                .saturating_mul(height + chroma_rows - 1)
                .saturating_add(row),
            Self::I420 => stride
                .saturating_mul(height)
                .saturating_add((stride / 2).saturating_mul(2 * chroma_rows - 1))
                .saturating_add(row / 2),
        }
    }
}

/// One captured picture. Its buffer is made once and refilled for later frames.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Counts the frames of one source from 0; a gap is a frame that was lost before this point.
    pub sequence: u64,
    /// When the sensor took it (monotonic).
    pub captured_at: Instant,
    /// Columns and rows.
    pub size: Size,
    /// Bytes from one row of the first plane to the next.
    pub stride: usize,
    /// How `data` becomes pixels.
    pub pixel_format: PixelFormat,
    /// The planes, one after another.
    pub data: Vec<u8>,
}

/// Why a frame's bytes can't be a picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// No columns or no rows, or more than a mask's coordinates can count.
    #[error("a frame of {0} can't be used: both sides must be 1 to 65535 pixels")]
    Size(Size),
    /// Rows overlap.
    #[error(
        "a stride of {stride} bytes is less than a row of {format:?} at width {width}: {needed} bytes"
    )]
    Stride {
        /// What the frame says.
        stride: usize,
        /// What its width asks for.
        needed: usize,
        /// The frame's width.
        width: u32,
        /// The frame's format.
        format: PixelFormat,
    },
    /// The buffer ends before the picture does.
    #[error("the frame's buffer holds {found} bytes, a {format:?} frame of {size} needs {needed}")]
    Truncated {
        /// Bytes there.
        found: usize,
        /// Bytes asked for.
        needed: usize,
        /// The frame's size.
        size: Size,
        /// The frame's format.
        format: PixelFormat,
    },
}

impl Frame {
    /// An empty frame whose buffer a source fills.
    pub fn empty() -> Self {
        Self {
            sequence: 0,
            captured_at: Instant::now(),
            size: Size::new(0, 0),
            stride: 0,
            pixel_format: PixelFormat::Rgb8,
            data: Vec::new(),
        }
    }

    /// Checks that size, stride and buffer agree; everything that reads pixels relies on it.
    ///
    /// # Errors
    /// A side of 0 or above 65535, rows that overlap, or a buffer that ends too early.
    pub fn validate(&self) -> Result<(), FrameError> {
        let Size { width, height } = self.size;
        let side = 1..=u32::from(u16::MAX);
        if !side.contains(&width) || !side.contains(&height) {
            return Err(FrameError::Size(self.size));
        }
        let needed = self.pixel_format.min_stride(width);
        if self.stride < needed {
            return Err(FrameError::Stride {
                stride: self.stride,
                needed,
                width,
                format: self.pixel_format,
            });
        }
        let needed = self.pixel_format.min_bytes(self.size, self.stride);
        if self.data.len() < needed {
            return Err(FrameError::Truncated {
                found: self.data.len(),
                needed,
                size: self.size,
                format: self.pixel_format,
            });
        }
        Ok(())
    }
}
