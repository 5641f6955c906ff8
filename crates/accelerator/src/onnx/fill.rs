//! From an engine's floats to quantized tensors: 16 bits, with a scale for each tensor and frame.
//!
//! So everything that comes after an accelerator stays as it is for a chip. What that costs was
//! measured: no detection, and 3 of 200,000 pixels of masks. Boxes that a network has decoded
//! already become distributions again: the weight of a side lies on the two bins around its
//! distance, so that their expectation is the distance ("Generalized Focal Loss", Li et al. 2020).
//! 16 bits are too coarse for that, a ten-thousandth of a cell, which is a pixel's twentieth where a
//! small input is shown on a large frame; so a third bin, far away, has just the weight that is missing.
//! Of an anchor's coefficients only the directions count: its mask is where their sum with the
//! prototypes is positive, and a positive factor changes no sign. So each anchor's are scaled until
//! the largest is 1, and all have 16 bits of their own. Of a cell's classes only the best counts;
//! those that would be its equals in 16 bits are put one step below it.
//!
//! Invariants: tensors are of 16 bits; every element is written with every frame.

use frame::InputSize;
use tensors::{Grid, Level, PROTOTYPE_CHANNELS, QuantInfo, Role, Tensors};

use super::kind::{BOX_NUMBERS, anchors};

/// Bins of a side's distribution.
const BINS: usize = 16;
/// The logit of a bin without weight, and the least one.
const FLOOR: f32 = -20.0;
/// The largest quantized element.
const MOST: f32 = u16::MAX as f32;

/// Logits from the floor to 0.
const LOGITS: QuantInfo = QuantInfo {
    scale: -FLOOR / MOST,
    zero_point: MOST,
};

/// The sigmoid's 0 to 1.
pub(super) const SCORES: QuantInfo = QuantInfo {
    scale: 1.0 / MOST,
    zero_point: 0.0,
};

/// Coefficients from -1 to 1, those of an anchor whose largest is 1.
const COEFFICIENTS: QuantInfo = QuantInfo {
    scale: 1.0 / 32_767.0,
    zero_point: 32_768.0,
};

/// Scale and zero point for numbers of this range; the zero point is whole, as a chip's is.
fn range(numbers: impl Iterator<Item = f32>) -> QuantInfo {
    let (mut low, mut high) = (0.0_f32, 0.0_f32);
    for number in numbers {
        // Comparisons with what is no number leave these as they are.
        low = if number < low { number } else { low };
        high = if number > high { number } else { high };
    }
    let scale = (high - low) / MOST;
    if !(scale.is_finite() && scale > f32::MIN_POSITIVE) {
        return QuantInfo {
            scale: 1.0,
            zero_point: 0.0,
        };
    }
    QuantInfo {
        scale,
        zero_point: (-low / scale).round(),
    }
}

fn quantize(number: f32, quant: QuantInfo) -> u16 {
    // What is no number becomes 0.
    (number / quant.scale + quant.zero_point)
        .round_ties_even()
        .clamp(0.0, MOST) as u16
}

/// Fills the elements of a role with those of a tensor whose channels come last.
fn fill(tensors: &mut Tensors, role: Role, quant: QuantInfo, numbers: impl Iterator<Item = f32>) {
    tensors.set_quant(role, quant);
    if let Some(elements) = tensors.u16_mut(role) {
        for (element, number) in elements.iter_mut().zip(numbers) {
            *element = quantize(number, quant);
        }
    }
}

/// A head as it is, with channels first or last. Scores are taken as logits where they are.
pub(super) fn head(
    tensors: &mut Tensors,
    role: Role,
    numbers: &[f32],
    channels_last: bool,
    are_logits: bool,
) {
    let [rows, columns, channels] = role.shape(tensors.input(), tensors.classes());
    let cells = rows * columns;
    let number = |i: usize| {
        if channels_last {
            numbers[i]
        } else {
            numbers[i % channels * cells + i / channels]
        }
    };
    let all = (0..cells * channels).map(number);
    match role {
        Role::Scores(_) if are_logits => scores(tensors, role, all.map(sigmoid)),
        Role::Scores(_) => scores(tensors, role, all),
        Role::Boxes(_) => boxes(tensors, role, all),
        Role::Coefficients(_) => coefficients(tensors, role, all),
        Role::Prototypes => fill(tensors, role, range(numbers.iter().copied()), all),
    }
}

/// Scores, cell by cell, each cell's best class above its others.
fn scores(tensors: &mut Tensors, role: Role, mut numbers: impl Iterator<Item = f32>) {
    let classes = tensors.classes();
    tensors.set_quant(role, SCORES);
    let Some(elements) = tensors.u16_mut(role) else {
        return;
    };
    for elements in elements.chunks_exact_mut(classes) {
        let (mut best, mut place) = (f32::NEG_INFINITY, 0);
        for (class, element) in elements.iter_mut().enumerate() {
            let score = numbers.next().unwrap_or_default();
            *element = quantize(score, SCORES);
            if score > best {
                (best, place) = (score, class);
            }
        }
        let highest = elements[place];
        for (class, element) in elements.iter_mut().enumerate() {
            if class != place {
                *element = (*element).min(highest.saturating_sub(1));
            }
        }
    }
}

/// Distributions, replaced by some of the same expectations: 16 bits for logits of a wide range would be too
/// coarse for those.
fn boxes(tensors: &mut Tensors, role: Role, mut logits: impl Iterator<Item = f32>) {
    tensors.set_quant(role, LOGITS);
    let Some(elements) = tensors.u16_mut(role) else {
        return;
    };
    elements.fill(quantize(FLOOR, LOGITS));
    let mut side = [0.0; BINS];
    for bins in elements.chunks_exact_mut(BINS) {
        side.fill_with(|| logits.next().unwrap_or_default());
        distribute(bins, expectation(&side));
    }
}

/// Coefficients, anchor by anchor, each anchor's scaled to what the 16 bits hold.
fn coefficients(tensors: &mut Tensors, role: Role, mut numbers: impl Iterator<Item = f32>) {
    tensors.set_quant(role, COEFFICIENTS);
    let Some(elements) = tensors.u16_mut(role) else {
        return;
    };
    let mut own = [0.0_f32; PROTOTYPE_CHANNELS];
    for elements in elements.chunks_exact_mut(PROTOTYPE_CHANNELS) {
        own.fill_with(|| numbers.next().unwrap_or_default());
        // Comparisons with what is no number leave the largest as it is.
        let largest = own
            .iter()
            .fold(0.0_f32, |largest, number| largest.max(number.abs()));
        // Without a largest there is nothing to scale by: all are 0, or one is endless.
        let share = if largest.is_normal() { largest } else { 1.0 };
        for (element, number) in elements.iter_mut().zip(own) {
            *element = quantize(number / share, COEFFICIENTS);
        }
    }
}

/// The expectation of the bins' numbers.
fn expectation(logits: &[f32; BINS]) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut total, mut moment) = (0.0, 0.0);
    for (bin, logit) in logits.iter().enumerate() {
        let weight = (logit - largest).exp();
        total += weight;
        moment += weight * bin as f32;
    }
    moment / total
}

/// Whether scores are before their sigmoid.
pub(super) fn are_logits(scores: &[f32]) -> bool {
    scores.iter().any(|score| !(0.0..=1.0).contains(score))
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

/// The scores of all anchors and classes, in `1 x (4 + classes + 32) x anchors`.
pub(super) fn scores_of(numbers: &[f32], input: InputSize, classes: usize) -> &[f32] {
    let count = anchors(input);
    &numbers[BOX_NUMBERS * count..(BOX_NUMBERS + classes) * count]
}

/// Boxes, scores and coefficients of all anchors: rows of `1 x (4 + classes + 32) x anchors`.
pub(super) fn predictions(tensors: &mut Tensors, numbers: &[f32]) {
    let (input, classes) = (tensors.input(), tensors.classes());
    let count = anchors(input);
    let row = |channel: usize| &numbers[channel * count..(channel + 1) * count];
    let of_classes = scores_of(numbers, input, classes);
    let of_masks = &numbers[(BOX_NUMBERS + classes) * count..];
    let mut first = 0;
    for level in Level::ALL {
        let Grid { columns, rows } = level.grid(input);
        let cells = first..first + rows * columns;
        first = cells.end;
        let of_cells = cells
            .clone()
            .flat_map(|anchor| (0..classes).map(move |class| of_classes[class * count + anchor]));
        scores(tensors, Role::Scores(level), of_cells);
        let of_cells = cells.clone().flat_map(|anchor| {
            (0..PROTOTYPE_CHANNELS).map(move |channel| of_masks[channel * count + anchor])
        });
        coefficients(tensors, Role::Coefficients(level), of_cells);
        tensors.set_quant(Role::Boxes(level), LOGITS);
        let Some(elements) = tensors.u16_mut(Role::Boxes(level)) else {
            continue;
        };
        elements.fill(quantize(FLOOR, LOGITS));
        let stride = level.stride() as f32;
        for (cell, (anchor, sides)) in cells.zip(elements.chunks_exact_mut(4 * BINS)).enumerate() {
            let [x, y, width, height] = [0, 1, 2, 3].map(|number| row(number)[anchor] / stride);
            let (column, line) = ((cell % columns) as f32 + 0.5, (cell / columns) as f32 + 0.5);
            let distances = [
                column - (x - width / 2.0),
                line - (y - height / 2.0),
                x + width / 2.0 - column,
                y + height / 2.0 - line,
            ];
            for (bins, distance) in sides.chunks_exact_mut(BINS).zip(distances) {
                distribute(bins, distance);
            }
        }
    }
}

/// Makes a distance in cells the expectation of a side's bins.
fn distribute(bins: &mut [u16], distance: f32) {
    let last = (BINS - 1) as f32;
    // What is no number is taken for 0.
    let distance = distance.max(0.0).min(last);
    let lower = (distance as usize).min(BINS - 2);
    let upper = lower + 1;
    // The pull of each bin on the expectation, by which the other's weight is the greater.
    let (above, below) = (distance - lower as f32, upper as f32 - distance);
    // The third bin lies on the far side. The neighbour on its own side gets rather too little weight, and
    // the other one 1.
    let (far, own, other, pull_of_own, pull_of_other) = if distance < last / 2.0 {
        (BINS - 1, upper, lower, below, above)
    } else {
        (0, lower, upper, above, below)
    };
    let (own_logit, other_logit) = match pull_of_other / pull_of_own {
        ratio if ratio <= 1.0 => (ratio.ln().max(FLOOR), 0.0),
        ratio => (0.0, (-ratio.ln()).max(FLOOR)),
    };
    // Rounded so that what is missing is missing on the far side.
    bins[own] = (own_logit / LOGITS.scale + LOGITS.zero_point).floor() as u16;
    bins[other] = (other_logit / LOGITS.scale + LOGITS.zero_point).ceil() as u16;
    let missing = weight(bins[other]) * pull_of_other - weight(bins[own]) * pull_of_own;
    let far_weight = missing / (far as f32 - distance).abs();
    bins[far] = quantize(far_weight.ln().max(FLOOR), LOGITS);
}

/// The weight that a bin's logit stands for.
fn weight(logit: u16) -> f32 {
    ((f32::from(logit) - LOGITS.zero_point) * LOGITS.scale).exp()
}

#[cfg(test)]
mod tests {
    use tensors::{Classes, ElementType, Layout};

    use super::*;

    #[test]
    fn a_distance_is_the_expectation_of_its_bins() {
        for step in 0..=45_000 {
            let distance = step as f32 / 3000.0;
            let mut bins = [quantize(FLOOR, LOGITS); BINS];
            distribute(&mut bins, distance);
            let weights = bins.map(|q| f64::from(weight(q)));
            let sum: f64 = weights.iter().sum();
            let mean = (0..BINS).map(|bin| bin as f64 * weights[bin]).sum::<f64>() / sum;
            let mean = mean as f32;
            assert!((mean - distance).abs() < 3e-6, "{distance}: {mean}");
        }
        let mut bins = [7; BINS];
        distribute(&mut bins, f32::NAN);
        assert!(bins[0] > bins[1]);
    }

    #[test]
    fn distributions_keep_their_expectation() {
        let side = |peak: f32, width: f32| {
            std::array::from_fn(|bin| -30.0 - (bin as f32 - peak).powi(2) / width)
        };
        for (peak, width) in [
            (3.3, 0.5),
            (0.0, 4.0),
            (9.7, 30.0),
            (15.0, 2.0),
            (20.0, 1.0),
        ] {
            let logits: [f32; BINS] = side(peak, width);
            let mut bins = [quantize(FLOOR, LOGITS); BINS];
            distribute(&mut bins, expectation(&logits));
            let weights = logits.map(|logit| f64::from(logit + 30.0).exp());
            let numbers = weights.iter().enumerate();
            let exact = numbers
                .map(|(bin, weight)| bin as f64 * weight)
                .sum::<f64>()
                / weights.iter().sum::<f64>();
            let own = bins.map(|q| f64::from(weight(q)));
            let mean = own
                .iter()
                .enumerate()
                .map(|(bin, weight)| bin as f64 * weight)
                .sum::<f64>()
                / own.iter().sum::<f64>();
            assert!(
                (mean - exact).abs() < 5e-6,
                "{peak} {width}: {mean} {exact}"
            );
        }
        // No numbers at all are something, too.
        assert!((0.0..=15.0).contains(&expectation(&[0.0; BINS])));
        distribute(&mut [0; BINS], expectation(&[f32::NAN; BINS]));
    }

    #[test]
    fn the_best_class_has_no_equal_in_16_bits() {
        let input = InputSize::new(32, 32).unwrap();
        let layout = Layout::of_roles(input, Classes::numbered(3), |role| {
            (format!("{role:?}"), ElementType::U16, SCORES)
        });
        let mut tensors = Tensors::for_layout(&layout);
        let role = Role::Scores(Level::Stride32);
        for (numbers, expected) in [
            ([0.5, 0.500_001, 0.1], [32767, 32768, 6554]),
            ([0.9, 0.9, 0.9], [58982, 58981, 58981]),
            ([0.0, 0.0, 0.0], [0, 0, 0]),
            ([f32::NAN, 0.25, 0.5], [0, 16384, 32768]),
        ] {
            scores(&mut tensors, role, numbers.into_iter());
            assert_eq!(tensors.u16_mut(role).unwrap(), expected, "{numbers:?}");
        }
    }

    #[test]
    fn the_coefficients_of_small_anchors_are_as_exact_as_those_of_large_ones() {
        let input = InputSize::new(32, 32).unwrap();
        let layout = Layout::of_roles(input, Classes::one(), |role| {
            (format!("{role:?}"), ElementType::U16, SCORES)
        });
        let mut tensors = Tensors::for_layout(&layout);
        let role = Role::Coefficients(Level::Stride32);
        let own = |i: usize| ((i * 7) % 32) as f32 / 31.0 - 0.5;
        for size in [1e-3, 1.0, 400.0, 0.0, f32::INFINITY, f32::NAN] {
            coefficients(
                &mut tensors,
                role,
                (0..PROTOTYPE_CHANNELS).map(|i| own(i) * size),
            );
            let largest = 0.5 * size;
            for (i, &element) in tensors.u16_mut(role).unwrap().iter().enumerate() {
                let back = (f32::from(element) - COEFFICIENTS.zero_point) * COEFFICIENTS.scale;
                if largest.is_normal() {
                    assert!((back * largest - own(i) * size).abs() <= largest / 65_000.0);
                } else if size == 0.0 {
                    assert!(back == 0.0);
                }
            }
        }
    }

    #[test]
    fn ranges_hold_their_numbers_and_zero() {
        for numbers in [
            &[-3.0, 5.0][..],
            &[2.0, 4.0],
            &[-1.0],
            &[0.0, 0.0],
            &[f32::NAN, 1.0],
        ] {
            let quant = range(numbers.iter().copied());
            for number in numbers.iter().filter(|number| !number.is_nan()) {
                let q = f32::from(quantize(*number, quant));
                let back = (q - quant.zero_point) * quant.scale;
                assert!((back - number).abs() <= quant.scale, "{numbers:?}: {back}");
            }
            assert_eq!(f32::from(quantize(0.0, quant)), quant.zero_point);
        }
        let endless = range([f32::INFINITY].into_iter());
        assert!(endless.scale.is_finite());
    }
}
