use proptest::prelude::*;
use tensors::{ElementType, TensorInfo};

use super::*;
use crate::processor::on_each;

const INPUT: InputSize = InputSize::DEFAULT;

const fn quant(scale: f32, zero_point: f32) -> QuantInfo {
    QuantInfo { scale, zero_point }
}

/// A network's outputs, all of one type; scores are multiples of 1/255 or 1/65535.
fn layout(element_type: ElementType) -> Layout {
    layout_for(INPUT, element_type)
}

fn layout_for(input: InputSize, element_type: ElementType) -> Layout {
    layout_of(input, element_type, 1)
}

fn layout_of(input: InputSize, element_type: ElementType, classes: usize) -> Layout {
    let steps = match element_type {
        ElementType::U8 => 255.0,
        ElementType::U16 => 65535.0,
    };
    let infos = Role::ALL.map(|role| TensorInfo {
        name: role.to_string(),
        shape: role.shape(input, classes),
        element_type,
        quant: match role {
            Role::Scores(_) => quant(1.0 / steps, 0.0),
            _ => quant(10.0 / steps, 100.0),
        },
    });
    Layout::bind(&infos, input).unwrap()
}

#[test]
fn anchors_count_the_levels_cells() {
    let cases = [
        (Level::Stride8, 0, 0),
        (Level::Stride8, 6399, 6399),
        (Level::Stride16, 0, 6400),
        (Level::Stride16, 1599, 7999),
        (Level::Stride32, 0, 8000),
        (Level::Stride32, 399, 8399),
    ];
    for (level, cell, index) in cases {
        let anchor = Anchor::of_cell(level, cell, INPUT).unwrap();
        assert_eq!(anchor.index(), index);
        assert_eq!(anchor.cell(INPUT), (level, cell));
    }
    assert_eq!(Anchor::of_cell(Level::Stride32, 400, INPUT), None);
    assert_eq!(Anchor::count(INPUT), 8400);
}

#[test]
fn anchors_of_every_input_are_counted_in_16_bits() {
    for (width, height, count) in [
        (32, 32, 21),
        (320, 320, 2100),
        (640, 384, 5040),
        (384, 640, 5040),
        (1024, 1024, 21_504),
        (1280, 1280, 33_600),
    ] {
        let input = InputSize::new(width, height).unwrap();
        assert_eq!(Anchor::count(input), count, "{input}");
        let mut index = 0;
        for level in Level::ALL {
            for cell in 0..level.grid(input).cells() {
                let anchor = Anchor::of_cell(level, cell, input).unwrap();
                assert_eq!((anchor.index(), anchor.cell(input)), (index, (level, cell)));
                index += 1;
            }
        }
        assert_eq!(index, count);
    }
}

#[test]
fn tensors_for_another_input_have_no_detections() {
    let small = layout_for(InputSize::new(320, 320).unwrap(), ElementType::U8);
    let mut detections = Vec::new();
    let mut decoder = Decoder::new(&small);
    decoder.decode(
        &Tensors::for_layout(&small),
        -1.0,
        &ClassSet::ALL,
        &mut detections,
    );
    assert_eq!(detections.len(), 2100);
    let large = Tensors::for_layout(&layout(ElementType::U8));
    decoder.decode(&large, -1.0, &ClassSet::ALL, &mut detections);
    assert!(detections.is_empty());
}

#[test]
fn a_score_must_be_above_the_confidence_in_single_precision() {
    let scores = quant(1.0 / 255.0, 0.0);
    // 102 / 255 is 0.4, which as f32 is a little more.
    assert_eq!(smallest_passing::<u8>(scores, 0.4), Some(102));
    assert_eq!(
        smallest_passing::<u8>(scores, 102.0 * scores.scale),
        Some(103)
    );
    assert_eq!(smallest_passing::<u8>(scores, 1.0), None);
    assert_eq!(smallest_passing::<u8>(scores, -0.1), Some(0));
    assert_eq!(smallest_passing::<u16>(scores, f32::NAN), None);
}

#[test]
fn boxes_lie_around_their_cells_middle() {
    let mut tensors = Tensors::for_layout(&layout(ElementType::U8));
    // Row 2, column 5 of the 20 x 20 level, whose cells are 32 pixels.
    let cell = 2 * 20 + 5;
    tensors.u8_mut(Role::Scores(Level::Stride32)).unwrap()[cell] = 200;
    let logits = tensors.u8_mut(Role::Boxes(Level::Stride32)).unwrap();
    for (side, bin) in [1, 2, 3, 4].into_iter().enumerate() {
        logits[cell * 64 + side * 16 + bin] = 255;
    }
    let mut detections = Vec::new();
    Decoder::new(&layout(ElementType::U8)).decode(&tensors, 0.25, &ClassSet::ALL, &mut detections);
    let [detection] = detections[..] else {
        panic!("{detections:?}");
    };
    assert_eq!(detection.score, 200.0 * (1.0 / 255.0));
    assert_eq!(detection.anchor.cell(INPUT), (Level::Stride32, cell));
    let expected = [(5.5 - 1.0), (2.5 - 2.0), (5.5 + 3.0), (2.5 + 4.0)].map(|cells| cells * 32.0);
    let bbox = detection.bbox;
    for (ours, expected) in [bbox.x1, bbox.y1, bbox.x2, bbox.y2]
        .into_iter()
        .zip(expected)
    {
        // The other bins have exp(-10) each.
        assert!((ours - expected).abs() < 0.5, "{bbox:?}");
    }
}

#[test]
fn detections_come_by_score_and_then_by_anchor() {
    let mut tensors = Tensors::for_layout(&layout(ElementType::U8));
    for (level, cell, score) in [
        (Level::Stride8, 3, 150),
        (Level::Stride8, 6399, 200),
        (Level::Stride16, 7, 200),
        (Level::Stride16, 0, 250),
        (Level::Stride32, 399, 150),
        (Level::Stride32, 12, 10),
    ] {
        tensors.u8_mut(Role::Scores(level)).unwrap()[cell] = score;
    }
    let detections = on_each(|| {
        let mut detections = Vec::new();
        Decoder::new(&layout(ElementType::U8)).decode(
            &tensors,
            0.25,
            &ClassSet::ALL,
            &mut detections,
        );
        detections
    });
    let anchors: Vec<usize> = detections.iter().map(|d| d.anchor.index()).collect();
    assert_eq!(anchors, [6400, 6399, 6407, 3, 8399]);
}

#[test]
fn an_anchor_is_of_its_best_class() {
    let input = InputSize::new(320, 320).unwrap();
    for element_type in [ElementType::U8, ElementType::U16] {
        let layout = layout_of(input, element_type, 3);
        let mut tensors = Tensors::for_layout(&layout);
        // By cell of the coarsest level: the scores of its classes.
        let cells = [
            [10, 200, 30],
            // The first of equals.
            [180, 20, 180],
            [0, 0, 150],
            // Not one above the confidence.
            [60, 60, 60],
        ];
        let role = Role::Scores(Level::Stride32);
        for (i, score) in cells.into_iter().flatten().enumerate() {
            match element_type {
                ElementType::U8 => tensors.u8_mut(role).unwrap()[i] = score,
                ElementType::U16 => tensors.u16_mut(role).unwrap()[i] = u16::from(score) * 257,
            }
        }
        let decoded = |wanted: ClassSet| {
            on_each(|| {
                let mut detections = Vec::new();
                Decoder::new(&layout).decode(&tensors, 0.25, &wanted, &mut detections);
                let of = |d: &Detection| (d.anchor.cell(input).1, d.class);
                detections.iter().map(of).collect::<Vec<_>>()
            })
        };
        assert_eq!(decoded(ClassSet::ALL), [(0, 1), (1, 0), (2, 2)]);
        // A class that is not wanted leaves its anchor to no other.
        assert_eq!(decoded([1, 2].into_iter().collect()), [(0, 1), (2, 2)]);
        assert_eq!(decoded([].into_iter().collect()), []);
        // Tensors of another network.
        let mut detections = Vec::new();
        let mut other = Decoder::new(&layout_of(input, element_type, 2));
        other.decode(&tensors, -1.0, &ClassSet::ALL, &mut detections);
        assert!(detections.is_empty());
    }
}

#[test]
fn the_only_class_may_be_unwanted() {
    let layout = layout(ElementType::U8);
    let tensors = Tensors::for_layout(&layout);
    let mut detections = Vec::new();
    let none = ClassSet::from_iter([1]);
    Decoder::new(&layout).decode(&tensors, -1.0, &none, &mut detections);
    assert!(detections.is_empty());
}

#[test]
fn every_anchor_may_pass() {
    for element_type in [ElementType::U8, ElementType::U16] {
        let layout = layout(element_type);
        let tensors = Tensors::for_layout(&layout);
        let mut detections = Vec::new();
        Decoder::new(&layout).decode(&tensors, -1.0, &ClassSet::ALL, &mut detections);
        assert_eq!(detections.len(), Anchor::count(INPUT));
    }
}

#[test]
fn a_scale_beyond_all_measure_makes_no_nan() {
    for scale in [f32::MIN_POSITIVE, 1e3, f32::MAX] {
        let exponentials = Exponentials::new(quant(scale, 0.0));
        let mut logits = [0_u16; BOX_CHANNELS];
        logits[5] = u16::MAX;
        logits[16 + 9] = 1;
        let view = TensorView {
            quant: quant(scale, 0.0),
            elements: Elements::U16(&logits),
        };
        let distances = distances(&exponentials, view);
        assert!(
            distances.iter().all(|d| (0.0..=15.0).contains(d)),
            "{distances:?}"
        );
    }
}

fn distances(exponentials: &Exponentials, logits: TensorView<'_>) -> Sides<f32> {
    on_each(|| dispatch!(processor::level(), simd => exponentials.distances(simd, logits, 0)))
}

/// The definition, in double precision.
fn softmax_expectation(logits: &[f64]) -> f64 {
    let weights: Vec<f64> = logits.iter().map(|logit| logit.exp()).collect();
    let moment: f64 = weights
        .iter()
        .enumerate()
        .map(|(bin, weight)| bin as f64 * weight)
        .sum();
    moment / weights.iter().sum::<f64>()
}

proptest! {
    #[test]
    fn the_threshold_is_the_first_score_that_passes(
        scale in 1e-5_f32..0.1,
        zero_point in -300_i32..300,
        confidence in -0.5_f32..1.5,
    ) {
        let quant = quant(scale, zero_point as f32);
        let first = (0..=u16::MAX).find(|&q| dequantize(q, quant) > confidence);
        prop_assert_eq!(smallest_passing::<u16>(quant, confidence), first);
        let first = (0..=u8::MAX).find(|&q| dequantize(q, quant) > confidence);
        prop_assert_eq!(smallest_passing::<u8>(quant, confidence), first);
    }

    #[test]
    fn keys_ascend_with_the_order_of_detections(
        scores in prop::array::uniform2(prop_oneof![-2.0_f32..2.0, Just(0.0), Just(-0.0)]),
        anchors in prop::array::uniform2(0..Anchor::count(INPUT) as u16),
        class in any::<u16>(),
    ) {
        let keys = [0, 1].map(|i| to_key(scores[i], Anchor(anchors[i]), class));
        let order = scores[1].partial_cmp(&scores[0]).unwrap().then(anchors[0].cmp(&anchors[1]));
        prop_assert_eq!(keys[0].cmp(&keys[1]), order);
        prop_assert_eq!(from_key(keys[0]), (scores[0], Anchor(anchors[0]), class));
    }

    #[test]
    fn distances_are_the_softmaxs_expectation(
        scale in 1e-5_f32..0.2,
        wide in prop::collection::vec(any::<u16>(), BOX_CHANNELS),
    ) {
        let quant = quant(scale, 117.0);
        let exponentials = Exponentials::new(quant);
        let narrow: Vec<u8> = wide.iter().map(|&q| (q >> 8) as u8).collect();
        for elements in [Elements::U8(&narrow), Elements::U16(&wide)] {
            let real: Vec<f64> = match elements {
                Elements::U8(q) => q.iter().map(|&q| f64::from(q)).collect(),
                Elements::U16(q) => q.iter().map(|&q| f64::from(q)).collect(),
            };
            // Taken from the largest, for `exp` would overflow.
            let distances = distances(&exponentials, TensorView { quant, elements });
            for (side, distance) in real.chunks(BINS).zip(distances) {
                let largest = side.iter().copied().fold(0.0, f64::max);
                let logits: Vec<f64> =
                    side.iter().map(|q| (q - largest) * f64::from(scale)).collect();
                let expected = softmax_expectation(&logits);
                // In cells; a cell is up to 32 pixels.
                prop_assert!((f64::from(distance) - expected).abs() < 1e-5);
            }
        }
    }
}
