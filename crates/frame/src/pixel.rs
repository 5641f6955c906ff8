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
    /// Columns and rows in `data`.
    pub size: Size,
    /// Columns and rows of the picture that was taken, where its source decoded it smaller; frame
    /// coordinates count these. Each pixel of `data` then stands for an equal part of it.
    pub scaled_from: Option<Size>,
    /// Bytes from one row of the first plane to the next.
    pub stride: usize,
    /// How `data` becomes pixels.
    pub pixel_format: PixelFormat,
    /// The planes, one after another.
    pub data: Vec<u8>,
    /// The picture as the camera sent it, where it sends JPEGs and somebody wants them: whoever has a frame filled
    /// lays an empty buffer here, and a source without JPEGs leaves it empty. `None`: nobody wants it.
    pub jpeg: Option<Vec<u8>>,
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
            scaled_from: None,
            stride: 0,
            pixel_format: PixelFormat::Rgb8,
            data: Vec::new(),
            jpeg: None,
        }
    }

    /// Columns and rows of the picture that was taken: what frame coordinates count.
    pub fn full_size(&self) -> Size {
        self.scaled_from.unwrap_or(self.size)
    }

    /// Checks that size, stride and buffer agree; everything that reads pixels relies on it.
    ///
    /// # Errors
    /// A side of 0 or above 65535, rows that overlap, or a buffer that ends too early.
    pub fn validate(&self) -> Result<(), FrameError> {
        let side = 1..=u32::from(u16::MAX);
        for size in [self.size, self.full_size()] {
            if !side.contains(&size.width) || !side.contains(&size.height) {
                return Err(FrameError::Size(size));
            }
        }
        let Size { width, .. } = self.size;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(pixel_format: PixelFormat, size: Size, stride: usize, bytes: usize) -> Frame {
        Frame {
            size,
            stride,
            pixel_format,
            data: vec![0; bytes],
            ..Frame::empty()
        }
    }

    #[test]
    fn sizes_in_bytes() {
        use PixelFormat::{Bgr8, Grey8, I420, Nv12, Rgb8, Yuyv};
        // Format, width, height, stride, then the least stride and the least bytes.
        let cases = [
            (Rgb8, 5, 3, 16, 15, 2 * 16 + 15),
            (Bgr8, 5, 3, 15, 15, 45),
            (Grey8, 5, 3, 8, 5, 2 * 8 + 5),
            (Yuyv, 5, 3, 12, 12, 36),
            (Yuyv, 4, 3, 9, 8, 2 * 9 + 8),
            (Nv12, 5, 3, 6, 6, 6 * 3 + 6 * 2),
            (Nv12, 4, 4, 7, 4, 7 * 5 + 4),
            (I420, 4, 4, 4, 4, 24),
            (I420, 5, 3, 6, 6, 6 * 3 + 3 * 2 + 3 * 2),
            // An odd stride is halved downwards, and still holds a chroma row.
            (I420, 5, 3, 7, 6, 7 * 3 + 3 * 2 + 3 * 2),
            (I420, 1, 1, 2, 2, 2 + 1 + 1),
            (Rgb8, 5, 0, 15, 15, 0),
        ];
        for (format, width, height, stride, least_stride, least_bytes) in cases {
            let size = Size::new(width, height);
            assert_eq!(format.min_stride(width), least_stride, "{format:?} {size}");
            assert_eq!(
                format.min_bytes(size, stride),
                least_bytes,
                "{format:?} {size} stride {stride}"
            );
        }
    }

    #[test]
    fn what_cannot_be_a_picture_is_refused() {
        use PixelFormat::{I420, Rgb8};
        let cases = [
            (
                frame(Rgb8, Size::new(0, 4), 12, 48),
                "a frame of 0x4 can't be used: both sides must be 1 to 65535 pixels",
            ),
            (
                frame(Rgb8, Size::new(4, 65536), 12, 48),
                "a frame of 4x65536 can't be used: both sides must be 1 to 65535 pixels",
            ),
            (
                frame(I420, Size::new(5, 2), 5, 99),
                "a stride of 5 bytes is less than a row of I420 at width 5: 6 bytes",
            ),
            (
                frame(Rgb8, Size::new(4, 4), 16, 59),
                "the frame's buffer holds 59 bytes, a Rgb8 frame of 4x4 needs 60",
            ),
        ];
        for (frame, message) in cases {
            assert_eq!(frame.validate().unwrap_err().to_string(), message);
        }
        assert_eq!(frame(Rgb8, Size::new(4, 4), 16, 60).validate(), Ok(()));
    }

    #[test]
    fn a_huge_stride_does_not_wrap_around() {
        for format in [PixelFormat::Rgb8, PixelFormat::Nv12, PixelFormat::I420] {
            for stride in [usize::MAX, usize::MAX / 2, 1 << (usize::BITS - 1)] {
                let frame = frame(format, Size::new(2, 3), stride, 64);
                assert!(
                    matches!(frame.validate(), Err(FrameError::Truncated { .. })),
                    "{format:?}, stride {stride}"
                );
            }
        }
    }
}
