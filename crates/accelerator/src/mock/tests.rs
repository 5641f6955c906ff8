//! Painted inputs, and a plain decoder that shares nothing with the emitter.

use super::*;
use tensors::{Elements, Grid, LEVELS, Level, PROTOTYPE_CHANNELS, Role};

const INPUT: InputSize = InputSize::DEFAULT;
const SIDE: usize = 640;

/// A detection, decoded in plain floating point: its box, score and mask over the input.
struct Decoded {
    score: f32,
    bbox: [f32; 4],
    mask: Vec<bool>,
}

fn dequantized(tensors: &Tensors, role: Role) -> Vec<f32> {
    let view = tensors.view(role);
    let real = |q: f32| (q - view.quant.zero_point) * view.quant.scale;
    match view.elements {
        Elements::U8(elements) => elements.iter().map(|&q| real(f32::from(q))).collect(),
        Elements::U16(elements) => elements.iter().map(|&q| real(f32::from(q))).collect(),
    }
}

/// Decodes all detections above 0.5 and keeps the best of those whose boxes overlap more than this.
fn decode(tensors: &Tensors, overlap: f32) -> Vec<Decoded> {
    let prototypes = dequantized(tensors, Role::Prototypes);
    let mut found = Vec::new();
    for level in Level::ALL {
        let stride = level.stride() as f32;
        let scores = dequantized(tensors, Role::Scores(level));
        let boxes = dequantized(tensors, Role::Boxes(level));
        let coefficients = dequantized(tensors, Role::Coefficients(level));
        for (cell, &score) in scores.iter().enumerate().filter(|(_, score)| **score > 0.5) {
            let distance = |side: usize| {
                let logits = &boxes[cell * 64 + side * 16..][..16];
                let weights: Vec<f32> = logits.iter().map(|logit| logit.exp()).collect();
                let total: f32 = weights.iter().sum();
                weights
                    .iter()
                    .enumerate()
                    .map(|(bin, w)| bin as f32 * w)
                    .sum::<f32>()
                    / total
            };
            let columns = level.grid(tensors.input()).columns;
            let (x, y) = ((cell % columns) as f32 + 0.5, (cell / columns) as f32 + 0.5);
            let bbox = [
                x - distance(0),
                y - distance(1),
                x + distance(2),
                y + distance(3),
            ]
            .map(|value| value * stride);
            found.push((score, bbox, coefficients[cell * 32..][..32].to_vec()));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut kept: Vec<Decoded> = Vec::new();
    for (score, bbox, coefficients) in found {
        if kept
            .iter()
            .all(|better| box_iou(&better.bbox, &bbox) <= overlap)
        {
            kept.push(Decoded {
                score,
                bbox,
                mask: mask(tensors.input(), &prototypes, &coefficients, &bbox),
            });
        }
    }
    kept
}

fn box_iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |r: &[f32; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let common = area(&[
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    common / (area(a) + area(b) - common)
}

fn mask(input: InputSize, prototypes: &[f32], coefficients: &[f32], bbox: &[f32; 4]) -> Vec<bool> {
    let (width, height) = (input.width() as usize, input.height() as usize);
    let grid = Grid::of_prototypes(input);
    let logits: Vec<f32> = prototypes
        .chunks_exact(PROTOTYPE_CHANNELS)
        .map(|channels| channels.iter().zip(coefficients).map(|(p, c)| p * c).sum())
        .collect();
    let mut mask = vec![false; width * height];
    let at = |i: usize, cells: usize| {
        let u = ((i as f32 + 0.5) / 4.0 - 0.5).clamp(0.0, (cells - 1) as f32);
        let first = (u as usize).min(cells - 2);
        (first, u - first as f32)
    };
    for y in bbox[1].max(0.0).ceil() as usize..(bbox[3].ceil() as usize).min(height) {
        for x in bbox[0].max(0.0).ceil() as usize..(bbox[2].ceil() as usize).min(width) {
            let ((j, v), (i, u)) = (at(y, grid.rows), at(x, grid.columns));
            let value = |j: usize, i: usize| logits[j * grid.columns + i];
            let upper = value(j, i) * (1.0 - u) + value(j, i + 1) * u;
            let lower = value(j + 1, i) * (1.0 - u) + value(j + 1, i + 1) * u;
            mask[y * width + x] = upper * (1.0 - v) + lower * v > 0.0;
        }
    }
    mask
}

fn iou(a: &[bool], b: &[bool]) -> f64 {
    let common = a.iter().zip(b).filter(|(a, b)| **a && **b).count();
    let either = a.iter().zip(b).filter(|(a, b)| **a || **b).count();
    common as f64 / either.max(1) as f64
}

/// A picture whose painter keeps account of who owns each pixel.
struct Painting {
    input: Vec<u8>,
    owner: Vec<usize>,
    count: usize,
    /// Amplitude of the waves on what is painted, against its colour.
    texture: f32,
}

impl Painting {
    fn new() -> Self {
        let mut painting = Self {
            input: vec![0; SIDE * SIDE * 3],
            owner: vec![0; SIDE * SIDE],
            count: 0,
            texture: 0.1,
        };
        painting.paint([90, 84, 76], |_, _| true);
        painting
    }

    fn paint(&mut self, colour: [u8; 3], inside: impl Fn(f32, f32) -> bool) {
        for y in 0..SIDE {
            for x in 0..SIDE {
                if inside(x as f32 + 0.5, y as f32 + 0.5) {
                    let wave = (x as f32 * 0.35).sin() * (y as f32 * 0.22).cos();
                    let wave = 1.0 + wave * self.texture;
                    let at = y * SIDE + x;
                    self.owner[at] = self.count;
                    for (value, channel) in self.input[at * 3..at * 3 + 3].iter_mut().zip(colour) {
                        *value = (f32::from(channel) * wave).clamp(0.0, 255.0) as u8;
                    }
                }
            }
        }
        self.count += 1;
    }

    fn disc(&mut self, colour: [u8; 3], (cx, cy): (f32, f32), radius: f32) {
        self.paint(colour, |x, y| (x - cx).hypot(y - cy) < radius);
    }

    fn truth(&self, object: usize) -> Vec<bool> {
        self.owner.iter().map(|&owner| owner == object).collect()
    }

    /// Each object's area and the IoU of the mask that fits it best.
    fn judge(&self) -> Vec<(usize, f64)> {
        // Boxes around one centre overlap much: every detection counts here.
        let found = decode(&infer(&self.input), 0.98);
        (0..self.count)
            .map(|object| {
                let truth = self.truth(object);
                let area = truth.iter().filter(|own| **own).count();
                let best = found
                    .iter()
                    .map(|one| iou(&one.mask, &truth))
                    .fold(0.0, f64::max);
                (area, best)
            })
            .collect()
    }
}

fn infer(input: &[u8]) -> Tensors {
    infer_in(INPUT, input)
}

fn infer_in(size: InputSize, input: &[u8]) -> Tensors {
    let mut tensors = Tensors::for_layout(&Network::layout(size));
    Network::new(size).infer(input, &mut tensors);
    tensors
}

const COLOURS: [[u8; 3]; 8] = [
    [220, 40, 40],
    [40, 180, 60],
    [50, 80, 220],
    [235, 220, 60],
    [200, 50, 200],
    [60, 200, 210],
    [240, 140, 40],
    [235, 235, 235],
];

fn assert_found(painting: &Painting, name: &str) {
    assert_found_to(painting, name, 0.95);
}

fn assert_found_to(painting: &Painting, name: &str, least_of_large: f64) {
    for (object, (area, iou)) in painting.judge().into_iter().enumerate() {
        let least = if area > 400 { least_of_large } else { 0.9 };
        assert!(
            area <= 100 || iou >= least,
            "{name}: object {object} of {area} pixels: IoU {iou:.3}"
        );
    }
}

#[test]
fn overlapping_textured_objects_are_found() {
    let mut painting = Painting::new();
    painting.disc(COLOURS[0], (150.0, 160.0), 90.0);
    painting.disc(COLOURS[1], (230.0, 200.0), 60.0);
    painting.paint(COLOURS[2], |x, y| {
        (350.0..560.0).contains(&x) && (80.3..180.7).contains(&y)
    });
    painting.paint(COLOURS[3], |x, y| {
        (x - 420.0).abs() * 0.6 + (y - 420.0).abs() < 90.0
    });
    painting.disc(COLOURS[4], (100.0, 500.0), 14.0);
    assert_found(&painting, "overlapping");
}

#[test]
fn rings_and_what_lies_in_their_holes_are_found() {
    let mut painting = Painting::new();
    for (i, colour) in COLOURS[..5].iter().enumerate() {
        painting.disc(*colour, (320.0, 320.0), 280.0 - 50.0 * i as f32);
    }
    assert_found(&painting, "nested");
}

#[test]
fn thin_and_small_objects_are_found() {
    let mut painting = Painting::new();
    for i in 0..6 {
        let (cx, cy) = (90.0 + 90.0 * i as f32, 100.0 + 3.3 * i as f32);
        let radius = 18.0 + 3.0 * i as f32;
        painting.paint(COLOURS[i], |x, y| {
            (radius - 6.0..radius).contains(&(x - cx).hypot(y - cy))
        });
        painting.disc(COLOURS[i + 1], (cx, cy + 120.5), 6.5 + 0.3 * i as f32);
        painting.paint(COLOURS[i], |x, y| {
            let along = (x - cx) * 0.6 + (y - cy - 300.0) * 0.8;
            let across = (x - cx) * 0.8 - (y - cy - 300.0) * 0.6;
            along.abs() < 70.0 && across.abs() < 3.5
        });
    }
    // Half the pixels lie next to the outline, which a 160 x 160 prototype only approaches.
    assert_found_to(&painting, "thin", 0.9);
}

#[test]
fn a_gradient_is_one_region() {
    let mut painting = Painting::new();
    painting.disc(COLOURS[2], (420.0, 200.0), 100.0);
    // From dark to light across the whole picture, and the other way within the object.
    for (i, value) in painting.input.iter_mut().enumerate() {
        let (x, channel) = (i / 3 % SIDE, i % 3);
        let ramp = if painting.owner[i / 3] == 0 {
            x / 8
        } else {
            (SIDE - x) / 8
        };
        *value = value.saturating_add(ramp as u8 / (channel as u8 + 1));
    }
    assert_found(&painting, "gradient");
    assert_eq!(decode(&infer(&painting.input), 0.7).len(), 2);
}

/// Boxes within boxes: no prototype can be used twice, and there are too few of them.
#[test]
fn more_overlapping_boxes_than_prototypes_are_found() {
    let mut painting = Painting::new();
    // Bands of two blocks: strong waves would cut them.
    painting.texture = 0.03;
    for i in 0..38 {
        let margin = 4.0 + 8.0 * i as f32;
        let inside = margin..640.0 - margin;
        painting.paint(COLOURS[i % 8], |x, y| {
            inside.contains(&x) && inside.contains(&y)
        });
    }
    // The codes of the innermost are not at right angles, which moves the edges between them.
    assert_found_to(&painting, "boxes within boxes", 0.85);
}

#[test]
fn more_objects_than_prototypes_are_found() {
    let mut painting = Painting::new();
    for i in 0..64 {
        let (column, row) = ((i % 8) as f32, (i / 8) as f32);
        let centre = (48.0 + column * 78.0 + row * 2.0, 48.0 + row * 78.0);
        painting.disc(COLOURS[(i + i / 8) % 8], centre, 12.0 + row * 2.5);
    }
    assert_found(&painting, "many");
}

#[test]
fn the_padding_is_no_region() {
    let mut painting = Painting::new();
    painting.disc(COLOURS[0], (320.0, 320.0), 90.0);
    for y in (0..141).chain(499..SIDE) {
        painting.input[y * SIDE * 3..(y + 1) * SIDE * 3].fill(frame::PAD_VALUE);
    }
    let found = decode(&infer(&painting.input), 0.7);
    assert_eq!(found.len(), 2, "the disc and what is behind it");
    for one in &found {
        assert!(one.bbox[1] > 138.0 && one.bbox[3] < 502.0, "{:?}", one.bbox);
    }
}

#[test]
fn a_blank_input_is_one_region_or_none() {
    for value in [0, 1, 113, 255] {
        let found = decode(&infer(&vec![value; INPUT.bytes()]), 0.7);
        assert_eq!(found.len(), 1);
        assert!(found[0].mask.iter().all(|inside| *inside));
        assert!(found[0].score > 0.5);
    }
    assert!(decode(&infer(&vec![frame::PAD_VALUE; INPUT.bytes()]), 0.7).is_empty());
    assert!(decode(&infer(&[]), 0.7).is_empty());
}

#[test]
fn noise_is_answered() {
    let mut state = 1u32;
    let input: Vec<u8> = (0..INPUT.bytes())
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    infer(&input);
}

#[test]
fn an_answer_depends_on_its_input_alone() {
    let mut painting = Painting::new();
    painting.disc(COLOURS[0], (150.0, 160.0), 90.0);
    let mut network = Network::new(INPUT);
    let mut tensors = Tensors::for_layout(&Network::layout(INPUT));
    network.infer(&vec![200; INPUT.bytes()], &mut tensors);
    network.infer(&painting.input, &mut tensors);
    assert!(tensors == infer(&painting.input));
}

#[test]
fn outputs_are_of_both_widths() {
    let layout = Network::layout(INPUT);
    let wide = Role::ALL
        .iter()
        .filter(|role| layout.info(**role).element_type == tensors::ElementType::U16);
    assert!((1..10).contains(&wide.count()));
    assert_eq!(LEVELS, 3);
}

/// A disc in the middle of inputs of several sizes, and what is behind it.
#[test]
fn objects_are_found_in_inputs_of_every_size() {
    for (width, height) in [
        (320, 320),
        (512, 512),
        (640, 384),
        (384, 640),
        (1024, 1024),
        (1280, 96),
    ] {
        let size = InputSize::new(width, height).unwrap();
        let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
        let radius = height.min(width) as f32 / 4.0;
        let inside = |i: usize| {
            let (x, y) = (i % width as usize, i / width as usize);
            (x as f32 + 0.5 - cx).hypot(y as f32 + 0.5 - cy) < radius
        };
        let truth: Vec<bool> = (0..size.size().pixels()).map(inside).collect();
        let colour = |inside: &bool| if *inside { COLOURS[0] } else { [90, 84, 76] };
        let input: Vec<u8> = truth.iter().flat_map(colour).collect();
        let found = decode(&infer_in(size, &input), 0.7);
        assert_eq!(found.len(), 2, "{size}");
        let best = found.iter().map(|one| iou(&one.mask, &truth));
        let best = best.fold(0.0, f64::max);
        assert!(best >= 0.95, "{size}: IoU {best:.3}");
        // A box has 864 pixels at most, and what 8 bits make of it.
        for one in &found {
            let [x1, y1, x2, y2] = one.bbox;
            assert!(x2 - x1 < 870.0 && y2 - y1 < 870.0, "{size}: {:?}", one.bbox);
        }
    }
}

#[test]
fn the_least_and_the_largest_input_are_answered() {
    for size in [InputSize::new(32, 32).unwrap(), InputSize::LARGEST] {
        let found = decode(&infer_in(size, &vec![200; size.bytes()]), 0.7);
        assert_eq!(found.len(), 1, "{size}");
    }
}
