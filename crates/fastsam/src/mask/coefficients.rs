//! A detection's mask coefficients, made ready for multiplying with quantized prototypes.
//!
//! A logit is `sum((p - p0) * (c - c0)) * scales`; its sign, all that a mask needs, does not
//! depend on the scales. With whole zero points the sum is a whole number:
//!
//! `sum((p - p0) * c') = sum((p - m) * c') + (m - p0) * sum(c')`, with `c' = c - c0`,
//!
//! where `m` makes `p - m` a 16-bit number: 0 for 8-bit prototypes, 32768 for 16-bit ones. So the
//! loop over channels multiplies 16-bit numbers into 32-bit sums, which processors do best, and
//! nothing is rounded. Where `c'` is too large for that, two such sums make up the logit.

use tensors::{Elements, PROTOTYPE_CHANNELS, QuantInfo, TensorView};

/// One number per prototype channel.
pub(super) type Channels<T> = [T; PROTOTYPE_CHANNELS];

/// `bias + sum(pixel * weights)`, within 32 bits whatever the pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weights {
    pub(super) weights: Channels<i16>,
    pub(super) bias: i32,
    /// The same weights for processors that multiply bytes, where they lie near enough together,
    /// as those of 8-bit coefficients do.
    pub(super) bytes: Option<ByteWeights>,
}

/// Weights as `least + above`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteWeights {
    pub(super) least: i32,
    pub(super) above: Channels<u8>,
}

/// A detection's coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Coefficients {
    /// The logit is one sum.
    Single(Weights),
    /// The logit is `256 * high + low`.
    Split { high: Weights, low: Weights },
    /// Zero points are fractions, or out of all proportion: `sum((pixel - zero_point) * weights)`.
    Real {
        weights: Channels<f32>,
        zero_point: f32,
    },
}

/// How prototypes are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stored {
    /// What is subtracted from an element to make it a 16-bit number: `m` above.
    middle: i64,
    /// The largest magnitude that leaves.
    magnitude: i64,
}

impl Coefficients {
    /// The coefficients of a level's `cell`, for prototypes of these elements and zero point.
    pub(super) fn new(
        coefficients: TensorView<'_>,
        cell: usize,
        prototypes: TensorView<'_>,
    ) -> Self {
        match coefficients.elements {
            Elements::U8(q) => Self::of_channels(channels(q, cell), coefficients.quant, prototypes),
            Elements::U16(q) => {
                Self::of_channels(channels(q, cell), coefficients.quant, prototypes)
            }
        }
    }

    fn of_channels<Q: Copy + Into<i32> + Into<f32>>(
        q: Channels<Q>,
        quant: QuantInfo,
        prototypes: TensorView<'_>,
    ) -> Self {
        let stored = match prototypes.elements {
            Elements::U8(_) => Stored {
                middle: 0,
                magnitude: 255,
            },
            Elements::U16(_) => Stored {
                middle: 1 << 15,
                magnitude: 1 << 15,
            },
        };
        let whole = whole(quant.zero_point).zip(whole(prototypes.quant.zero_point));
        whole
            .and_then(|(c0, p0)| {
                let centred = q.map(|q| i64::from(Into::<i32>::into(q)) - c0);
                let bias = (stored.middle - p0) * centred.iter().sum::<i64>();
                Self::single(centred, bias, stored).or_else(|| Self::split(centred, bias, stored))
            })
            .unwrap_or_else(|| Self::Real {
                weights: q.map(|q| Into::<f32>::into(q) - quant.zero_point),
                zero_point: prototypes.quant.zero_point,
            })
    }

    fn single(weights: Channels<i64>, bias: i64, stored: Stored) -> Option<Self> {
        Weights::new(weights, bias, stored).map(Self::Single)
    }

    fn split(weights: Channels<i64>, bias: i64, stored: Stored) -> Option<Self> {
        // Rounded to nearest, so that the low part is a signed byte.
        let high = |x: i64| (x + 128) >> 8;
        let low = |x: i64| x - (high(x) << 8);
        Weights::new(weights.map(high), high(bias), stored)
            .zip(Weights::new(weights.map(low), low(bias), stored))
            .map(|(high, low)| Self::Split { high, low })
    }
}

impl Weights {
    /// `None` where the numbers, or a sum of any pixel's products, could leave their types.
    fn new(weights: Channels<i64>, bias: i64, stored: Stored) -> Option<Self> {
        let magnitude = weights.iter().map(|weight| weight.abs()).sum::<i64>() * stored.magnitude;
        let fits = magnitude + bias.abs() <= i64::from(i32::MAX)
            && weights
                .iter()
                .all(|weight| weight.abs() <= i64::from(i16::MAX));
        fits.then(|| {
            let weights = weights.map(|weight| weight as i16);
            Self {
                weights,
                bias: bias as i32,
                // Nothing is made of them elsewhere.
                bytes: if cfg!(target_arch = "aarch64") {
                    ByteWeights::new(&weights)
                } else {
                    None
                },
            }
        })
    }
}

impl ByteWeights {
    pub(super) fn new(weights: &Channels<i16>) -> Option<Self> {
        let (least, most) = weights
            .iter()
            .fold((i16::MAX, i16::MIN), |(least, most), &weight| {
                (least.min(weight), most.max(weight))
            });
        let least = i32::from(least);
        (i32::from(most) - least <= i32::from(u8::MAX)).then(|| Self {
            least,
            above: weights.map(|weight| (i32::from(weight) - least) as u8),
        })
    }
}

/// A zero point as a whole number, if it is one of a size that makes sense.
fn whole(zero_point: f32) -> Option<i64> {
    let limit = 2.0 * f32::from(u16::MAX);
    (zero_point.fract() == 0.0 && zero_point.abs() <= limit).then_some(zero_point as i64)
}

/// A cell's coefficients as they are stored.
fn channels<Q: Copy>(coefficients: &[Q], cell: usize) -> Channels<Q> {
    let (cells, _) = coefficients.as_chunks::<PROTOTYPE_CHANNELS>();
    cells[cell]
}
