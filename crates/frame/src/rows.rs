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

/// Two columns, which share their chroma.
type Pair = [u8; 2];

/// Reads rows; holds the planes that YUV rows are converted in.
#[derive(Debug, Default)]
pub(crate) struct RowReader {
    /// What interleaved formats are taken apart into.
    luma: Vec<Pair>,
    u: Vec<u8>,
    v: Vec<u8>,
    rgb: [Vec<Pair>; 3],
}

impl RowReader {
    /// Row `y` of a valid frame.
    #[inline(always)]
    pub(crate) fn read<'a>(&'a mut self, frame: &'a Frame, y: usize) -> Row<'a> {
        let width = frame.size.width as usize;
        let height = frame.size.height as usize;
        let (data, stride) = (frame.data.as_slice(), frame.stride);
        let first = &data[y * stride..][..frame.pixel_format.min_stride(frame.size.width)];
        let pairs = width.div_ceil(2);
        let yuv = match frame.pixel_format {
            PixelFormat::Rgb8 => return Row::Rgb(first),
            PixelFormat::Bgr8 => return Row::Bgr(first),
            PixelFormat::Grey8 => return Row::Grey(first),
            PixelFormat::Yuyv => {
                let quads = first.as_chunks().0;
                let number = |&quad: &[u8; 4]| u32::from_le_bytes(quad);
                refill(&mut self.luma, quads, |quad| {
                    let quad = number(quad);
                    ((quad & 0xff | quad >> 8 & 0xff00) as u16).to_le_bytes()
                });
                refill(&mut self.u, quads, |quad| (number(quad) >> 8) as u8);
                refill(&mut self.v, quads, |quad| (number(quad) >> 24) as u8);
                (&*self.luma, &*self.u, &*self.v)
            }
            PixelFormat::Nv12 => {
                let chroma = &data[(height + y / 2) * stride..][..2 * pairs];
                let chroma = chroma.as_chunks().0;
                refill(&mut self.u, chroma, |&pair| u16::from_le_bytes(pair) as u8);
                refill(&mut self.v, chroma, |&pair| {
                    (u16::from_le_bytes(pair) >> 8) as u8
                });
                (first.as_chunks().0, &*self.u, &*self.v)
            }
            PixelFormat::I420 => {
                let (chroma_stride, chroma_rows) = (stride / 2, height.div_ceil(2));
                let u_start = height * stride + y / 2 * chroma_stride;
                let v_start = u_start + chroma_rows * chroma_stride;
                let (u, v) = (&data[u_start..][..pairs], &data[v_start..][..pairs]);
                (first.as_chunks().0, u, v)
            }
        };
        convert(yuv, &mut self.rgb);
        Row::Planes(self.rgb.each_ref().map(|plane| plane.as_flattened()))
    }
}

/// Replaces what is in a buffer by what `of` makes of each item. Where that takes several bytes as
/// one number, compilers make vectors of it.
#[inline(always)]
fn refill<T, U: Clone + Default>(buffer: &mut Vec<U>, items: &[T], of: impl Fn(&T) -> U) {
    buffer.resize(items.len(), U::default());
    for (to, item) in buffer.iter_mut().zip(items) {
        *to = of(item);
    }
}

/// Turns planes of luma, U and V into red, green and blue.
#[inline(always)]
fn convert((luma, u, v): (&[Pair], &[u8], &[u8]), planes: &mut [Vec<Pair>; 3]) {
    let [red, green, blue] = planes.each_mut().map(|plane| {
        plane.resize(luma.len(), [0; 2]);
        plane.iter_mut()
    });
    let yuv = luma.iter().zip(u).zip(v);
    for (((red, green), blue), ((&[y0, y1], &u), &v)) in red.zip(green).zip(blue).zip(yuv) {
        let chroma = Chroma::new(u, v);
        let ([r0, g0, b0], [r1, g1, b1]) = (chroma.rgb(y0), chroma.rgb(y1));
        (*red, *green, *blue) = ([r0, r1], [g0, g1], [b0, b1]);
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

/// What a chroma sample adds to red, green and blue, with 4 fraction bits.
///
/// BT.601, limited range: luma 16 to 235, chroma 16 to 240 around 128.
#[derive(Clone, Copy)]
struct Chroma([i16; 3]);

impl Chroma {
    #[inline(always)]
    fn new(u: u8, v: u8) -> Self {
        const V_TO_RED: i16 = weight(1.402 * 255.0 / 224.0);
        const U_TO_GREEN: i16 = weight(1.772 * 0.114 / 0.587 * 255.0 / 224.0);
        const V_TO_GREEN: i16 = weight(1.402 * 0.299 / 0.587 * 255.0 / 224.0);
        const U_TO_BLUE: i16 = weight(1.772 * 255.0 / 224.0);

        let (u, v) = (i16::from(u) - 128, i16::from(v) - 128);
        Self([
            weigh(v, V_TO_RED),
            weigh(u, -U_TO_GREEN) + weigh(v, -V_TO_GREEN),
            weigh(u, U_TO_BLUE),
        ])
    }

    /// The colour of a pixel of this luma.
    #[inline(always)]
    fn rgb(self, luma: u8) -> [u8; 3] {
        const LUMA: i16 = weight(255.0 / 219.0);
        // Half a level rounds, and a sixteenth makes up for what the products dropped.
        let luma = weigh(i16::from(luma) - 16, LUMA) + 8 + 1;
        self.0
            .map(|chroma| ((luma + chroma) >> 4).clamp(0, 255) as u8)
    }
}

impl Row<'_> {
    /// Writes the row as interleaved RGB; `out` is three bytes per pixel.
    #[inline(always)]
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
