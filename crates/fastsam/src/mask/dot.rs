//! The multiplications: a detection's coefficients with a row of prototypes, and the signs of what
//! comes out.
//!
//! Prototypes lie pixel by pixel, 32 channels each. Every processor has its own best way to sum 32
//! products of 16-bit numbers; the portable one holds for those without a way written down here,
//! and is what the others are tested against ([`portable`]). Everything is inlined into where the processor's
//! instructions were chosen ([`super::Rasterizer`]).

#[cfg_attr(target_arch = "x86_64", path = "dot/x86.rs")]
#[cfg_attr(target_arch = "aarch64", path = "dot/arm.rs")]
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64")),
    path = "dot/plain.rs"
)]
mod kernels;
mod portable;

use fearless_simd::{f32x8, prelude::*};

use self::portable::{Centred, each_four};
use super::coefficients::{Channels, Coefficients, Weights};

/// A prototype element.
pub(super) trait Element: Centred + Into<f32> {
    /// [`Weights`] applied to four pixels.
    fn dot_four<S: Simd>(simd: S, pixels: &[Channels<Self>; 4], weights: &Weights) -> [i32; 4];

    /// [`Weights`] applied to each pixel; `put` makes the new logit of the one that is there and the
    /// sum.
    #[inline(always)]
    fn dot_row<S: Simd>(
        simd: S,
        pixels: &[Channels<Self>],
        weights: &Weights,
        logits: &mut [f32],
        put: impl Fn(f32, i32) -> f32,
    ) {
        dot_fours(simd, pixels, weights, logits, put);
    }
}

impl Element for u8 {
    #[inline(always)]
    fn dot_four<S: Simd>(simd: S, pixels: &[Channels<Self>; 4], weights: &Weights) -> [i32; 4] {
        kernels::dot_four_u8(simd, pixels, weights)
    }

    #[cfg(target_arch = "aarch64")]
    #[inline(always)]
    fn dot_row<S: Simd>(
        simd: S,
        pixels: &[Channels<Self>],
        weights: &Weights,
        logits: &mut [f32],
        put: impl Fn(f32, i32) -> f32,
    ) {
        match (&weights.bytes, simd.level().as_neon()) {
            (Some(bytes), Some(neon)) if std::arch::is_aarch64_feature_detected!("dotprod") => {
                let bias = weights.bias;
                // SAFETY: the processor has just said that it has the instructions.
                unsafe { kernels::dot_row_with_udot(neon, pixels, bytes, bias, logits, put) }
            }
            _ => dot_fours(simd, pixels, weights, logits, put),
        }
    }
}

impl Element for u16 {
    #[inline(always)]
    fn dot_four<S: Simd>(simd: S, pixels: &[Channels<Self>; 4], weights: &Weights) -> [i32; 4] {
        kernels::dot_four_u16(simd, pixels, weights)
    }
}

/// Writes the logits of a row of prototypes, in units of the product of both scales.
#[inline(always)]
pub(super) fn logits<S: Simd, T: Element>(
    simd: S,
    pixels: &[Channels<T>],
    coefficients: &Coefficients,
    logits: &mut [f32],
) {
    match coefficients {
        Coefficients::Single(weights) => {
            T::dot_row(simd, pixels, weights, logits, |_, sum| sum as f32);
        }
        Coefficients::Split { high, low } => {
            T::dot_row(simd, pixels, high, logits, |_, sum| sum as f32 * 256.0);
            T::dot_row(simd, pixels, low, logits, |high, sum| high + sum as f32);
        }
        Coefficients::Real {
            weights,
            zero_point,
        } => {
            for (logit, pixel) in logits.iter_mut().zip(pixels) {
                *logit = pixel
                    .iter()
                    .zip(weights)
                    .map(|(&p, weight)| (p.into() - zero_point) * weight)
                    .sum();
            }
        }
    }
}

/// [`Element::dot_row`] by [`Element::dot_four`].
#[inline(always)]
fn dot_fours<S: Simd, T: Element>(
    simd: S,
    pixels: &[Channels<T>],
    weights: &Weights,
    logits: &mut [f32],
    put: impl Fn(f32, i32) -> f32,
) {
    each_four(
        pixels,
        logits,
        put,
        #[inline(always)]
        |four| T::dot_four(simd, four, weights),
    );
}

/// Sets bit `i` of `signs` where `values[i]` is above 0, and clears all others.
#[inline(always)]
pub(super) fn signs<S: Simd>(simd: S, values: &[f32], signs: &mut [u64]) {
    for (word, values) in signs.iter_mut().zip(values.chunks(64)) {
        let (eights, rest) = values.as_chunks::<8>();
        *word = 0;
        for (i, eight) in eights.iter().enumerate() {
            let above = f32x8::load_array_ref(simd, eight).simd_gt(0.0);
            *word |= above.to_bitmask() << (8 * i);
        }
        for (i, &value) in rest.iter().enumerate() {
            *word |= u64::from(value > 0.0) << (8 * eights.len() + i);
        }
    }
}

#[cfg(test)]
mod tests;
