//! Bilinear resampling in fixed point, a row at a time.
//!
//! Equal, bit for bit, to what `cv2.resize(..., INTER_LINEAR)` answers for 8-bit pictures on
//! x86-64, found by comparing outputs: samples lie at half-pixel centres, shrinking does not
//! average (no antialias), weights have 11 bits, and the vertical sum drops 4 + 16 bits of each
//! product before it rounds the last 2. Positions are computed in `f64` and weighed in `f32`.
//! On the border both taps fall on the same column or row.

use crate::{
    Frame, Size,
    rows::{Row, RowReader},
};

/// One in the fixed point of the weights.
const ONE: i32 = 1 << 11;

/// Where one output column or row samples the source: two neighbours and their weights.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    first: u32,
    second: u32,
    /// Weights in units of 1 / [`ONE`]; they add up to it.
    weights: [i16; 2],
}

impl Tap {
    /// The tap of `index` when `from` samples become `to`, with indices clamped to the source.
    fn at(index: u32, from: u32, to: u32) -> Self {
        let scale = f64::from(from) / f64::from(to);
        let position = ((f64::from(index) + 0.5) * scale - 0.5) as f32;
        let floor = position.floor();
        let second = ((position - floor) * ONE as f32).round_ties_even() as i16;
        let clamp = |i: f32| i.clamp(0.0, (from - 1) as f32) as u32;
        Self {
            first: clamp(floor),
            second: clamp(floor + 1.0),
            weights: [ONE as i16 - second, second],
        }
    }
}

/// The taps of one frame size, and the last two source rows, horizontally resampled.
#[derive(Debug, Default)]
pub(crate) struct Resampler {
    from: Size,
    to: Size,
    columns: Vec<Tap>,
    rows: Vec<Tap>,
    reader: RowReader,
    cache: [CachedRow; 2],
}

/// A horizontally resampled row, interleaved RGB.
#[derive(Debug, Default)]
struct CachedRow {
    /// Which row of the source it is, if any.
    source: Option<u32>,
    values: Vec<i16>,
}

impl Resampler {
    /// Gives each row of `frame`, resized to `to`, to the next slice of `out` in interleaved
    /// RGB. The frame is a valid one.
    pub(crate) fn resize<'a>(
        &mut self,
        frame: &Frame,
        to: Size,
        out: impl Iterator<Item = &'a mut [u8]>,
    ) {
        self.prepare(frame.size, to);
        for (y, out) in out.take(self.rows.len()).enumerate() {
            let Tap {
                first,
                second,
                weights,
            } = self.rows[y];
            if self.cache[0].source != Some(first) {
                self.cache.swap(0, 1);
            }
            self.fetch(frame, 0, first);
            // A row without weight is not worth reading; one that counts twice is there already.
            let other = usize::from(second != first && weights[1] != 0);
            self.fetch(frame, other, if other == 0 { first } else { second });
            blend_rows(
                &self.cache[0].values,
                &self.cache[other].values,
                weights,
                out,
            );
        }
    }

    /// Computes the tables, unless the last frame had the same size, and forgets its rows.
    fn prepare(&mut self, from: Size, to: Size) {
        if (from, to) != (self.from, self.to) {
            (self.from, self.to) = (from, to);
            self.columns.clear();
            self.columns
                .extend((0..to.width).map(|x| Tap::at(x, from.width, to.width)));
            self.rows.clear();
            self.rows
                .extend((0..to.height).map(|y| Tap::at(y, from.height, to.height)));
        }
        for row in &mut self.cache {
            row.source = None;
            row.values.resize(to.width as usize * 3, 0);
        }
    }

    /// Sees to it that a slot of the cache holds row `source` of the frame.
    fn fetch(&mut self, frame: &Frame, slot: usize, source: u32) {
        let cached = &mut self.cache[slot];
        if cached.source != Some(source) {
            let row = self.reader.read(frame, source as usize);
            blend_columns(row, &self.columns, &mut cached.values);
            cached.source = Some(source);
        }
    }
}

/// Resamples a row horizontally; the values are scaled to fit 16 bits.
fn blend_columns(row: Row<'_>, columns: &[Tap], values: &mut [i16]) {
    match row {
        Row::Rgb(row) => {
            let row = row.as_chunks::<3>().0;
            blend_pixels(columns, values, |i| row[i]);
        }
        Row::Bgr(row) => {
            let row = row.as_chunks::<3>().0;
            blend_pixels(columns, values, |i| {
                let [b, g, r] = row[i];
                [r, g, b]
            });
        }
        Row::Grey(row) => blend_pixels(columns, values, |i| [row[i]; 3]),
        Row::Planes([red, green, blue]) => {
            blend_pixels(columns, values, |i| [red[i], green[i], blue[i]]);
        }
    }
}

/// [`blend_columns`] for pixels that `pixel` reads.
#[inline(always)]
fn blend_pixels(columns: &[Tap], values: &mut [i16], pixel: impl Fn(usize) -> [u8; 3]) {
    for (out, tap) in values.as_chunks_mut::<3>().0.iter_mut().zip(columns) {
        let left = pixel(tap.first as usize).map(i32::from);
        let right = pixel(tap.second as usize).map(i32::from);
        let weight = i32::from(tap.weights[1]);
        *out =
            std::array::from_fn(|i| ((left[i] * ONE + (right[i] - left[i]) * weight) >> 4) as i16);
    }
}

/// Weighs two resampled rows and rounds them to grey levels.
fn blend_rows(first: &[i16], second: &[i16], weights: [i16; 2], out: &mut [u8]) {
    let [first_weight, second_weight] = weights.map(i32::from);
    for (out, (&first, &second)) in out.iter_mut().zip(first.iter().zip(second)) {
        let first = ((i32::from(first) * first_weight) >> 16) as i16;
        let second = ((i32::from(second) * second_weight) >> 16) as i16;
        *out = ((first + second + 2) >> 2) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taps_lie_at_half_pixel_centres() {
        let cases = [
            ("no change", 2, 5, 5, (2, 3, [2048, 0])),
            ("halved: between two", 1, 8, 4, (2, 3, [1024, 1024])),
            (
                "a third: in the middle of three",
                1,
                9,
                3,
                (4, 5, [2048, 0]),
            ),
            ("doubled: a quarter beyond", 3, 4, 8, (1, 2, [1536, 512])),
            ("before the first", 0, 4, 8, (0, 0, [512, 1536])),
            ("behind the last", 7, 4, 8, (3, 3, [1536, 512])),
            ("from one", 639, 1, 640, (0, 0, [1026, 1022])),
        ];
        for (name, index, from, to, (first, second, weights)) in cases {
            let expected = Tap {
                first,
                second,
                weights,
            };
            assert_eq!(Tap::at(index, from, to), expected, "{name}");
        }
    }
}
