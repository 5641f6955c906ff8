//! The inverse DCT in whole numbers: C. Loeffler, A. Ligtenberg, G. Moschytz, "Practical fast 1-D DCT algorithms with 11
//! multiplications", ICASSP 1989.
//!
//! Constants have 13 binary digits, and columns, which come first, keep 2 digits for the rows. These are the figures of
//! the Independent JPEG Group's "slow" transform, so that the samples are the same to the last bit.

use std::num::Wrapping;

/// Coefficients in zigzag order.
pub(super) type Block = [i16; 64];

const DIGITS: usize = 13;
const KEPT: usize = 2;

type Number = Wrapping<i32>;

/// Where each coefficient in zigzag order lies in the block (T.81, figure A.6).
#[rustfmt::skip]
const ZIGZAG: [usize; 64] = [
     0,  1,  8, 16,  9,  2,  3, 10, 17, 24, 32, 25, 18, 11,  4,  5,
    12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,  6,  7, 14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
    58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// A constant of the transform.
const fn fixed(value: f64) -> Number {
    Wrapping((value * (1 << DIGITS) as f64 + 0.5) as i32)
}

/// Turns coefficients and their steps, both in zigzag order, into 8 x 8 samples in rows of `stride`.
pub(super) fn put(block: &Block, steps: &[u16; 64], samples: &mut [u8], stride: usize) {
    let mut values = [Wrapping(0); 64];
    for ((&coefficient, &step), &place) in block.iter().zip(steps).zip(&ZIGZAG) {
        values[place] = Wrapping(i32::from(coefficient)) * Wrapping(i32::from(step));
    }
    for column in 0..8 {
        let ends = transform([0, 1, 2, 3, 4, 5, 6, 7].map(|row| values[8 * row + column]));
        for (row, value) in ends.into_iter().enumerate() {
            values[8 * row + column] = rounded(value, DIGITS - KEPT);
        }
    }
    for (row, line) in values.as_chunks::<8>().0.iter().enumerate() {
        let ends = transform(*line);
        for (sample, value) in samples[row * stride..][..8].iter_mut().zip(ends) {
            // Three digits more, as each of the two transforms is too large by the root of 8.
            let level = rounded(value, DIGITS + KEPT + 3) + Wrapping(128);
            *sample = level.0.clamp(0, 255) as u8;
        }
    }
}

/// Divides by a power of two.
fn rounded(value: Number, digits: usize) -> Number {
    (value + Wrapping(1 << (digits - 1))) >> digits
}

/// The transform of a row or column, with [`DIGITS`] digits more.
fn transform(x: [Number; 8]) -> [Number; 8] {
    let turned = (x[2] + x[6]) * fixed(0.541_196_100);
    let low = turned - x[6] * fixed(1.847_759_065);
    let high = turned + x[2] * fixed(0.765_366_865);
    let (sum, difference) = ((x[0] + x[4]) << DIGITS, (x[0] - x[4]) << DIGITS);
    let even = [sum + high, difference + low, difference - low, sum - high];

    let common = (x[7] + x[3] + x[5] + x[1]) * fixed(1.175_875_602);
    let outer = -(x[7] + x[1]) * fixed(0.899_976_223);
    let inner = -(x[5] + x[3]) * fixed(2.562_915_447);
    let left = common - (x[7] + x[3]) * fixed(1.961_570_560);
    let right = common - (x[5] + x[1]) * fixed(0.390_180_644);
    let odd = [
        x[1] * fixed(1.501_321_110) + outer + right,
        x[3] * fixed(3.072_711_026) + inner + left,
        x[5] * fixed(2.053_119_869) + inner + right,
        x[7] * fixed(0.298_631_336) + outer + left,
    ];
    let mut ends = [Wrapping(0); 8];
    for i in 0..4 {
        ends[i] = even[i] + odd[i];
        ends[7 - i] = even[i] - odd[i];
    }
    ends
}
