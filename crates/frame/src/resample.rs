//! Bilinear resampling in fixed point, a row at a time.
//!
//! Equal, bit for bit, to what `cv2.resize(..., INTER_LINEAR)` answers for 8-bit pictures on
//! x86-64, found by comparing outputs: samples lie at half-pixel centres, shrinking does not
//! average (no antialias), weights have 11 bits, and the vertical sum drops 4 + 16 bits of each
//! product before it rounds the last 2. Positions are computed in `f64` and weighed in `f32`.
//! On the border both taps fall on the same column or row.

use crate::{
    Frame, PixelFormat, Size,
    rows::{Row, RowReader},
};

/// One in the fixed point of the weights.
const ONE: i16 = 1 << 11;

/// Where one output column or row samples the source: the nearest sample, and the next one on the
/// other side.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    near: u32,
    far: u32,
    /// Weight of `far`, in units of 1 / [`ONE`], half of it at most; `near` has the rest.
    far_weight: i16,
}

impl Tap {
    /// The tap of `index` when `from` samples become `to`, with positions clamped to the source.
    fn at(index: u32, from: u32, to: u32) -> Self {
        let scale = f64::from(from) / f64::from(to);
        let position = ((f64::from(index) + 0.5) * scale - 0.5) as f32;
        let floor = position.floor();
        let weight = ((position - floor) * f32::from(ONE)).round_ties_even() as i16;
        let clamp = |i: f32| i.clamp(0.0, (from - 1) as f32) as u32;
        let (first, second) = (clamp(floor), clamp(floor + 1.0));
        if weight <= ONE / 2 {
            Self {
                near: first,
                far: second,
                far_weight: weight,
            }
        } else {
            Self {
                near: second,
                far: first,
                far_weight: ONE - weight,
            }
        }
    }
}

impl Tap {
    /// The tap of a column that is the mean of two.
    const fn halving(x: u32) -> Self {
        Self {
            near: 2 * x,
            far: 2 * x + 1,
            far_weight: ONE / 2,
        }
    }

    /// The tap of a column that is the middle one of three.
    const fn taking_a_third(x: u32) -> Self {
        Self {
            near: 3 * x + 1,
            far: 3 * x + 2,
            far_weight: 0,
        }
    }
}

/// The taps of one frame size, and the last two source rows, horizontally resampled.
///
/// Rows keep the layout they come in (interleaved, one plane, three planes) until both directions
/// are done: there are fewer rows then, and planes are what compilers make vectors of.
#[derive(Debug, Default)]
pub(crate) struct Resampler {
    from: Size,
    to: Size,
    rows: Vec<Tap>,
    columns: Columns,
    /// The weights of the two rows being blended, once per value.
    near_weights: Vec<i16>,
    far_weights: Vec<i16>,
    reader: RowReader,
    cache: [CachedRow; 2],
    /// A finished row, in the layout of the source's.
    blended: Vec<u8>,
}

/// The horizontal half: its taps, and the samples they take of one row.
#[derive(Debug, Default)]
struct Columns {
    pattern: Pattern,
    taps: Vec<Tap>,
    /// For each channel of each tap, the weight of the far sample, prepared for
    /// [`Columns::blend`].
    weights: Vec<[i16; 3]>,
    near: Vec<u8>,
    far: Vec<u8>,
}

/// What a row's taps have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pattern {
    /// Nothing.
    #[default]
    Any,
    /// Each takes the mean of the next two samples: a row shrunk to half, as 720p is.
    Halved,
    /// Each takes the middle one of the next three samples, as in 1080p.
    Thirds,
}

/// A horizontally resampled row, in the layout of the source's.
#[derive(Debug, Default)]
struct CachedRow {
    /// Which row of the source it is, if any.
    source: Option<u32>,
    values: Vec<i16>,
}

impl Resampler {
    /// Gives each row of `frame`, resized to `to`, to the next slice of `out` in interleaved
    /// RGB. The frame is a valid one.
    #[inline(always)]
    pub(crate) fn resize<'a>(
        &mut self,
        frame: &Frame,
        to: Size,
        out: impl Iterator<Item = &'a mut [u8]>,
    ) {
        let width = to.width as usize;
        let values = if frame.pixel_format == PixelFormat::Grey8 {
            width
        } else {
            3 * width
        };
        self.prepare(frame.size, to, values);
        for (y, out) in out.take(self.rows.len()).enumerate() {
            let tap = self.rows[y];
            // A row without weight is not worth reading.
            let far = if tap.far_weight == 0 {
                tap.near
            } else {
                tap.far
            };
            let near_slot = self.fetch(frame, tap.near, far);
            let far_slot = self.fetch(frame, far, tap.near);
            let (near, far) = (&self.cache[near_slot], &self.cache[far_slot]);
            self.near_weights.fill(ONE - tap.far_weight);
            self.far_weights.fill(tap.far_weight);
            let rows = [&*near.values, &*far.values];
            let weights = [&*self.near_weights, &*self.far_weights];
            if frame.pixel_format == PixelFormat::Rgb8 {
                blend_rows(rows, weights, out);
                continue;
            }
            blend_rows(rows, weights, &mut self.blended);
            let row = match frame.pixel_format {
                PixelFormat::Rgb8 => Row::Rgb(&self.blended),
                PixelFormat::Bgr8 => Row::Bgr(&self.blended),
                PixelFormat::Grey8 => Row::Grey(&self.blended),
                PixelFormat::Yuyv | PixelFormat::Nv12 | PixelFormat::I420 => {
                    let (red, rest) = self.blended.split_at(width);
                    let (green, blue) = rest.split_at(width);
                    Row::Planes([red, green, blue])
                }
            };
            row.write_rgb(out);
        }
    }

    /// Computes the tables, unless the last frame had the same size, and forgets its rows.
    fn prepare(&mut self, from: Size, to: Size, values: usize) {
        if (from, to) != (self.from, self.to) {
            (self.from, self.to) = (from, to);
            self.columns = Columns::new(from.width, to.width);
            self.rows.clear();
            self.rows
                .extend((0..to.height).map(|y| Tap::at(y, from.height, to.height)));
        }
        self.near_weights.resize(values, 0);
        self.far_weights.resize(values, 0);
        self.blended.resize(values, 0);
        for row in &mut self.cache {
            row.source = None;
            row.values.resize(values, 0);
        }
    }

    /// The slot of the cache that holds row `source` of the frame; the row is resampled now if
    /// none does, in place of any but row `keep`.
    #[inline(always)]
    fn fetch(&mut self, frame: &Frame, source: u32, keep: u32) -> usize {
        let held = self.cache.each_ref().map(|row| row.source);
        if let Some(slot) = held.iter().position(|&row| row == Some(source)) {
            return slot;
        }
        let slot = usize::from(held[0] == Some(keep));
        let row = self.reader.read(frame, source as usize);
        let values = &mut self.cache[slot].values;
        match row {
            Row::Rgb(row) | Row::Bgr(row) => {
                self.columns
                    .resample(row.as_chunks::<3>().0, values.as_chunks_mut().0);
            }
            Row::Grey(row) => {
                self.columns
                    .resample(row.as_chunks::<1>().0, values.as_chunks_mut().0);
            }
            Row::Planes(planes) => {
                for (plane, values) in planes
                    .iter()
                    .zip(values.chunks_exact_mut(self.to.width as usize))
                {
                    self.columns
                        .resample(plane.as_chunks::<1>().0, values.as_chunks_mut().0);
                }
            }
        }
        self.cache[slot].source = Some(source);
        slot
    }
}

impl Columns {
    /// The tables that make `to` columns of `from`.
    fn new(from: u32, to: u32) -> Self {
        let taps: Vec<Tap> = (0..to).map(|x| Tap::at(x, from, to)).collect();
        let all = |of: fn(u32) -> Tap| (0..).zip(&taps).all(|(x, tap)| *tap == of(x));
        let pattern = if all(Tap::halving) {
            Pattern::Halved
        } else if all(Tap::taking_a_third) {
            Pattern::Thirds
        } else {
            Pattern::Any
        };
        // Negative, because -1024 << 5 fits 16 bits and 1024 << 5 does not.
        let weights = taps.iter().map(|tap| [-tap.far_weight << 5; 3]);
        Self {
            pattern,
            weights: weights.collect(),
            near: vec![0; taps.len() * 3],
            far: vec![0; taps.len() * 3],
            taps,
        }
    }

    /// Resamples a row of `C` channels to `(near * (ONE - weight) + far * weight) >> 4`, in 16
    /// bits throughout, which scales values to fit them.
    #[inline(always)]
    fn resample<const C: usize>(&mut self, row: &[[u8; C]], values: &mut [[i16; C]]) {
        match self.pattern {
            Pattern::Halved => {
                if C == 1 {
                    halve_plane(row.as_flattened(), values.as_flattened_mut());
                    return;
                }
                for (value, [near, far]) in values.iter_mut().zip(row.as_chunks().0) {
                    for channel in 0..C {
                        value[channel] = (i16::from(near[channel]) + i16::from(far[channel])) << 6;
                    }
                }
            }
            Pattern::Thirds => {
                for (value, [_, middle, _]) in values.iter_mut().zip(row.as_chunks().0) {
                    *value = middle.map(|sample| i16::from(sample) << 7);
                }
            }
            Pattern::Any => {
                // Taking the samples is kept apart from the arithmetic, which then runs over
                // plain slices and is vectorised.
                let near = self.near.as_chunks_mut().0.iter_mut();
                let far = self.far.as_chunks_mut().0;
                for (tap, (near, far)) in self.taps.iter().zip(near.zip(far)) {
                    *near = row[tap.near as usize];
                    *far = row[tap.far as usize];
                }
                self.blend(values);
            }
        }
    }

    #[inline(always)]
    fn blend<const C: usize>(&self, values: &mut [[i16; C]]) {
        let samples = self.near.iter().zip(&self.far);
        let values = values.as_flattened_mut().iter_mut().zip(samples);
        if C == 1 {
            for ((value, (&near, &far)), weights) in values.zip(&self.weights) {
                *value = blend(near, far, weights[0]);
            }
        } else {
            for ((value, (&near, &far)), &weight) in values.zip(self.weights.as_flattened()) {
                *value = blend(near, far, weight);
            }
        }
    }
}

/// `(near * (ONE - weight) + far * weight) >> 4`, the weight prepared as in [`Columns`].
#[inline(always)]
fn blend(near: u8, far: u8, weight: i16) -> i16 {
    let (near, far) = (i16::from(near), i16::from(far));
    (near << 7) + high_half((near - far) << 7, weight)
}

/// [`Pattern::Halved`] on a single channel. Two samples are taken as one number, which compilers make
/// vectors of.
#[inline(always)]
fn halve_plane(row: &[u8], values: &mut [i16]) {
    for (value, &pair) in values.iter_mut().zip(row.as_chunks().0) {
        let pair = u16::from_le_bytes(pair);
        *value = (((pair & 0xff) + (pair >> 8)) << 6).cast_signed();
    }
}

/// The upper 16 bits of a product: one instruction on most machines.
#[inline(always)]
fn high_half(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

/// Weighs two resampled rows and rounds them to grey levels. The weights come as slices, although
/// each holds one value: from a scalar the compiler makes 32-bit products, six times as slow.
#[inline(always)]
fn blend_rows([near, far]: [&[i16]; 2], [near_weights, far_weights]: [&[i16]; 2], out: &mut [u8]) {
    let near = near.iter().zip(near_weights);
    let far = far.iter().zip(far_weights);
    for (out, ((&near, &near_weight), (&far, &far_weight))) in out.iter_mut().zip(near.zip(far)) {
        let sum = high_half(near, near_weight) + high_half(far, far_weight);
        *out = ((sum + 2) >> 2) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_lie_at_half_pixel_centres() {
        let cases = [
            ("no change", 2, 5, 5, (2, 3, 0)),
            ("halved: between two", 1, 8, 4, (2, 3, 1024)),
            ("a third: in the middle of three", 1, 9, 3, (4, 5, 0)),
            ("doubled: a quarter behind", 3, 4, 8, (1, 2, 512)),
            ("doubled: a quarter before", 2, 4, 8, (1, 0, 512)),
            ("before the first", 0, 4, 8, (0, 0, 512)),
            ("behind the last", 7, 4, 8, (3, 3, 512)),
            ("from one", 639, 1, 640, (0, 0, 1022)),
        ];
        for (name, index, from, to, (near, far, far_weight)) in cases {
            let expected = Tap {
                near,
                far,
                far_weight,
            };
            assert_eq!(Tap::at(index, from, to), expected, "{name}");
        }
    }
}
