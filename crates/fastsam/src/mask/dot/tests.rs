use std::cell::Cell;

use fearless_simd::dispatch;
use proptest::prelude::*;
use tensors::{Elements, QuantInfo, TensorView};

use super::super::coefficients::ByteWeights;
use super::portable::portable_dot_four;
use super::*;
use crate::processor::{level, on_each};

/// What is to come out, without the scales: `sum((p - p0) * (c - c0))`.
fn exactly(p: &[u16], p0: f32, c: &[u16], c0: f32) -> f64 {
    let products = p
        .iter()
        .zip(c)
        .map(|(&p, &c)| (f64::from(p) - f64::from(p0)) * (f64::from(c) - f64::from(c0)));
    products.sum()
}

/// The logits of some pixels, by way of [`Coefficients`].
fn computed<T: Element>(
    pixels: &[Channels<T>],
    prototypes: TensorView<'_>,
    coefficients: TensorView<'_>,
) -> (Coefficients, Vec<f32>) {
    let coefficients = Coefficients::new(coefficients, 0, prototypes);
    let values = on_each(|| {
        let mut values = vec![f32::NAN; pixels.len()];
        dispatch!(level(), simd => logits(simd, pixels, &coefficients, &mut values));
        values
    });
    (coefficients, values)
}

fn view(elements: Elements<'_>, zero_point: f32) -> TensorView<'_> {
    TensorView {
        quant: QuantInfo {
            scale: 0.1,
            zero_point,
        },
        elements,
    }
}

/// Compares every mix of element types at once; `wide` are made 8-bit by their high byte.
fn compare(p: &[Channels<u16>], p0: f32, c: Channels<u16>, c0: f32) {
    let narrow = |wide: &Channels<u16>| wide.map(|q| (q >> 8) as u8);
    let p8: Vec<Channels<u8>> = p.iter().map(narrow).collect();
    let c8 = narrow(&c);
    for (c, coefficients) in [
        (c, view(Elements::U16(&c), c0)),
        (c8.map(u16::from), view(Elements::U8(&c8), c0)),
    ] {
        let (_, values) = computed(p, view(Elements::U16(p.as_flattened()), p0), coefficients);
        for (value, p) in values.into_iter().zip(p) {
            close(
                value,
                exactly(p, p0, &c, c0),
                p0.abs().max(65535.0),
                c0.abs().max(65535.0),
            );
        }
        let (_, values) = computed(&p8, view(Elements::U8(p8.as_flattened()), p0), coefficients);
        for (value, p) in values.into_iter().zip(&p8) {
            close(
                value,
                exactly(&p.map(u16::from), p0, &c, c0),
                p0.abs().max(255.0),
                c0.abs().max(65535.0),
            );
        }
    }
}

fn close(value: f32, exact: f64, p: f32, c: f32) {
    let largest = 32.0 * f64::from(p) * f64::from(c) * 4.0;
    let off = (f64::from(value) - exact).abs();
    assert!(off <= 1e-6 * largest, "{value} for {exact}");
}

#[test]
fn extremes_do_not_overflow() {
    for p in [0, u16::MAX] {
        for c in [0, u16::MAX] {
            for (p0, c0) in [
                (0.0, 0.0),
                (32768.0, 32768.0),
                (65535.0, 65535.0),
                (131_070.0, -131_070.0),
            ] {
                compare(&[[p; 32]; 5], p0, [c; 32], c0);
            }
        }
    }
}

#[test]
fn whole_zero_points_make_whole_numbers() {
    let narrow = [200_u8; 32];
    let wide = [50_000_u16; 32];
    let (p8, p16) = (
        view(Elements::U8(&narrow), 9.0),
        view(Elements::U16(&wide), 2200.0),
    );
    let (c8, c16) = (
        view(Elements::U8(&narrow), 123.0),
        view(Elements::U16(&wide), 30_000.0),
    );
    assert!(matches!(
        Coefficients::new(c8, 0, p8),
        Coefficients::Single(_)
    ));
    assert!(matches!(
        Coefficients::new(c16, 0, p8),
        Coefficients::Single(_)
    ));
    assert!(matches!(
        Coefficients::new(c8, 0, p16),
        Coefficients::Single(_)
    ));
    assert!(matches!(
        Coefficients::new(c16, 0, p16),
        Coefficients::Split { .. }
    ));
    let fraction = view(Elements::U8(&narrow), 0.5);
    assert!(matches!(
        Coefficients::new(c8, 0, fraction),
        Coefficients::Real { .. }
    ));
}

#[test]
fn signs_are_of_what_is_above_zero() {
    let values: Vec<f32> = (0..150)
        .map(|i| [1.0, 0.0, -1.0, -0.0, f32::MIN_POSITIVE][i % 5])
        .collect();
    for length in [1_usize, 7, 8, 63, 64, 65, 150] {
        let words = on_each(|| {
            let mut words = vec![u64::MAX; length.div_ceil(64)];
            dispatch!(level(), simd => signs(simd, &values[..length], &mut words));
            words
        });
        for i in 0..64 * words.len() {
            let expected = i < length && values[i] > 0.0;
            assert_eq!(
                words[i / 64] >> (i % 64) & 1 == 1,
                expected,
                "{i} of {length}"
            );
        }
    }
}

/// Four pixels' sums, by way of a row.
fn sums<T: Element>(pixels: &[Channels<T>; 4], weights: &Weights) -> [i32; 4] {
    on_each(|| {
        let sums = Cell::new([0; 4]);
        let next = Cell::new(0);
        let put = |_, sum| {
            let mut all = sums.get();
            all[next.get()] = sum;
            sums.set(all);
            next.set(next.get() + 1);
            0.0
        };
        dispatch!(level(), simd => T::dot_row(simd, pixels, weights, &mut [0.0; 4], put));
        sums.get()
    })
}

proptest! {
    #[test]
    fn logits_are_the_sum_of_products(
        p in prop::collection::vec(prop::array::uniform32(any::<u16>()), 1..10),
        c in prop::array::uniform32(any::<u16>()),
        p0 in prop_oneof![(0_u16..=65535).prop_map(f32::from), -1e5_f32..1e5],
        c0 in prop_oneof![(0_u16..=65535).prop_map(f32::from), -1e5_f32..1e5],
    ) {
        compare(&p, p0, c, c0);
    }

    #[test]
    fn processors_agree_with_the_portable_sum(
        p in prop::array::uniform4(prop::array::uniform32(any::<u16>())),
        weights in prop::array::uniform32(-1000_i16..1000),
        bias in -1_000_000..1_000_000,
    ) {
        let bytes = ByteWeights::new(&weights);
        let weights = Weights { weights, bias, bytes };
        prop_assert_eq!(sums(&p, &weights), portable_dot_four(&p, &weights));
        let p = p.map(|pixel| pixel.map(|q| q as u8));
        prop_assert_eq!(sums(&p, &weights), portable_dot_four(&p, &weights));
    }

    #[test]
    fn byte_weights_give_the_same_sums(
        p in prop::array::uniform4(prop::array::uniform32(any::<u8>())),
        least in -2000_i16..2000,
        above in prop::array::uniform32(any::<u8>()),
        bias in -1_000_000..1_000_000,
    ) {
        let weights = above.map(|above| least + i16::from(above));
        let bytes = ByteWeights::new(&weights).unwrap();
        let weights = Weights { weights, bias, bytes: Some(bytes) };
        prop_assert_eq!(sums(&p, &weights), portable_dot_four(&p, &weights));
    }
}
