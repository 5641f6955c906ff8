//! What the ways of all processors share, and the way that holds on each.

use super::super::coefficients::{Channels, Weights};

/// A prototype element as a 16-bit number.
pub(in super::super) trait Centred: Copy {
    /// The element less the `m` of [`Coefficients`](super::Coefficients), which makes it a 16-bit
    /// number.
    fn centred(self) -> i16;
}

impl Centred for u8 {
    fn centred(self) -> i16 {
        i16::from(self)
    }
}

impl Centred for u16 {
    fn centred(self) -> i16 {
        (self ^ MIDDLE).cast_signed()
    }
}

/// What makes 16-bit numbers without a sign of 16-bit numbers less 32768.
pub(super) const MIDDLE: u16 = 0x8000;

/// `array::map`, but inlined (see [`crate::processor`]).
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
pub(super) fn map_four<T, U>([a, b, c, d]: &[T; 4], of: impl Fn(&T) -> U) -> [U; 4] {
    [of(a), of(b), of(c), of(d)]
}

/// Calls `of` with four pixels at a time, the last ones made up to four, and `put` with each logit
/// and its sum.
#[inline(always)]
pub(super) fn each_four<T: Copy>(
    pixels: &[Channels<T>],
    logits: &mut [f32],
    put: impl Fn(f32, i32) -> f32,
    of: impl Fn(&[Channels<T>; 4]) -> [i32; 4],
) {
    let (fours, rest) = pixels.as_chunks::<4>();
    let (outputs, rest_of_outputs) = logits.as_chunks_mut::<4>();
    for (four, output) in fours.iter().zip(outputs) {
        for (logit, sum) in output.iter_mut().zip(of(four)) {
            *logit = put(*logit, sum);
        }
    }
    if let (Some(first), false) = (rest.first(), rest_of_outputs.is_empty()) {
        let four = std::array::from_fn(|i| *rest.get(i).unwrap_or(first));
        for (logit, sum) in rest_of_outputs.iter_mut().zip(of(&four)) {
            *logit = put(*logit, sum);
        }
    }
}

/// [`Weights`] applied to four pixels, by no instruction in particular.
#[inline(always)]
pub(super) fn portable_dot_four<T: Centred>(
    pixels: &[Channels<T>; 4],
    weights: &Weights,
) -> [i32; 4] {
    let mut sums = [weights.bias; 4];
    for (sum, pixel) in sums.iter_mut().zip(pixels) {
        for (&p, &weight) in pixel.iter().zip(&weights.weights) {
            *sum += i32::from(p.centred()) * i32::from(weight);
        }
    }
    sums
}
