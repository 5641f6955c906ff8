//! One row of a frame, brought as near to RGB as the next step needs, and no nearer.
//!
//! Packed and grey rows are borrowed as they are. YUV rows become three planes: plain slices of one
//! channel are what compilers vectorise well. YUV is BT.601, limited range (ITU-R BT.601-7,
//! section 2.5), in 16-bit fixed point, rounded and clamped: within one grey level of the real
//! numbers. Each pixel takes the chroma sample it shares, without interpolation: columns `x / 2`,
//! in the 4:2:0 formats rows `y / 2`.
//!
//! Everything here relies on [`Frame::validate`]: each slice below ends where
//! [`PixelFormat::min_bytes`] says that the buffer does, or before.

use std::slice::IterMut;

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
    /// Red, green and blue, each a plane.
    Planes([&'a [u8]; 3]),
}

/// Reads rows; holds the planes that YUV rows are converted in.
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
                let quads = first.as_chunks().0;
                let [y, u, v] = self.pairs(pairs);
                for (((y, u), v), &[y0, shared_u, y1, shared_v]) in y.zip(u).zip(v).zip(quads) {
                    *y = [y0, y1];
                    *u = [shared_u; 2];
                    *v = [shared_v; 2];
                }
            }
            PixelFormat::Nv12 => {
                let chroma = &data[(height + y / 2) * stride..][..2 * pairs];
                let [y, u, v] = self.pairs(pairs);
                y.into_slice().as_flattened_mut().copy_from_slice(first);
                for ((u, v), &[shared_u, shared_v]) in u.zip(v).zip(chroma.as_chunks().0) {
                    *u = [shared_u; 2];
                    *v = [shared_v; 2];
                }
            }
            PixelFormat::I420 => {
                let (chroma_stride, chroma_rows) = (stride / 2, height.div_ceil(2));
                let u_start = height * stride + y / 2 * chroma_stride;
                let v_start = u_start + chroma_rows * chroma_stride;
                let [y, u, v] = self.pairs(pairs);
                y.into_slice().as_flattened_mut().copy_from_slice(first);
                for (u, &shared) in u.zip(&data[u_start..][..pairs]) {
                    *u = [shared; 2];
                }
                for (v, &shared) in v.zip(&data[v_start..][..pairs]) {
                    *v = [shared; 2];
                }
            }
        }
        let [red, green, blue] = &mut self.planes;
        convert(red, green, blue);
        Row::Planes([red, green, blue])
    }

    /// The planes as pairs of columns, to be filled with luma, U and V.
    fn pairs(&mut self, pairs: usize) -> [IterMut<'_, [u8; 2]>; 3] {
        self.planes.each_mut().map(|plane| {
            plane.resize(2 * pairs, 0);
            plane.as_chunks_mut().0.iter_mut()
        })
    }
}

/// Turns planes of luma, U and V into red, green and blue.
fn convert(first: &mut [u8], second: &mut [u8], third: &mut [u8]) {
    for ((first, second), third) in first.iter_mut().zip(second).zip(third) {
        [*first, *second, *third] = rgb(*first, *second, *third);
    }
}

/// A weight of the conversion, with 13 fraction bits: the largest one then fits 16 with its sign.
const fn weight(weight: f64) -> i16 {
    (weight * 8192.0 + 0.5) as i16
}

/// A product in 16 bits: a difference of levels times a [`weight`], with 4 fraction bits.
#[inline(always)]
fn weigh(difference: i16, weight: i16) -> i16 {
    ((i32::from(difference << 7) * i32::from(weight)) >> 16) as i16
}

/// BT.601, limited range: luma 16 to 235, chroma 16 to 240 around 128.
#[inline(always)]
fn rgb(y: u8, u: u8, v: u8) -> [u8; 3] {
    const LUMA: i16 = weight(255.0 / 219.0);
    const V_TO_RED: i16 = weight(1.402 * 255.0 / 224.0);
    const U_TO_GREEN: i16 = weight(1.772 * 0.114 / 0.587 * 255.0 / 224.0);
    const V_TO_GREEN: i16 = weight(1.402 * 0.299 / 0.587 * 255.0 / 224.0);
    const U_TO_BLUE: i16 = weight(1.772 * 255.0 / 224.0);

    let (u, v) = (i16::from(u) - 128, i16::from(v) - 128);
    // Half a level rounds, and a sixteenth makes up for what the products dropped.
    let luma = weigh(i16::from(y) - 16, LUMA) + 8 + 1;
    let level = |chroma: i16| ((luma + chroma) >> 4).clamp(0, 255) as u8;
    [
        level(weigh(v, V_TO_RED)),
        level(weigh(u, -U_TO_GREEN) + weigh(v, -V_TO_GREEN)),
        level(weigh(u, U_TO_BLUE)),
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
