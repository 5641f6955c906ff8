//! Sums of 32 products on AArch64: by SMLAL, which multiplies 16-bit numbers and adds to 32-bit ones,
//! and where the processor has it (the Pi 5's, not the Pi 4's) by UDOT, which multiplies bytes and adds
//! four products to each of four sums.

use std::arch::aarch64::{
    int16x8_t, int32x4_t, uint8x16_t, uint32x4_t, vaddq_s32, vdupq_n_s32, vdupq_n_u8, vdupq_n_u32,
    vget_low_s16, vmlal_high_s16, vmlal_s16, vmlaq_s32, vpaddq_s32, vpaddq_u32,
    vreinterpretq_s32_u32,
};
use std::arch::asm;

use fearless_simd::aarch64::Neon;
use fearless_simd::{i16x8, i32x4, kernel, prelude::*, u8x16, u8x32, u16x8};

use super::super::coefficients::{ByteWeights, Channels, Weights};
use super::portable::{MIDDLE, each_four, map_four, portable_dot_four};

/// [`Weights`] applied to four pixels of 8-bit prototypes.
#[inline(always)]
pub(super) fn dot_four_u8<S: Simd>(
    simd: S,
    pixels: &[Channels<u8>; 4],
    weights: &Weights,
) -> [i32; 4] {
    let Some(neon) = simd.level().as_neon() else {
        return portable_dot_four(pixels, weights);
    };
    weigh(
        neon,
        pixels,
        weights,
        #[inline(always)]
        |pixel| widened(neon, pixel),
    )
}

#[inline(always)]
fn widened(neon: Neon, pixel: &Channels<u8>) -> [int16x8_t; 4] {
    let (first, second) = neon.widen_u8x32(u8x32::load_array_ref(neon, pixel));
    let ((a, b), (c, d)) = (neon.split_u16x16(first), neon.split_u16x16(second));
    [signed(a), signed(b), signed(c), signed(d)]
}

/// The same bits.
#[inline(always)]
fn signed(numbers: u16x8<Neon>) -> int16x8_t {
    i16x8::from_bytes(numbers.to_bytes()).into()
}

/// [`Weights`] applied to four pixels of 16-bit prototypes.
#[inline(always)]
pub(super) fn dot_four_u16<S: Simd>(
    simd: S,
    pixels: &[Channels<u16>; 4],
    weights: &Weights,
) -> [i32; 4] {
    let Some(neon) = simd.level().as_neon() else {
        return portable_dot_four(pixels, weights);
    };
    weigh(
        neon,
        pixels,
        weights,
        #[inline(always)]
        |pixel| centred(neon, pixel),
    )
}

#[inline(always)]
fn centred(neon: Neon, pixel: &Channels<u16>) -> [int16x8_t; 4] {
    let (quarters, _) = pixel.as_chunks::<8>();
    let a = u16x8::load_array_ref(neon, &quarters[0]) ^ MIDDLE;
    let b = u16x8::load_array_ref(neon, &quarters[1]) ^ MIDDLE;
    let c = u16x8::load_array_ref(neon, &quarters[2]) ^ MIDDLE;
    let d = u16x8::load_array_ref(neon, &quarters[3]) ^ MIDDLE;
    [signed(a), signed(b), signed(c), signed(d)]
}

/// Four sums of 32 products, of what `centre` makes 16-bit numbers of.
#[inline(always)]
fn weigh<T>(
    neon: Neon,
    pixels: &[Channels<T>; 4],
    weights: &Weights,
    centre: impl Fn(&Channels<T>) -> [int16x8_t; 4],
) -> [i32; 4] {
    let (quarters, _) = weights.weights.as_chunks::<8>();
    let quarters = [
        i16x8::load_array_ref(neon, &quarters[0]).into(),
        i16x8::load_array_ref(neon, &quarters[1]).into(),
        i16x8::load_array_ref(neon, &quarters[2]).into(),
        i16x8::load_array_ref(neon, &quarters[3]).into(),
    ];
    let sums: i32x4<_> = sums(neon, map_four(pixels, centre), quarters).simd_into(neon);
    (sums + weights.bias).to_array()
}

kernel!(
    /// Four partial sums of each pixel at first, neighbours of which are added until there is one.
    #[inline(always)]
    fn sums(neon: Neon, pixels: [[int16x8_t; 4]; 4], weights: [int16x8_t; 4]) -> int32x4_t {
        let mut partial = [vdupq_n_s32(0); 4];
        for (sums, pixel) in partial.iter_mut().zip(pixels) {
            for (channels, weights) in pixel.into_iter().zip(weights) {
                *sums = vmlal_s16(*sums, vget_low_s16(channels), vget_low_s16(weights));
                *sums = vmlal_high_s16(*sums, channels, weights);
            }
        }
        let [a, b, c, d] = partial;
        vpaddq_s32(vpaddq_s32(a, b), vpaddq_s32(c, d))
    }
);

/// `bias + sum(p * above) + least * sum(p)` for each pixel. No sum of bytes' products has more than
/// 32 bits; what `least` adds may on the way, and not in the end.
#[target_feature(enable = "neon,dotprod")]
pub(super) fn dot_row_with_udot(
    neon: Neon,
    pixels: &[Channels<u8>],
    weights: &ByteWeights,
    bias: i32,
    logits: &mut [f32],
    put: impl Fn(f32, i32) -> f32,
) {
    let above = halves(neon, &weights.above);
    each_four(pixels, logits, put, |four| {
        let [a, b, c, d] = four;
        let [a, b, c, d] = [
            halves(neon, a),
            halves(neon, b),
            halves(neon, c),
            halves(neon, d),
        ];
        let products = add_up(dot(a, above), dot(b, above), dot(c, above), dot(d, above));
        let ones = [vdupq_n_u8(1); 2];
        let totals = add_up(dot(a, ones), dot(b, ones), dot(c, ones), dot(d, ones));
        let sums = vaddq_s32(vdupq_n_s32(bias), products);
        let sums = vmlaq_s32(sums, totals, vdupq_n_s32(weights.least));
        i32x4::simd_from(neon, sums).to_array()
    });
}

#[inline(always)]
fn halves(neon: Neon, channels: &Channels<u8>) -> [uint8x16_t; 2] {
    let (halves, _) = channels.as_chunks::<16>();
    let first = u8x16::load_array_ref(neon, &halves[0]).into();
    let second = u8x16::load_array_ref(neon, &halves[1]).into();
    [first, second]
}

/// Four partial sums of 32 products.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn dot(a: [uint8x16_t; 2], b: [uint8x16_t; 2]) -> uint32x4_t {
    udot(udot(vdupq_n_u32(0), a[0], b[0]), a[1], b[1])
}

/// The sums of four vectors, as bits.
#[inline]
#[target_feature(enable = "neon")]
fn add_up(a: uint32x4_t, b: uint32x4_t, c: uint32x4_t, d: uint32x4_t) -> int32x4_t {
    vreinterpretq_s32_u32(vpaddq_u32(vpaddq_u32(a, b), vpaddq_u32(c, d)))
}

/// The instruction; its intrinsic is not stable yet.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn udot(mut sums: uint32x4_t, a: uint8x16_t, b: uint8x16_t) -> uint32x4_t {
    // SAFETY: reads two registers and changes a third, all of which it is given; the processor
    // has the instruction where this function may be called.
    unsafe {
        asm!(
            "udot {sums:v}.4s, {a:v}.16b, {b:v}.16b",
            sums = inout(vreg) sums,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
