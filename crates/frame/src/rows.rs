//! One row of a frame, brought as near to RGB as the next step needs, and no nearer.
//!
//! Packed and grey rows are borrowed as they are. YUV rows become three planes: rows of one
//! channel are what compilers vectorise well. YUV is BT.601, limited range (ITU-R BT.601-7,
//! section 2.5), in 13-bit fixed point, rounded and clamped: within one grey level of the real
//! numbers. Each pixel takes the chroma sample it shares, without interpolation: columns `x / 2`,
//! in the 4:2:0 formats rows `y / 2`.
//!
//! Everything here relies on [`Frame::validate`]: each slice below ends where
//! [`PixelFormat::min_bytes`] says that the buffer does, or before.

use crate::{Frame, PixelFormat};

/// A row's pixels; the slices hold at least the frame's width.
#[derive(Clone, Copy)]
pub(crate) enum Row<'a> {
    /// Red, green, blue, interleaved.
    Rgb(&'a [u8]),
    /// Blue, green, red, interleaved.
    Bgr(&'a [u8]),
    /// All three channels alike.
    Grey(&'a [u8]),
    /// Red, green and blue planes.
    Planes([&'a [u8]; 3]),
}

/// Reads rows; holds the planes that YUV rows are converted into.
#[derive(Debug, Default)]
pub(crate) struct RowReader {
    planes: [Vec<u8>; 3],
}

impl RowReader {
    /// Row `y` of a valid frame.
    pub(crate) fn read<'a>(&'a mut self, frame: &'a Frame, y: usize) -> Row<'a> {
        let width = frame.size.width as usize;
        let height = frame.size.height as usize;
        let (data, stride) = (frame.data.as_slice(), frame.stride);
        let first = &data[y * stride..][..frame.pixel_format.min_stride(frame.size.width)];
        let pairs = width.div_ceil(2);
        match frame.pixel_format {
            PixelFormat::Rgb8 => return Row::Rgb(first),
            PixelFormat::Bgr8 => return Row::Bgr(first),
            PixelFormat::Grey8 => return Row::Grey(first),
            PixelFormat::Yuyv => {
                let quads = first.as_chunks().0.iter();
                self.convert(pairs, quads.map(|&[y0, u, y1, v]| ([y0, y1], u, v)));
            }
            PixelFormat::Nv12 => {
                let luma = first.as_chunks().0.iter();
                let chroma = &data[(height + y / 2) * stride..][..2 * pairs];
                let samples = luma.zip(chroma.as_chunks().0);
                self.convert(pairs, samples.map(|(&luma, &[u, v])| (luma, u, v)));
            }
            PixelFormat::I420 => {
                let (chroma_stride, chroma_rows) = (stride / 2, height.div_ceil(2));
                let u_start = height * stride + y / 2 * chroma_stride;
                let v_start = u_start + chroma_rows * chroma_stride;
                let luma = first.as_chunks().0.iter();
                let (u, v) = (&data[u_start..][..pairs], &data[v_start..][..pairs]);
                let samples = luma.zip(u).zip(v);
                self.convert(pairs, samples.map(|((&luma, &u), &v)| (luma, u, v)));
            }
        }
        Row::Planes(self.planes.each_ref().map(Vec::as_slice))
    }

    /// Fills the planes from pairs of columns: two luma samples and the chroma they share.
    fn convert(&mut self, pairs: usize, samples: impl Iterator<Item = ([u8; 2], u8, u8)>) {
        let [red, green, blue] = self.planes.each_mut().map(|plane| {
            plane.resize(2 * pairs, 0);
            plane.as_chunks_mut().0.iter_mut()
        });
        for (((red, green), blue), (luma, u, v)) in red.zip(green).zip(blue).zip(samples) {
            let [first, second] = luma.map(|luma| rgb(luma, u, v));
            *red = [first[0], second[0]];
            *green = [first[1], second[1]];
            *blue = [first[2], second[2]];
        }
    }
}

/// Fraction bits of the conversion's weights: the largest one then fits 16 bits with its sign.
const BITS: u32 = 13;

/// A weight in fixed point.
const fn fixed(weight: f64) -> i32 {
    (weight * (1 << BITS) as f64 + 0.5) as i32
}

/// BT.601, limited range: luma 16 to 235, chroma 16 to 240 around 128.
#[inline(always)]
fn rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    const LUMA: i32 = fixed(255.0 / 219.0);
    const V_TO_RED: i32 = fixed(1.402 * 255.0 / 224.0);
    const U_TO_GREEN: i32 = fixed(1.772 * 0.114 / 0.587 * 255.0 / 224.0);
    const V_TO_GREEN: i32 = fixed(1.402 * 0.299 / 0.587 * 255.0 / 224.0);
    const U_TO_BLUE: i32 = fixed(1.772 * 255.0 / 224.0);

    let luma = (i32::from(y) - 16) * LUMA + (1 << (BITS - 1));
    let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
    let level = |value: i32| (value >> BITS).clamp(0, 255) as u8;
    [
        level(luma + v * V_TO_RED),
        level(luma - u * U_TO_GREEN - v * V_TO_GREEN),
        level(luma + u * U_TO_BLUE),
    ]
}

impl Row<'_> {
    /// Writes the row as interleaved RGB; `out` is three bytes per pixel.
    pub(crate) fn write_rgb(&self, out: &mut [u8]) {
        let pixels = out.as_chunks_mut::<3>().0;
        match *self {
            Row::Rgb(row) => out.copy_from_slice(&row[..out.len()]),
            Row::Bgr(row) => {
                for (out, &[b, g, r]) in pixels.iter_mut().zip(row.as_chunks().0) {
                    *out = [r, g, b];
                }
            }
            Row::Grey(row) => {
                for (out, &grey) in pixels.iter_mut().zip(row) {
                    *out = [grey; 3];
                }
            }
            Row::Planes([red, green, blue]) => {
                let planes = red.iter().zip(green).zip(blue);
                for (out, ((&r, &g), &b)) in pixels.iter_mut().zip(planes) {
                    *out = [r, g, b];
                }
            }
        }
    }
}
