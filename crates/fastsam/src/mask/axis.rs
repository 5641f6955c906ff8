//! One axis of the bilinear surface: where a mask's pixels lie between the knots.
//!
//! The reference upsamples logits by a factor f, cuts the content (the letterboxed frame) out at
//! whole samples and resizes that to the frame, with half-pixel centres both times. f is the
//! smallest of 1, 2 and 4 that puts the content's edges onto whole samples.
//!
//! Resizing an upsampled signal is piecewise linear again: between two samples of the same
//! interval of prototypes both steps draw the same line; only between the two samples around a
//! prototype's centre does the second step cut the corner. So f = 2 and 4 need two *knots* per
//! prototype, at `-+ 1/(2f)` around it, and f = 1 one, the prototype itself. Whatever f is, a
//! pixel's value is `value[knot] + (value[knot + 1] - value[knot]) * weight`.
//!
//! Invariants, on which the search for sign changes rests: knots ascend with the pixels;
//! `0 <= weight < 1`; within a cell (the pixels of one knot) weights ascend.

use frame::Letterbox;

use crate::MaskSize;

/// Input pixels per prototype.
const PROTOTYPE_STRIDE: u32 = tensors::PROTOTYPE_STRIDE as u32;

/// What an [`Axis`] is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sampling {
    /// Length of the input, in pixels; whole prototypes.
    pub(super) input: u32,
    /// Pixels of the mask.
    pub(super) pixels: u32,
    /// Where the content begins, in input pixels.
    pub(super) offset: u32,
    /// Length of the content, in input pixels.
    pub(super) content: u32,
    /// Samples per prototype that the reference upsamples to: 1, 2 or 4.
    pub(super) factor: u32,
}

impl Sampling {
    /// Along x and along y.
    pub(super) fn of(letterbox: &Letterbox, size: MaskSize) -> [Self; 2] {
        let inputs = [letterbox.input.width(), letterbox.input.height()];
        match size {
            MaskSize::Frame => {
                let edges = [
                    letterbox.left,
                    letterbox.top,
                    letterbox.resized.width,
                    letterbox.resized.height,
                ];
                let whole = |f: &u32| {
                    edges
                        .iter()
                        .all(|edge| (edge * f).is_multiple_of(PROTOTYPE_STRIDE))
                };
                let factor = [1, 2].into_iter().find(whole).unwrap_or(PROTOTYPE_STRIDE);
                let along = |input, pixels, offset, content| Self {
                    input,
                    pixels,
                    offset,
                    content,
                    factor,
                };
                [
                    along(
                        inputs[0],
                        letterbox.frame.width,
                        letterbox.left,
                        letterbox.resized.width,
                    ),
                    along(
                        inputs[1],
                        letterbox.frame.height,
                        letterbox.top,
                        letterbox.resized.height,
                    ),
                ]
            }
            MaskSize::Network => inputs.map(|input| Self {
                input,
                pixels: input,
                offset: 0,
                content: input,
                factor: 1,
            }),
        }
    }

    /// Knots of all the input's prototypes.
    const fn knots(self) -> usize {
        let prototypes = (self.input / PROTOTYPE_STRIDE) as usize;
        if self.factor == 1 {
            prototypes
        } else {
            2 * prototypes
        }
    }

    /// Samples before the content, and samples of the content.
    const fn samples(self) -> (u32, u32) {
        (
            self.offset * self.factor / PROTOTYPE_STRIDE,
            self.content * self.factor / PROTOTYPE_STRIDE,
        )
    }

    /// Where a knot lies, in samples.
    fn knot_position(self, knot: usize) -> f64 {
        match self.factor {
            // Knots are the second and third of four samples.
            4 => (4 * (knot / 2) + 1 + knot % 2) as f64,
            _ => knot as f64,
        }
    }

    /// The cell that a position, in whole samples and the rest, lies in, and how far.
    fn cell(self, sample: u32, rest: f32) -> (usize, f32) {
        if self.factor != 4 {
            return (sample as usize, rest);
        }
        // Before the first knot the signal is constant, the prototypes having no neighbour there.
        let Some(sample) = sample.checked_sub(1) else {
            return (0, 0.0);
        };
        let (prototype, within) = (sample as usize / 4, sample % 4);
        if within == 0 {
            (2 * prototype, rest)
        } else {
            (2 * prototype + 1, ((within - 1) as f32 + rest) / 3.0)
        }
    }
}

/// Pixels of one knot's interval, for the search of a sign change along the axis. Whole numbers as
/// what they are reckoned with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cell {
    /// The first pixel.
    pub(super) first: f32,
    /// The pixel after the last.
    pub(super) end: f32,
    /// Where the weight is 0, in pixels.
    pub(super) origin: f32,
    /// Pixels from weight 0 to weight 1.
    pub(super) length: f32,
    /// As near as this to a pixel, in pixels, a crossing's side is known from its position. Below 0,
    /// and nowhere known, where some of the pixels lie beyond the content's first or last sample, and
    /// have its weight instead of that of their position.
    pub(super) certain: f32,
}

/// Where the pixels along one axis lie between knots.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    sampling: Option<Sampling>,
    /// For each pixel, its cell: the knot before it.
    knots: Vec<u16>,
    /// For each pixel, how far it lies towards the next knot.
    weights: Vec<f32>,
    cells: Vec<Cell>,
}

impl Axis {
    pub(super) const fn new() -> Self {
        Self {
            sampling: None,
            knots: Vec::new(),
            weights: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// Computes the tables anew, if they are for something else.
    pub(super) fn fit(&mut self, sampling: Sampling) {
        if self.sampling == Some(sampling) {
            return;
        }
        self.sampling = Some(sampling);
        let (before, samples) = sampling.samples();
        // In single precision and in this order, as the reference does: the rest decides on which
        // side of a zero a pixel lies.
        let scale = samples as f32 / sampling.pixels as f32;
        let position = |pixel: usize| (pixel as f32 + 0.5) * scale - 0.5;
        self.knots.clear();
        self.weights.clear();
        for pixel in 0..sampling.pixels {
            let position = position(pixel as usize).max(0.0);
            let sample = position as u32;
            let (sample, rest) = if sample + 1 < samples {
                (sample, position - sample as f32)
            } else {
                (samples - 1, 0.0)
            };
            let (knot, weight) = sampling.cell(before + sample, rest);
            self.knots.push(knot as u16);
            self.weights.push(weight);
        }
        let clamped = |pixel| position(pixel) < 0.0 || position(pixel) > (samples - 1) as f32;
        self.fit_cells(sampling, before, f64::from(scale), clamped);
    }

    fn fit_cells(
        &mut self,
        sampling: Sampling,
        before: u32,
        scale: f64,
        clamped: impl Fn(usize) -> bool,
    ) {
        self.cells.clear();
        // Pixels' positions are rounded to a 2^-24th of at most as many samples as the input has pixels,
        // crossings' twice to one of the pixels. The rest is for quotients.
        let in_samples = f64::from(sampling.input) / scale;
        let rounding = f64::from(f32::EPSILON) * (in_samples + 2.0 * f64::from(sampling.pixels));
        let certain = 0.5 - rounding.max(1e-3) as f32;
        let mut first = 0;
        for knot in 0..sampling.knots() {
            let after = self.knots[first..]
                .iter()
                .take_while(|&&k| usize::from(k) == knot)
                .count();
            let position = sampling.knot_position(knot);
            let pixel = (position - f64::from(before) + 0.5) / scale - 0.5;
            let is_clamped = (first..first + after).any(&clamped);
            self.cells.push(Cell {
                first: first as f32,
                end: (first + after) as f32,
                origin: pixel as f32,
                length: ((sampling.knot_position(knot + 1) - position) / scale) as f32,
                certain: if is_clamped { -1.0 } else { certain },
            });
            first += after;
        }
    }

    /// Pixels along the axis.
    pub(super) fn pixels(&self) -> u32 {
        self.knots.len() as u32
    }

    /// The cell of a pixel.
    pub(super) fn knot(&self, pixel: u32) -> usize {
        usize::from(self.knots[pixel as usize])
    }

    /// How far a pixel and those behind it lie between their knot and the next; 0 beyond the
    /// last pixel.
    #[inline]
    pub(super) fn weights_from<const N: usize>(&self, pixel: u32) -> [f32; N] {
        let weights = &self.weights[pixel as usize..];
        let padded = || std::array::from_fn(|i| weights.get(i).copied().unwrap_or(0.0));
        weights.first_chunk().copied().unwrap_or_else(padded)
    }

    /// How far a pixel lies between its knot and the next.
    pub(super) fn weight(&self, pixel: u32) -> f32 {
        self.weights[pixel as usize]
    }

    /// A cell's pixels.
    pub(super) fn cell(&self, knot: usize) -> &Cell {
        &self.cells[knot]
    }
}
