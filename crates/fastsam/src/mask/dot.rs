//! The multiplications: a detection's coefficients with a row of prototypes, and the signs of what
//! comes out.
//!
//! Prototypes lie pixel by pixel, 32 channels each. Every processor has its own best way to sum 32
//! products of 16-bit numbers; the portable one holds for those without a way written down here,
//! and is what the others are tested against.

#[cfg(any(test, target_arch = "aarch64"))]
use super::coefficients::ByteWeights;
use super::coefficients::{Channels, Coefficients, Weights};

/// A prototype element.
pub(super) trait Element: Copy + Into<f32> {
    /// The element less the `m` of [`Coefficients`], which makes it a 16-bit number.
    fn centred(self) -> i16;

    /// [`Weights`] applied to four pixels.
    fn dot_four(pixels: &[Channels<Self>; 4], weights: &Weights) -> [i32; 4] {
        portable_dot_four(pixels, weights)
    }
}

impl Element for u8 {
    fn centred(self) -> i16 {
        i16::from(self)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn dot_four(pixels: &[Channels<Self>; 4], weights: &Weights) -> [i32; 4] {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { sse2::dot_four_u8(pixels, weights) }
    }

    #[cfg(target_arch = "aarch64")]
    #[inline]
    fn dot_four(pixels: &[Channels<Self>; 4], weights: &Weights) -> [i32; 4] {
        match &weights.bytes {
            Some(bytes) if std::arch::is_aarch64_feature_detected!("dotprod") => {
                // SAFETY: the processor has just said that it has the instructions.
                unsafe { dot_four_bytes_with_dotprod(pixels, bytes, weights.bias) }
            }
            _ => portable_dot_four(pixels, weights),
        }
    }
}

impl Element for u16 {
    fn centred(self) -> i16 {
        (self ^ 0x8000).cast_signed()
    }

    #[cfg(target_arch = "x86_64")]
    #[inline]
    fn dot_four(pixels: &[Channels<Self>; 4], weights: &Weights) -> [i32; 4] {
        // SAFETY: SSE2 is part of x86-64.
        unsafe { sse2::dot_four_u16(pixels, weights) }
    }
}

/// Writes the logits of a row of prototypes, in units of the product of both scales.
pub(super) fn logits<T: Element>(
    pixels: &[Channels<T>],
    coefficients: &Coefficients,
    logits: &mut [f32],
) {
    match coefficients {
        Coefficients::Single(weights) => {
            each_four(pixels, logits, |four| {
                T::dot_four(four, weights).map(|sum| sum as f32)
            });
        }
        Coefficients::Split { high, low } => each_four(pixels, logits, |four| {
            let (high, low) = (T::dot_four(four, high), T::dot_four(four, low));
            std::array::from_fn(|i| high[i] as f32 * 256.0 + low[i] as f32)
        }),
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

/// Calls `of` with four pixels at a time, the last ones made up to four.
#[inline]
fn each_four<T: Element>(
    pixels: &[Channels<T>],
    logits: &mut [f32],
    of: impl Fn(&[Channels<T>; 4]) -> [f32; 4],
) {
    let (fours, rest) = pixels.as_chunks::<4>();
    let (outputs, rest_of_outputs) = logits.as_chunks_mut::<4>();
    for (four, output) in fours.iter().zip(outputs) {
        *output = of(four);
    }
    if let (Some(first), false) = (rest.first(), rest_of_outputs.is_empty()) {
        let four = std::array::from_fn(|i| *rest.get(i).unwrap_or(first));
        for (output, logit) in rest_of_outputs.iter_mut().zip(of(&four)) {
            *output = logit;
        }
    }
}

fn portable_dot_four<T: Element>(pixels: &[Channels<T>; 4], weights: &Weights) -> [i32; 4] {
    pixels.each_ref().map(|pixel| {
        let products = pixel
            .iter()
            .zip(&weights.weights)
            .map(|(&p, &weight)| i32::from(p.centred()) * i32::from(weight));
        weights.bias + products.sum::<i32>()
    })
}

/// [`portable_dot_four`] on a processor that multiplies bytes: the Pi 5's has UDOT, four products
/// and their sum for each of four numbers. The compiler finds it in the plain sums; by the
/// instructions it makes (60 instead of 82 for four pixels, 16 of them products instead of 32), not by a clock, this was chosen.
#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "dotprod")]
fn dot_four_bytes_with_dotprod(
    pixels: &[Channels<u8>; 4],
    bytes: &ByteWeights,
    bias: i32,
) -> [i32; 4] {
    dot_four_bytes(pixels, bytes, bias)
}

/// `bias + sum(p * above) + least * sum(p)`. No sum of bytes' products has more than 32 bits; what
/// `least` adds may on the way, and not in the end.
#[cfg(any(test, target_arch = "aarch64"))]
#[inline(always)]
fn dot_four_bytes(pixels: &[Channels<u8>; 4], bytes: &ByteWeights, bias: i32) -> [i32; 4] {
    pixels.each_ref().map(|pixel| {
        let products = pixel.iter().zip(&bytes.above);
        let products = products.map(|(&p, &above)| u32::from(p) * u32::from(above));
        let sum: u32 = pixel.iter().map(|&p| u32::from(p)).sum();
        let least = bytes.least.wrapping_mul(sum.cast_signed());
        let products = products.sum::<u32>().cast_signed();
        bias.wrapping_add(products).wrapping_add(least)
    })
}

/// Sets bit `i` of `signs` where `values[i]` is above 0, and clears all others.
pub(super) fn signs(values: &[f32], signs: &mut [u64]) {
    for (word, values) in signs.iter_mut().zip(values.chunks(64)) {
        let (eights, rest) = values.as_chunks::<8>();
        *word = 0;
        for (i, eight) in eights.iter().enumerate() {
            *word |= u64::from(above_zero(eight)) << (8 * i);
        }
        for (i, &value) in rest.iter().enumerate() {
            *word |= u64::from(value > 0.0) << (8 * eights.len() + i);
        }
    }
}

/// Which of eight values are above 0, the first in the lowest bit.
#[inline]
pub(super) fn above_zero(values: &[f32; 8]) -> u8 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 is part of x86-64.
    return unsafe { sse2::above_zero(values) };
    #[cfg(not(target_arch = "x86_64"))]
    portable_above_zero(values)
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn portable_above_zero(values: &[f32; 8]) -> u8 {
    let above = u64::from_le_bytes(values.map(|value| u8::from(value > 0.0)));
    // Every byte is 0 or 1; the product gathers them in the highest byte, none meeting another.
    (above.wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

/// SSE2, which every x86-64 processor has.
#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_castsi128_ps, _mm_cmpgt_ps, _mm_loadu_si128, _mm_madd_epi16,
        _mm_movemask_ps, _mm_set1_epi16, _mm_set1_epi32, _mm_setzero_ps, _mm_setzero_si128,
        _mm_storeu_si128, _mm_unpackhi_epi8, _mm_unpackhi_epi32, _mm_unpackhi_epi64,
        _mm_unpacklo_epi8, _mm_unpacklo_epi32, _mm_unpacklo_epi64, _mm_xor_si128,
    };

    use super::super::coefficients::{Channels, Weights};

    /// Reads 16 bytes; `T` is a plain integer.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load<T, const N: usize>(source: &[T; N]) -> __m128i {
        const { assert!(size_of::<[T; N]>() == 16) };
        // SAFETY: the reference covers exactly the 16 bytes that are read; the load asks for no
        // alignment, and any bits make a vector.
        unsafe { _mm_loadu_si128(std::ptr::from_ref(source).cast()) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn store(vector: __m128i) -> [i32; 4] {
        let mut lanes = [0; 4];
        // SAFETY: the array covers exactly the 16 bytes that are written; the store asks for no
        // alignment.
        unsafe { _mm_storeu_si128(std::ptr::from_mut(&mut lanes).cast(), vector) };
        lanes
    }

    /// Which of eight values are above 0, the first in the lowest bit.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn above_zero(values: &[f32; 8]) -> u8 {
        let (fours, _) = values.as_chunks::<4>();
        let [low, high] = [
            _mm_castsi128_ps(load(&fours[0])),
            _mm_castsi128_ps(load(&fours[1])),
        ];
        let zero = _mm_setzero_ps();
        let low = _mm_movemask_ps(_mm_cmpgt_ps(low, zero));
        let high = _mm_movemask_ps(_mm_cmpgt_ps(high, zero));
        (low | high << 4) as u8
    }

    /// A pixel's 32 channels as 16-bit numbers.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load_u8(pixel: &Channels<u8>) -> [__m128i; 4] {
        let (halves, _) = pixel.as_chunks::<16>();
        let [first, second] = [load(&halves[0]), load(&halves[1])];
        let zero = _mm_setzero_si128();
        [
            _mm_unpacklo_epi8(first, zero),
            _mm_unpackhi_epi8(first, zero),
            _mm_unpacklo_epi8(second, zero),
            _mm_unpackhi_epi8(second, zero),
        ]
    }

    /// A pixel's 32 channels, less 32768.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn load_u16(pixel: &Channels<u16>) -> [__m128i; 4] {
        let (quarters, _) = pixel.as_chunks::<8>();
        let middle = _mm_set1_epi16(i16::MIN);
        [
            _mm_xor_si128(load(&quarters[0]), middle),
            _mm_xor_si128(load(&quarters[1]), middle),
            _mm_xor_si128(load(&quarters[2]), middle),
            _mm_xor_si128(load(&quarters[3]), middle),
        ]
    }

    /// [`Weights`] applied to four pixels of 8-bit prototypes.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn dot_four_u8(pixels: &[Channels<u8>; 4], weights: &Weights) -> [i32; 4] {
        dot_four(pixels, weights, |pixel| load_u8(pixel))
    }

    /// [`Weights`] applied to four pixels of 16-bit prototypes.
    #[inline]
    #[target_feature(enable = "sse2")]
    pub(super) fn dot_four_u16(pixels: &[Channels<u16>; 4], weights: &Weights) -> [i32; 4] {
        dot_four(pixels, weights, |pixel| load_u16(pixel))
    }

    /// Four sums of 32 products, four partial sums each at first, transposed to be added up.
    #[inline]
    #[target_feature(enable = "sse2")]
    fn dot_four<T>(
        pixels: &[Channels<T>; 4],
        weights: &Weights,
        load_pixel: impl Fn(&Channels<T>) -> [__m128i; 4],
    ) -> [i32; 4] {
        let (quarters, _) = weights.weights.as_chunks::<8>();
        let weight = [
            load(&quarters[0]),
            load(&quarters[1]),
            load(&quarters[2]),
            load(&quarters[3]),
        ];
        let partial = |channels: [__m128i; 4]| {
            _mm_add_epi32(
                _mm_add_epi32(
                    _mm_madd_epi16(channels[0], weight[0]),
                    _mm_madd_epi16(channels[1], weight[1]),
                ),
                _mm_add_epi32(
                    _mm_madd_epi16(channels[2], weight[2]),
                    _mm_madd_epi16(channels[3], weight[3]),
                ),
            )
        };
        let a = partial(load_pixel(&pixels[0]));
        let b = partial(load_pixel(&pixels[1]));
        let c = partial(load_pixel(&pixels[2]));
        let d = partial(load_pixel(&pixels[3]));
        let ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        let cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
        let sums = _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd));
        store(_mm_add_epi32(sums, _mm_set1_epi32(weights.bias)))
    }
}

#[cfg(test)]
mod tests;
