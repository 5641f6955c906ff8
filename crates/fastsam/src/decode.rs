//! From scores and box logits to detections at the network's input size.
//!
//! Scores are compared in the quantized domain, and boxes are decoded only for the anchors that
//! pass. A box side is the expectation of a distribution over 16 bins ("Generalized Focal Loss",
//! Li et al. 2020: the distribution focal loss, DFL, of YOLOv8's head): `d = sum(bin *
//! softmax(logits))`, in cells of its level. Because the softmax only sees differences to the
//! largest logit, and those are whole numbers of quantization steps, `exp` is a table look-up.
//!
//! Anchors count the cells of the levels of stride 8, 16 and 32, row-major, from 0: to 8399 in an input
//! of 640 x 640, to 33 599 in the largest.
//! Detections leave in descending score; equal scores, common at 8 bits, in ascending anchor.
//!
//! Where a network tells several classes apart, an anchor is of its best one, the first of equals, and
//! no other, as in the reference.

use fearless_simd::{dispatch, f32x4, prelude::*, u8x16, u16x16};
use frame::{InputRect, InputSize};
use tensors::{
    BOX_CHANNELS, Elements, Grid, LEVELS, Layout, Level, QuantInfo, Role, TensorView, Tensors,
};

use crate::{ClassSet, ahead::ask_for, processor};

/// Bins of the distribution of each side: left, top, right, bottom.
const BINS: usize = BOX_CHANNELS / 4;
/// Scores looked at together: a block without a passing one costs one vector maximum.
const SCAN_BLOCK: usize = 64;

/// One cell of one level, counted over all levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Anchor(u16);

impl Anchor {
    /// Cells of all levels together, in an input of this size.
    pub const fn count(input: InputSize) -> usize {
        first_anchor(Level::Stride32, input) + Level::Stride32.grid(input).cells()
    }

    /// The anchor of a cell, counted row-major, in an input of this size; `None` where the level has
    /// fewer cells.
    pub fn of_cell(level: Level, cell: usize, input: InputSize) -> Option<Self> {
        let cells = level.grid(input).cells();
        (cell < cells).then(|| Self((first_anchor(level, input) + cell) as u16))
    }

    /// Its number, below [`Anchor::count`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The level it lies in and its cell there, row-major, in an input of this size. Of a
    /// larger input's it may be a cell that the level lacks.
    pub fn cell(self, input: InputSize) -> (Level, usize) {
        let [_, second, third] = Level::ALL;
        let (of_second, of_third) = (first_anchor(second, input), first_anchor(third, input));
        if self.index() >= of_third {
            (third, self.index() - of_third)
        } else if self.index() >= of_second {
            (second, self.index() - of_second)
        } else {
            (Level::Stride8, self.index())
        }
    }
}

/// The number of a level's first anchor.
const fn first_anchor(level: Level, input: InputSize) -> usize {
    let finest = Level::Stride8.grid(input).cells();
    match level {
        Level::Stride8 => 0,
        Level::Stride16 => finest,
        Level::Stride32 => finest + Level::Stride16.grid(input).cells(),
    }
}

/// A box that the network is confident of. Its mask coefficients stay in the tensors, at `anchor`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// The box, in pixels of the network's input; not clipped to it.
    pub bbox: InputRect,
    /// Confidence.
    pub score: f32,
    /// Where the network found it.
    pub anchor: Anchor,
    /// The class it is of, from 0; FastSAM has no other.
    pub class: u16,
}

/// Decodes detections, reusing its tables and buffers.
#[derive(Clone, Debug)]
pub struct Decoder {
    input: InputSize,
    classes: usize,
    exponentials: [Exponentials; LEVELS],
    /// One key for each passing anchor; ascending keys are detections in their order.
    keys: Vec<u64>,
}

impl Decoder {
    /// A decoder with tables for these outputs.
    pub fn new(layout: &Layout) -> Self {
        Self {
            input: layout.input(),
            classes: layout.classes().count(),
            exponentials: Level::ALL
                .map(|level| Exponentials::new(layout.info(Role::Boxes(level)).quant)),
            keys: Vec::with_capacity(Anchor::count(layout.input())),
        }
    }

    /// Replaces `detections` by the anchors whose score is above `confidence` and whose class is
    /// `wanted`, best first. Tensors for an input of another size than the layout's, or of other
    /// classes, have none.
    pub fn decode(
        &mut self,
        tensors: &Tensors,
        confidence: f32,
        wanted: &ClassSet,
        detections: &mut Vec<Detection>,
    ) {
        dispatch!(
            processor::level(),
            simd => self.decode_with(simd, tensors, confidence, wanted, detections)
        );
    }

    #[inline(always)]
    fn decode_with<S: Simd>(
        &mut self,
        simd: S,
        tensors: &Tensors,
        confidence: f32,
        wanted: &ClassSet,
        detections: &mut Vec<Detection>,
    ) {
        detections.clear();
        let input = self.input;
        let is_its_networks = tensors.input() == input && tensors.classes() == self.classes;
        if !is_its_networks || (self.classes == 1 && !wanted.contains(0)) {
            return;
        }
        self.keys.clear();
        for level in Level::ALL {
            let scores = tensors.view(Role::Scores(level));
            match scores.elements {
                Elements::U8(q) => self.scan(level, q, scores.quant, confidence, wanted),
                Elements::U16(q) => self.scan(level, q, scores.quant, confidence, wanted),
            }
        }
        self.keys.sort_unstable();

        let boxes = Level::ALL.map(|level| tensors.view(Role::Boxes(level)));
        for (exponentials, view) in self.exponentials.iter_mut().zip(&boxes) {
            exponentials.refit(view.quant);
        }
        ask_for::<BOX_CHANNELS>(self.keys.iter().map(|&key| {
            let (level, cell) = from_key(key).1.cell(input);
            (boxes[level as usize], cell)
        }));
        for &key in &self.keys {
            let (score, anchor, class) = from_key(key);
            let (level, cell) = anchor.cell(input);
            let exponentials = &self.exponentials[level as usize];
            let distances = exponentials.distances(simd, boxes[level as usize], cell);
            detections.push(Detection {
                bbox: bbox(level, level.grid(input), cell, distances),
                score,
                anchor,
                class,
            });
        }
    }

    /// Notes the keys of a level's passing anchors.
    #[inline(always)]
    fn scan<Q: Quantized>(
        &mut self,
        level: Level,
        scores: &[Q],
        quant: QuantInfo,
        confidence: f32,
        wanted: &ClassSet,
    ) {
        let Some(threshold) = smallest_passing::<Q>(quant, confidence) else {
            return;
        };
        if self.classes > 1 {
            self.scan_classes(level, scores, quant, threshold, wanted);
            return;
        }
        let input = self.input;
        for (block, scores) in scores.chunks(SCAN_BLOCK).enumerate() {
            let mut largest = Q::default();
            for &q in scores {
                largest = largest.max(q);
            }
            if largest < threshold {
                continue;
            }
            for (i, &q) in scores.iter().enumerate() {
                if q >= threshold
                    && let Some(anchor) = Anchor::of_cell(level, block * SCAN_BLOCK + i, input)
                {
                    self.keys.push(to_key(dequantize(q, quant), anchor, 0));
                }
            }
        }
    }

    /// The same where each cell has the scores of several classes.
    #[inline(always)]
    fn scan_classes<Q: Quantized>(
        &mut self,
        level: Level,
        scores: &[Q],
        quant: QuantInfo,
        threshold: Q,
        wanted: &ClassSet,
    ) {
        for (cell, scores) in scores.chunks_exact(self.classes).enumerate() {
            let mut largest = Q::default();
            for &q in scores {
                largest = largest.max(q);
            }
            if largest < threshold {
                continue;
            }
            if let Some(class) = scores.iter().position(|&q| q == largest)
                && wanted.contains(class)
                && let Some(anchor) = Anchor::of_cell(level, cell, self.input)
            {
                // At most `MAX_CLASSES`.
                let key = to_key(dequantize(largest, quant), anchor, class as u16);
                self.keys.push(key);
            }
        }
    }
}

/// An element as the accelerator stores it.
trait Quantized: Copy + Ord + Default + Into<u32> + TryFrom<u32> {
    /// The largest one.
    const MAX: u32;
}

impl Quantized for u8 {
    const MAX: u32 = u8::MAX as u32;
}

impl Quantized for u16 {
    const MAX: u32 = u16::MAX as u32;
}

/// The real number behind an element, in the reference's precision.
fn dequantize(q: impl Into<u32>, quant: QuantInfo) -> f32 {
    (q.into() as f32 - quant.zero_point) * quant.scale
}

/// The smallest element whose real number is above `confidence`, `None` where none is. Found by
/// evaluating, because `confidence / scale + zero_point` rounds differently at the threshold.
fn smallest_passing<Q: Quantized>(quant: QuantInfo, confidence: f32) -> Option<Q> {
    let passes = |q: u32| dequantize(q, quant) > confidence;
    let (mut low, mut high) = (0, Q::MAX + 1);
    while low < high {
        let middle = low.midpoint(high);
        if passes(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Q::try_from(low).ok()
}

/// A number that grows as the score falls, then as the anchor grows; it holds the class, too.
fn to_key(score: f32, anchor: Anchor, class: u16) -> u64 {
    // IEEE 754 numbers sort like integers once negative ones are turned round. Adding zero makes
    // -0 and 0 the same score.
    let bits = (score + 0.0).to_bits();
    let ascending = if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    };
    u64::from(!ascending) << 32 | u64::from(anchor.0) << 16 | u64::from(class)
}

/// What [`to_key`] was given.
fn from_key(key: u64) -> (f32, Anchor, u16) {
    let ascending = !((key >> 32) as u32);
    let bits = if ascending >> 31 == 1 {
        ascending & !(1 << 31)
    } else {
        !ascending
    };
    let (anchor, class) = ((key >> 16) as u16, key as u16);
    (f32::from_bits(bits), Anchor(anchor), class)
}

/// The box whose sides lie at these distances from the middle of a cell, both in cells.
fn bbox(level: Level, grid: Grid, cell: usize, distances: Sides<f32>) -> InputRect {
    let [left, top, right, bottom] = distances;
    let stride = level.stride() as f32;
    // At most 160 columns: 32 bits divide faster than 64.
    let (cell, columns) = (cell as u32, grid.columns as u32);
    let x = (cell % columns) as f32 + 0.5;
    let y = (cell / columns) as f32 + 0.5;
    InputRect {
        x1: (x - left) * stride,
        y1: (y - top) * stride,
        x2: (x + right) * stride,
        y2: (y + bottom) * stride,
    }
}

/// `exp` of every difference that two quantized logits of a tensor can have.
#[derive(Clone, Debug)]
struct Exponentials {
    scale: f32,
    /// `exp((i - 255) * scale)` at `i` up to 255: all there is to know of 8-bit logits. The window of
    /// 256 that ends with a logit's place at 1 gives the weights of those up to it; behind it stands
    /// what makes every window whole.
    fine: [f32; 2 * 256 - 1],
    /// `exp(-256 * i * scale)`: 16-bit differences are looked up in two halves, whose product is
    /// as exact as `f32` can hold, from 3 KiB instead of 256.
    coarse: [f32; 256],
}

impl Exponentials {
    fn new(quant: QuantInfo) -> Self {
        let power = |steps: f64| (steps * f64::from(quant.scale)).exp() as f32;
        Self {
            scale: quant.scale,
            fine: std::array::from_fn(|i| {
                if i < 256 {
                    power(i as f64 - 255.0)
                } else {
                    0.0
                }
            }),
            coarse: std::array::from_fn(|i| power(-256.0 * i as f64)),
        }
    }

    /// Makes new tables where the scale is another than before.
    fn refit(&mut self, quant: QuantInfo) {
        if self.scale != quant.scale {
            *self = Self::new(quant);
        }
    }

    /// How far a cell's box reaches to the left, top, right and bottom, in cells.
    #[inline(always)]
    fn distances<S: Simd>(&self, simd: S, logits: TensorView<'_>, cell: usize) -> Sides<f32> {
        match logits.elements {
            Elements::U8(q) => {
                let logits = sides(q, cell);
                let weights = logits.map(
                    #[inline(always)]
                    |side| {
                        let largest = u8x16::load_array_ref(simd, side).reduce_max();
                        &self.fine[usize::from(u8::MAX - largest)..][..256]
                    },
                );
                expectations(
                    simd,
                    #[inline(always)]
                    |side, bin| weights[side][usize::from(logits[side][bin])],
                )
            }
            Elements::U16(q) => {
                let logits = sides(q, cell);
                let largest = logits.map(
                    #[inline(always)]
                    |side| u16x16::load_array_ref(simd, side).reduce_max(),
                );
                expectations(
                    simd,
                    #[inline(always)]
                    |side, bin| {
                        let below = largest[side] - logits[side][bin];
                        self.coarse[usize::from(below >> 8)]
                            * self.fine[255 - usize::from(below & 0xff)]
                    },
                )
            }
        }
    }
}

/// Something for the left, the top, the right and the bottom.
type Sides<T> = [T; 4];

/// A cell's logits, by side.
fn sides<Q>(logits: &[Q], cell: usize) -> Sides<&[Q; BINS]> {
    let (sides, _) = logits[cell * BOX_CHANNELS..][..BOX_CHANNELS].as_chunks::<BINS>();
    std::array::from_fn(|side| &sides[side])
}

/// The expectations of the bins' numbers, `weight` giving that of a side's bin. The largest is 1.
#[inline(always)]
fn expectations<S: Simd>(simd: S, weight: impl Fn(usize, usize) -> f32) -> Sides<f32> {
    // All sides together; and four sums next to each other, as one after the other each addition
    // would wait for the one before.
    let (mut totals, mut moments) = ([f32x4::splat(simd, 0.0); 4], [f32x4::splat(simd, 0.0); 4]);
    for step in 0..BINS / 4 {
        for lane in 0..4 {
            let bin = 4 * step + lane;
            let weights = f32x4::load_array(
                simd,
                [0, 1, 2, 3].map(
                    #[inline(always)]
                    |side| weight(side, bin),
                ),
            );
            totals[lane] += weights;
            moments[lane] += weights * bin as f32;
        }
    }
    let [total, moment] = [totals, moments].map(
        #[inline(always)]
        |[a, b, c, d]| (a + b) + (c + d),
    );
    (moment / total).to_array()
}

#[cfg(test)]
mod tests;
