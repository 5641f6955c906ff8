//! Sums of 32 products on processors without a way of their own.

use fearless_simd::Simd;

use super::super::coefficients::{Channels, Weights};
use super::portable::portable_dot_four;

/// [`Weights`] applied to four pixels of 8-bit prototypes.
pub(super) fn dot_four_u8<S: Simd>(
    _: S,
    pixels: &[Channels<u8>; 4],
    weights: &Weights,
) -> [i32; 4] {
    portable_dot_four(pixels, weights)
}

/// [`Weights`] applied to four pixels of 16-bit prototypes.
pub(super) fn dot_four_u16<S: Simd>(
    _: S,
    pixels: &[Channels<u16>; 4],
    weights: &Weights,
) -> [i32; 4] {
    portable_dot_four(pixels, weights)
}
