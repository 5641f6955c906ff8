//! Sums of 32 products on x86-64, by PMADDWD (SSE2, AVX2), which multiplies 16-bit numbers and adds
//! neighbours.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_madd_epi16, _mm_setzero_si128, _mm_unpackhi_epi32,
    _mm_unpackhi_epi64, _mm_unpacklo_epi32, _mm_unpacklo_epi64, _mm256_add_epi32,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_hadd_epi32, _mm256_madd_epi16,
    _mm256_setzero_si256,
};

use fearless_simd::x86::{Avx2, Sse2};
use fearless_simd::{i16x8, i16x16, i32x4, kernel, prelude::*, u8x32, u16x8, u16x16};

use super::super::coefficients::{Channels, Weights};
use super::portable::{MIDDLE, map_four, portable_dot_four};

/// [`Weights`] applied to four pixels of 8-bit prototypes.
#[inline(always)]
pub(super) fn dot_four_u8<S: Simd>(
    simd: S,
    pixels: &[Channels<u8>; 4],
    weights: &Weights,
) -> [i32; 4] {
    let level = simd.level();
    match (level.as_avx2(), level.as_sse2()) {
        (Some(avx2), _) => weigh_avx2(
            avx2,
            pixels,
            weights,
            #[inline(always)]
            |pixel| widened_avx2(avx2, pixel),
        ),
        (_, Some(sse2)) => weigh_sse2(
            sse2,
            pixels,
            weights,
            #[inline(always)]
            |pixel| widened_sse2(sse2, pixel),
        ),
        _ => portable_dot_four(pixels, weights),
    }
}

/// [`Weights`] applied to four pixels of 16-bit prototypes.
#[inline(always)]
pub(super) fn dot_four_u16<S: Simd>(
    simd: S,
    pixels: &[Channels<u16>; 4],
    weights: &Weights,
) -> [i32; 4] {
    let level = simd.level();
    match (level.as_avx2(), level.as_sse2()) {
        (Some(avx2), _) => weigh_avx2(
            avx2,
            pixels,
            weights,
            #[inline(always)]
            |pixel| centred_avx2(avx2, pixel),
        ),
        (_, Some(sse2)) => weigh_sse2(
            sse2,
            pixels,
            weights,
            #[inline(always)]
            |pixel| centred_sse2(sse2, pixel),
        ),
        _ => portable_dot_four(pixels, weights),
    }
}

#[inline(always)]
fn widened_avx2(avx2: Avx2, pixel: &Channels<u8>) -> [__m256i; 2] {
    let (first, second) = avx2.widen_u8x32(u8x32::load_array_ref(avx2, pixel));
    [first.into(), second.into()]
}

#[inline(always)]
fn centred_avx2(avx2: Avx2, pixel: &Channels<u16>) -> [__m256i; 2] {
    let (halves, _) = pixel.as_chunks::<16>();
    let first = u16x16::load_array_ref(avx2, &halves[0]) ^ MIDDLE;
    let second = u16x16::load_array_ref(avx2, &halves[1]) ^ MIDDLE;
    [first.into(), second.into()]
}

/// Four sums of 32 products, of what `centre` makes 16-bit numbers of.
#[inline(always)]
fn weigh_avx2<T>(
    avx2: Avx2,
    pixels: &[Channels<T>; 4],
    weights: &Weights,
    centre: impl Fn(&Channels<T>) -> [__m256i; 2],
) -> [i32; 4] {
    let (halves, _) = weights.weights.as_chunks::<16>();
    let halves = [
        i16x16::load_array_ref(avx2, &halves[0]).into(),
        i16x16::load_array_ref(avx2, &halves[1]).into(),
    ];
    let sums: i32x4<_> = sums_avx2(avx2, map_four(pixels, centre), halves).simd_into(avx2);
    (sums + weights.bias).to_array()
}

kernel!(
    /// Four sums of 32 products: eight partial sums each at first, neighbours of which are added
    /// until there is one.
    #[inline(always)]
    fn sums_avx2(avx2: Avx2, pixels: [[__m256i; 2]; 4], weights: [__m256i; 2]) -> __m128i {
        let mut partial = [_mm256_setzero_si256(); 4];
        for (sums, [first, second]) in partial.iter_mut().zip(pixels) {
            *sums = _mm256_add_epi32(
                _mm256_madd_epi16(first, weights[0]),
                _mm256_madd_epi16(second, weights[1]),
            );
        }
        let [a, b, c, d] = partial;
        let halves = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
        _mm_add_epi32(
            _mm256_castsi256_si128(halves),
            _mm256_extracti128_si256::<1>(halves),
        )
    }
);

#[inline(always)]
fn widened_sse2(sse2: Sse2, pixel: &Channels<u8>) -> [__m128i; 4] {
    let (first, second) = sse2.widen_u8x32(u8x32::load_array_ref(sse2, pixel));
    let ((a, b), (c, d)) = (sse2.split_u16x16(first), sse2.split_u16x16(second));
    [a.into(), b.into(), c.into(), d.into()]
}

#[inline(always)]
fn centred_sse2(sse2: Sse2, pixel: &Channels<u16>) -> [__m128i; 4] {
    let (quarters, _) = pixel.as_chunks::<8>();
    let a = u16x8::load_array_ref(sse2, &quarters[0]) ^ MIDDLE;
    let b = u16x8::load_array_ref(sse2, &quarters[1]) ^ MIDDLE;
    let c = u16x8::load_array_ref(sse2, &quarters[2]) ^ MIDDLE;
    let d = u16x8::load_array_ref(sse2, &quarters[3]) ^ MIDDLE;
    [a.into(), b.into(), c.into(), d.into()]
}

/// Four sums of 32 products, of what `centre` makes 16-bit numbers of.
#[inline(always)]
fn weigh_sse2<T>(
    sse2: Sse2,
    pixels: &[Channels<T>; 4],
    weights: &Weights,
    centre: impl Fn(&Channels<T>) -> [__m128i; 4],
) -> [i32; 4] {
    let (quarters, _) = weights.weights.as_chunks::<8>();
    let quarters = [
        i16x8::load_array_ref(sse2, &quarters[0]).into(),
        i16x8::load_array_ref(sse2, &quarters[1]).into(),
        i16x8::load_array_ref(sse2, &quarters[2]).into(),
        i16x8::load_array_ref(sse2, &quarters[3]).into(),
    ];
    let sums: i32x4<_> = sums_sse2(sse2, map_four(pixels, centre), quarters).simd_into(sse2);
    (sums + weights.bias).to_array()
}

kernel!(
    /// Four sums of 32 products: four partial sums each at first, transposed to be added up.
    #[inline(always)]
    fn sums_sse2(sse2: Sse2, pixels: [[__m128i; 4]; 4], weights: [__m128i; 4]) -> __m128i {
        let mut partial = [_mm_setzero_si128(); 4];
        for (sums, [first, second, third, fourth]) in partial.iter_mut().zip(pixels) {
            *sums = _mm_add_epi32(
                _mm_add_epi32(
                    _mm_madd_epi16(first, weights[0]),
                    _mm_madd_epi16(second, weights[1]),
                ),
                _mm_add_epi32(
                    _mm_madd_epi16(third, weights[2]),
                    _mm_madd_epi16(fourth, weights[3]),
                ),
            );
        }
        let [a, b, c, d] = partial;
        let ab = _mm_add_epi32(_mm_unpacklo_epi32(a, b), _mm_unpackhi_epi32(a, b));
        let cd = _mm_add_epi32(_mm_unpacklo_epi32(c, d), _mm_unpackhi_epi32(c, d));
        _mm_add_epi32(_mm_unpacklo_epi64(ab, cd), _mm_unpackhi_epi64(ab, cd))
    }
);
