//! Masks of random tensors and letterboxes against the plain reference: the same, pixel by pixel.

#![allow(clippy::unwrap_used)]

mod support;

use fastsam::{Anchor, Detection, Mask, MaskSize, Rasterizer};
use frame::{InputRect, InputSize, Letterbox, Size};
use proptest::prelude::*;
use support::reference::Surface;
use support::scene::{self, Random};
use tensors::{ElementType, Layout, Role, TensorInfo, Tensors};

/// Which of a network's outputs are 8-bit and which 16-bit matters to the arithmetic.
const MIXES: [[ElementType; 2]; 4] = [
    [ElementType::U8, ElementType::U8],
    [ElementType::U16, ElementType::U8],
    [ElementType::U8, ElementType::U16],
    [ElementType::U16, ElementType::U16],
];

/// Compares the mask of one detection with the reference; says how many pixels neither could
/// decide.
fn compare(
    tensors: &Tensors,
    detection: &Detection,
    letterbox: &Letterbox,
    size: MaskSize,
) -> usize {
    let mut rasterizer = Rasterizer::new();
    rasterizer.fit(letterbox, size);
    let mut mask = Mask::empty(Size::new(0, 0));
    rasterizer.rasterize(tensors, detection, &mut mask);
    assert_eq!(
        Mask::from_runs(mask.size(), mask.runs().to_vec()),
        Some(mask.clone())
    );

    let surface = Surface::new(tensors, detection.anchor, detection.bbox, letterbox, size);
    assert_eq!(mask.size(), surface.picture.size);
    let bitmap = mask.to_bitmap();
    let Size { width, height } = mask.size();
    let mut undecided = 0;
    for y in 0..height {
        for x in 0..width {
            let ours = bitmap[(y * width + x) as usize] != 0;
            match surface.pixel(x, y) {
                Some(theirs) => assert_eq!(
                    ours,
                    theirs,
                    "pixel {x}, {y} of {} is {} with {letterbox:?} and {detection:?}",
                    mask.size(),
                    surface.picture.values[(y * width + x) as usize]
                ),
                None => undecided += 1,
            }
        }
    }
    undecided
}

fn detection(bbox: [f32; 4], anchor: usize) -> Detection {
    detection_in(INPUT, bbox, anchor)
}

fn detection_in(input: InputSize, bbox: [f32; 4], anchor: usize) -> Detection {
    let [x1, y1, x2, y2] = bbox;
    Detection {
        bbox: InputRect { x1, y1, x2, y2 },
        score: 0.5,
        anchor: Anchor::of_cell(tensors::Level::Stride8, anchor, input).unwrap(),
        class: 0,
    }
}

const INPUT: InputSize = InputSize::DEFAULT;
const EVERYTHING: [f32; 4] = [-8.0, -8.0, 648.0, 648.0];

/// Every prototype and the first cells' coefficients at random: signs change everywhere.
fn noise(layout: &Layout, seed: u64) -> Tensors {
    let mut tensors = Tensors::for_layout(layout);
    let mut random = Random(seed);
    for role in Role::ALL {
        if let Some(elements) = tensors.u8_mut(role) {
            elements.fill_with(|| random.bits() as u8);
        } else if let Some(elements) = tensors.u16_mut(role) {
            elements.fill_with(|| random.bits() as u16);
        }
    }
    tensors
}

fn mix(index: usize) -> Layout {
    mix_for(INPUT, index)
}

fn mix_for(input: InputSize, index: usize) -> Layout {
    let [coefficients, prototypes] = MIXES[index];
    scene::layout_for(input, coefficients, prototypes)
}

/// The layout with these zero points of coefficients and prototypes.
fn with_zero_points(layout: &Layout, coefficients: f32, prototypes: f32) -> Layout {
    let infos = Role::ALL.map(|role| {
        let mut info: TensorInfo = layout.info(role).clone();
        match role {
            Role::Coefficients(_) => info.quant.zero_point = coefficients,
            Role::Prototypes => info.quant.zero_point = prototypes,
            _ => {}
        }
        info
    });
    Layout::bind(&infos, layout.input()).unwrap()
}

#[test]
fn whole_masks_of_every_geometry_are_the_references() {
    let cases = [
        ("square", 640, 640),
        ("f = 1", 640, 480),
        ("f = 1, scaled down", 1280, 720),
        ("f = 2", 640, 632),
        ("f = 2, scaled up", 160, 157),
        ("f = 4", 640, 426),
        ("f = 4, odd padding", 640, 481),
        ("f = 4, scaled down", 1640, 1232),
        ("f = 4, portrait", 426, 640),
        ("portrait", 480, 640),
        ("tiny", 8, 8),
        ("one pixel", 1, 1),
        ("one row", 900, 1),
        ("one column", 1, 900),
        ("scaled up", 320, 240),
        ("scaled up by much", 31, 17),
        ("scaled down by much", 3840, 2160),
    ];
    for (i, (name, width, height)) in cases.into_iter().enumerate() {
        let layout = mix(i % MIXES.len());
        let tensors = noise(&layout, i as u64);
        let letterbox = Letterbox::fit(Size::new(width, height), INPUT);
        let undecided = compare(
            &tensors,
            &detection(EVERYTHING, i),
            &letterbox,
            MaskSize::Frame,
        );
        // Else the comparison would say nothing.
        let few = 8 + letterbox.frame.pixels() / 100_000;
        assert!(undecided <= few, "{name}: {undecided} pixels undecided");
    }
    for (i, _) in MIXES.iter().enumerate() {
        let tensors = noise(&mix(i), 7);
        let letterbox = Letterbox::fit(Size::new(1280, 720), INPUT);
        compare(
            &tensors,
            &detection(EVERYTHING, i),
            &letterbox,
            MaskSize::Network,
        );
    }
}

#[test]
fn whole_masks_in_inputs_of_other_sizes_are_the_references() {
    let cases = [
        ("f = 1", (320, 320), (1280, 720)),
        ("f = 2", (320, 320), (320, 316)),
        ("f = 4", (320, 320), (640, 427)),
        ("f = 1, wide", (640, 384), (1280, 720)),
        ("f = 2, wide", (640, 384), (632, 384)),
        ("f = 4, wide", (640, 384), (641, 401)),
        ("f = 4, high", (384, 640), (426, 640)),
        ("f = 1, large", (1024, 1024), (1280, 720)),
        ("f = 4, large", (1024, 1024), (641, 401)),
        ("tiny", (32, 32), (100, 75)),
        ("one row of cells", (1280, 32), (640, 16)),
        ("one column of cells", (32, 1280), (7, 640)),
        ("the largest", (1280, 1280), (1280, 1000)),
    ];
    for (i, (name, (width, height), frame)) in cases.into_iter().enumerate() {
        let input = InputSize::new(width, height).unwrap();
        let tensors = noise(&mix_for(input, i % MIXES.len()), i as u64);
        let letterbox = Letterbox::fit(Size::new(frame.0, frame.1), input);
        let everything = [-8.0, -8.0, width as f32 + 8.0, height as f32 + 8.0];
        for size in [MaskSize::Frame, MaskSize::Network] {
            let undecided = compare(
                &tensors,
                &detection_in(input, everything, i),
                &letterbox,
                size,
            );
            let few = 8 + size_of(&letterbox, size).pixels() / 100_000;
            assert!(undecided <= few, "{name}: {undecided} pixels undecided");
        }
    }
}

fn size_of(letterbox: &Letterbox, size: MaskSize) -> Size {
    match size {
        MaskSize::Frame => letterbox.frame,
        MaskSize::Network => letterbox.input.size(),
    }
}

#[test]
fn zero_points_may_be_fractions_and_far_away() {
    for (i, (coefficients, prototypes)) in [
        (120.5, 9.0),
        (-3.0, 0.25),
        (-70000.0, 70000.0),
        (1e6, 1e5),
        (-0.0, 255.0),
    ]
    .into_iter()
    .enumerate()
    {
        for index in 0..MIXES.len() {
            let layout = with_zero_points(&mix(index), coefficients, prototypes);
            let tensors = noise(&layout, i as u64);
            let letterbox = Letterbox::fit(Size::new(160, 120), INPUT);
            compare(
                &tensors,
                &detection(EVERYTHING, i),
                &letterbox,
                MaskSize::Frame,
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn masks_are_the_references(
        width in 1_u32..300,
        height in 1_u32..300,
        scale in 1_u32..4,
        index in 0..MIXES.len(),
        seed: u64,
        cell in 0_usize..6400,
        centre in [-20.0_f32..660.0, -20.0_f32..660.0],
        reach in [0.0_f32..400.0, 0.0_f32..400.0],
        painted: bool,
    ) {
        let layout = mix(index);
        let size = Size::new(width * scale, height * scale);
        let letterbox = Letterbox::fit(size, INPUT);
        let tensors = if painted {
            scene::paint(&layout, size, 12, seed).0
        } else {
            noise(&layout, seed)
        };
        let [x, y] = centre;
        let bbox = [x - reach[0], y - reach[1], x + reach[0], y + reach[1]];
        compare(&tensors, &detection(bbox, cell), &letterbox, MaskSize::Frame);
        if seed % 8 == 0 {
            compare(&tensors, &detection(bbox, cell), &letterbox, MaskSize::Network);
        }
    }
}
