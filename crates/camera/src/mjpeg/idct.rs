//! The inverse DCT in 8, 4, 2 or 1 samples per axis (T.81, A.3.3).
//!
//! With `N` samples only the lowest `N` frequencies are used, and the cosines are those of a DCT of
//! `N` points: the block as it would look with `N` pixels. Along one axis, with T.81's weights
//! taken out (`1 / 8` for both axes, which quantization steps carry),
//!
//! ```text
//! x(n) = X(0) + sqrt(2) * sum(k = 1..N, X(k) * cos((2 n + 1) k pi / 2 N))
//! ```
//!
//! Eight samples are four of the even frequencies plus or minus what the odd ones give. All lanes
//! of an axis are computed at once, in plain arrays that compilers turn into vectors.

use std::f32::consts::SQRT_2;

use fearless_simd::{Level, dispatch};

/// Coefficients, by horizontal frequency first, then by vertical one.
pub(super) type Block = [[f32; 8]; 8];

/// Turns a block into pixels: rows, of which as many columns count as were asked for.
pub(super) type Idct = fn(Level, &Block) -> [[u8; 8]; 8];

/// The transform to so many columns and rows, each 8, 4, 2 or 1.
pub(super) fn of_size(columns: usize, rows: usize) -> Idct {
    match (columns, rows) {
        (8, 8) => vectorized::<8, 8, 8, 8>,
        (8, _) => vectorized::<8, 4, 8, 4>,
        (4, 8) => vectorized::<4, 8, 4, 8>,
        (4, 4) => vectorized::<4, 4, 4, 4>,
        (4, _) => vectorized::<4, 2, 4, 4>,
        (2, 4) => vectorized::<2, 4, 4, 4>,
        (2, 2) => vectorized::<2, 2, 4, 4>,
        (2, _) => vectorized::<2, 1, 4, 4>,
        (_, 2) => vectorized::<1, 2, 4, 4>,
        _ => vectorized::<1, 1, 4, 4>,
    }
}

/// [`transform`], compiled for the processor's vectors.
fn vectorized<const X: usize, const Y: usize, const LX: usize, const LY: usize>(
    level: Level,
    block: &Block,
) -> [[u8; 8]; 8] {
    dispatch!(level, _simd => transform::<X, Y, LX, LY>(block))
}

/// To `X` columns and `Y` rows, computed in vectors of `LX` and `LY` lanes, which are no fewer.
#[inline(always)]
fn transform<const X: usize, const Y: usize, const LX: usize, const LY: usize>(
    block: &Block,
) -> [[u8; 8]; 8] {
    let mut columns = [[0.0; LY]; 8];
    for (to, from) in columns.iter_mut().zip(block).take(X) {
        to.copy_from_slice(&from[..LY]);
    }
    let columns = samples::<X, LY>(&columns);
    let mut rows = [[0.0; LX]; 8];
    for (v, row) in rows.iter_mut().enumerate().take(Y) {
        for (to, column) in row.iter_mut().zip(&columns) {
            *to = column[v];
        }
    }
    let rows = samples::<Y, LX>(&rows);
    let mut pixels = [[0; 8]; 8];
    for (to, from) in pixels.iter_mut().zip(&rows).take(Y) {
        for (to, &level) in to.iter_mut().zip(from) {
            *to = round(level);
        }
    }
    pixels
}

/// To the nearest level, without asking whether it is one: adding this much leaves a number
/// without fraction bits, whose lowest bits are the level.
#[inline(always)]
pub(super) fn round(level: f32) -> u8 {
    const WITHOUT_FRACTION: f32 = (3 << 22) as f32;
    (level.clamp(0.0, 255.0) + WITHOUT_FRACTION).to_bits() as u8
}

type Lanes<const L: usize> = [f32; L];

#[inline(always)]
fn zip<const L: usize>(a: Lanes<L>, b: Lanes<L>, f: impl Fn(f32, f32) -> f32) -> Lanes<L> {
    let mut out = a;
    for (out, b) in out.iter_mut().zip(b) {
        *out = f(*out, b);
    }
    out
}

#[inline(always)]
fn sum<const L: usize>(a: Lanes<L>, b: Lanes<L>) -> Lanes<L> {
    zip(a, b, |a, b| a + b)
}

#[inline(always)]
fn difference<const L: usize>(a: Lanes<L>, b: Lanes<L>) -> Lanes<L> {
    zip(a, b, |a, b| a - b)
}

/// `N` samples from the first `N` coefficients, in all lanes.
#[inline(always)]
fn samples<const N: usize, const L: usize>(x: &[Lanes<L>; 8]) -> [Lanes<L>; 8] {
    let mut out = [[0.0; L]; 8];
    match N {
        8 => out = eight(x),
        4 => out[..4].copy_from_slice(&four([x[0], x[1], x[2], x[3]])),
        2 => {
            out[0] = sum(x[0], x[1]);
            out[1] = difference(x[0], x[1]);
        }
        _ => out[0] = x[0],
    }
    out
}

#[inline(always)]
fn four<const L: usize>(x: [Lanes<L>; 4]) -> [Lanes<L>; 4] {
    // sqrt(2) times the cosines of pi / 8 and 3 pi / 8.
    const C1: f32 = SQRT_2 * 0.923_879_5;
    const C3: f32 = SQRT_2 * 0.382_683_43;
    let even = [sum(x[0], x[2]), difference(x[0], x[2])];
    let odd = [
        zip(x[1], x[3], |a, b| C1 * a + C3 * b),
        zip(x[1], x[3], |a, b| C3 * a - C1 * b),
    ];
    [
        sum(even[0], odd[0]),
        sum(even[1], odd[1]),
        difference(even[1], odd[1]),
        difference(even[0], odd[0]),
    ]
}

#[inline(always)]
fn eight<const L: usize>(x: &[Lanes<L>; 8]) -> [Lanes<L>; 8] {
    // sqrt(2) times the cosines of 1, 3, 5 and 7 times pi / 16.
    const C1: f32 = SQRT_2 * 0.980_785_25;
    const C3: f32 = SQRT_2 * 0.831_469_6;
    const C5: f32 = SQRT_2 * 0.555_570_24;
    const C7: f32 = SQRT_2 * 0.195_090_32;
    let even = four([x[0], x[2], x[4], x[6]]);
    let odd = |c1: f32, c3: f32, c5: f32, c7: f32| {
        let low = zip(x[1], x[3], |a, b| c1 * a + c3 * b);
        let high = zip(x[5], x[7], |a, b| c5 * a + c7 * b);
        sum(low, high)
    };
    let odd = [
        odd(C1, C3, C5, C7),
        odd(C3, -C7, -C1, -C5),
        odd(C5, -C1, C7, C3),
        odd(C7, -C5, C3, -C1),
    ];
    [
        sum(even[0], odd[0]),
        sum(even[1], odd[1]),
        sum(even[2], odd[2]),
        sum(even[3], odd[3]),
        difference(even[3], odd[3]),
        difference(even[2], odd[2]),
        difference(even[1], odd[1]),
        difference(even[0], odd[0]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula above, for both axes, in real numbers.
    fn by_definition(block: &Block, columns: usize, rows: usize, x: usize, y: usize) -> f64 {
        let basis = |k: usize, n: usize, samples: usize| match k {
            0 => 1.0,
            _ => {
                let angle = (2 * n + 1) as f64 * k as f64 * std::f64::consts::PI;
                2f64.sqrt() * (angle / (2 * samples) as f64).cos()
            }
        };
        let mut level = 0.0;
        for (u, column) in block.iter().enumerate().take(columns) {
            for (v, &coefficient) in column.iter().enumerate().take(rows) {
                level += f64::from(coefficient) * basis(u, x, columns) * basis(v, y, rows);
            }
        }
        level
    }

    #[test]
    fn every_size_follows_the_definition() {
        let mut state = 7u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 / 65536.0 - 0.5
        };
        let sizes = [
            (8, 8),
            (8, 4),
            (4, 8),
            (4, 4),
            (4, 2),
            (2, 4),
            (2, 2),
            (2, 1),
            (1, 2),
            (1, 1),
        ];
        for round in 0..50 {
            let mut block: Block = [[0.0; 8]; 8];
            block.as_flattened_mut().fill_with(|| 24.0 * random());
            block[0][0] = 128.0 + 200.0 * random();
            for (columns, rows) in sizes {
                let pixels = of_size(columns, rows)(Level::new(), &block);
                for (y, row) in pixels.iter().enumerate().take(rows) {
                    for (x, &pixel) in row.iter().enumerate().take(columns) {
                        let exact = by_definition(&block, columns, rows, x, y).clamp(0.0, 255.0);
                        let off = (f64::from(pixel) - exact).abs();
                        assert!(
                            off < 0.501,
                            "{columns}x{rows} at {x}, {y} in round {round}: {off}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn levels_are_rounded_and_clamped() {
        for (level, rounded) in [
            (-1e9, 0),
            (-0.4, 0),
            (0.49, 0),
            (0.51, 1),
            (254.4, 254),
            (254.6, 255),
            (1e9, 255),
        ] {
            assert_eq!(round(level), rounded, "{level}");
        }
    }
}
