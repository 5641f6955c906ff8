use proptest::prelude::*;
use tensors::{ElementType, Layout, Level, QuantInfo, TensorInfo};

use frame::{InputRect, InputSize};

use super::*;
use crate::Anchor;
use crate::processor::on_each;

const INPUT: InputSize = InputSize::DEFAULT;

/// 8-bit outputs whose zero points are 100.
fn layout() -> Layout {
    let infos = Role::ALL.map(|role| TensorInfo {
        name: role.to_string(),
        shape: role.shape(INPUT, 1),
        element_type: ElementType::U8,
        quant: QuantInfo {
            scale: 0.1,
            zero_point: 100.0,
        },
    });
    Layout::bind(&infos, INPUT).unwrap()
}

/// Tensors whose logits, at every anchor, are what `logit` says of column and row.
fn painted(logit: impl Fn(usize, usize) -> i8) -> Tensors {
    let mut tensors = Tensors::for_layout(&layout());
    for level in Level::ALL {
        let coefficients = tensors.u8_mut(Role::Coefficients(level)).unwrap();
        coefficients.fill(100);
        coefficients
            .iter_mut()
            .step_by(32)
            .for_each(|first| *first = 101);
    }
    let prototypes = tensors.u8_mut(Role::Prototypes).unwrap();
    prototypes.fill(100);
    for (i, first) in prototypes.iter_mut().step_by(32).enumerate() {
        *first = 100_u8.wrapping_add_signed(logit(i % 160, i / 160));
    }
    tensors
}

fn detection([x1, y1, x2, y2]: [f32; 4]) -> Detection {
    Detection {
        bbox: InputRect { x1, y1, x2, y2 },
        score: 1.0,
        anchor: Anchor::of_cell(Level::Stride16, 77, INPUT).unwrap(),
        class: 0,
    }
}

fn mask(tensors: &Tensors, frame: Size, size: MaskSize, bbox: [f32; 4]) -> (Rasterizer, Mask) {
    let mut rasterizer = Rasterizer::new();
    rasterizer.fit(&Letterbox::fit(frame, INPUT), size);
    let mask = on_each(|| {
        let mut mask = Mask::empty(Size::new(0, 0));
        rasterizer.rasterize(tensors, &detection(bbox), &mut mask);
        mask
    });
    (rasterizer, mask)
}

/// The module's definition, for one pixel: exact, as nothing but this arithmetic is allowed.
fn defined(rasterizer: &Rasterizer, x: u32, y: u32) -> bool {
    let Rasterizer {
        columns,
        rows,
        field,
        ..
    } = rasterizer;
    let knot = rows.knot(y);
    let (top, bottom) = (field.row(knot).values, field.row(knot + 1).values);
    let weight = rows.weight(y);
    let at = |k: usize| top[k] + (bottom[k] - top[k]) * weight;
    let k = columns.knot(x) - field.left();
    at(k) + (at(k + 1) - at(k)) * columns.weight(x) > 0.0
}

/// The first pixel in which a mask is not what the definition says, if any.
fn differing_pixel(
    rasterizer: &Rasterizer,
    mask: &Mask,
    frame: Size,
    size: MaskSize,
    bbox: [f32; 4],
) -> Option<(u32, u32)> {
    assert!(Mask::from_runs(mask.size(), mask.runs().to_vec()).is_some());
    let Some(crop) = Crop::of(detection(bbox).bbox, &Letterbox::fit(frame, INPUT), size) else {
        assert!(mask.is_empty());
        return None;
    };
    let bitmap = mask.to_bitmap();
    let Size { width, height } = mask.size();
    let is_wrong = |&(x, y): &(u32, u32)| {
        let inside = (crop.left..crop.right).contains(&x) && (crop.top..crop.bottom).contains(&y);
        let ours = bitmap[(y * width + x) as usize] != 0;
        ours != (inside && defined(rasterizer, x, y))
    };
    (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .find(is_wrong)
}

const EVERYTHING: [f32; 4] = [0.0, 0.0, 640.0, 640.0];

#[test]
fn a_mask_ends_where_the_surface_crosses_zero() {
    // Between columns 39 (1) and 40 (-1) of prototypes: at 160 of 640 input pixels.
    let tensors = painted(|x, _| if x < 40 { 1 } else { -1 });
    let cases = [
        ("as large as the input", Size::new(640, 640), 160),
        ("half as large", Size::new(320, 320), 80),
        ("twice as large", Size::new(1280, 1280), 320),
        ("wide", Size::new(1280, 720), 320),
        ("high, 280 columns of padding", Size::new(90, 720), 0),
    ];
    for (name, frame, end) in cases {
        let (_, mask) = mask(&tensors, frame, MaskSize::Frame, EVERYTHING);
        let expected = Mask::from_bitmap(
            frame,
            &(0..frame.pixels())
                .map(|i| u8::from(i % (frame.width as usize) < end))
                .collect::<Vec<_>>(),
        );
        assert_eq!(Some(mask), expected, "{name}");
    }
}

#[test]
fn a_crop_keeps_pixels_from_its_first_side_to_before_its_second() {
    let tensors = painted(|_, _| 1);
    let cases = [
        ("whole numbers", [10.0, 20.0, 30.0, 40.0], [10, 20, 20, 20]),
        ("fractions", [10.1, 20.9, 30.1, 39.9], [11, 21, 20, 19]),
        (
            "beyond the border",
            [-5.0, -5.0, 700.0, 3.0],
            [0, 0, 640, 3],
        ),
        ("within a pixel", [10.2, 10.2, 10.8, 10.8], [0, 0, 0, 0]),
        (
            "the wrong way round",
            [30.0, 30.0, 20.0, 20.0],
            [0, 0, 0, 0],
        ),
        ("outside", [700.0, 700.0, 800.0, 800.0], [0, 0, 0, 0]),
        ("not a number", [f32::NAN; 4], [0, 0, 0, 0]),
    ];
    for (name, bbox, expected) in cases {
        for size in [MaskSize::Frame, MaskSize::Network] {
            let (_, mask) = mask(&tensors, Size::new(640, 640), size, bbox);
            let found = mask.bounding_box();
            assert_eq!(
                [found.x, found.y, found.width, found.height],
                expected,
                "{name}"
            );
            assert_eq!(mask.area(), found.width * found.height, "{name}");
        }
    }
}

#[test]
fn zero_is_background() {
    let tensors = painted(|_, _| 0);
    let (_, mask) = mask(&tensors, Size::new(640, 480), MaskSize::Frame, EVERYTHING);
    assert!(mask.is_empty());
}

// Positions are single-precision numbers: the larger the frame, the less is left of them.
#[test]
fn masks_of_huge_frames_are_what_the_definition_says() {
    let tensors = painted(|x, y| {
        let mixed = ((y * 160 + x) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        [-3, -1, 0, 2, 3][(mixed >> 40) as usize % 5]
    });
    for (width, height) in [(65535, 40), (40, 65535), (4096, 300), (300, 4096)] {
        let frame = Size::new(width, height);
        let (rasterizer, mask) = mask(&tensors, frame, MaskSize::Frame, EVERYTHING);
        assert!(!mask.is_empty(), "{frame}");
        let wrong = differing_pixel(&rasterizer, &mask, frame, MaskSize::Frame, EVERYTHING);
        assert_eq!(wrong, None, "{frame}");
    }
}

#[test]
fn nothing_is_made_of_tensors_for_another_input() {
    let tensors = painted(|_, _| 1);
    let small = InputSize::new(320, 320).unwrap();
    let mut rasterizer = Rasterizer::new();
    rasterizer.fit(&Letterbox::fit(Size::new(64, 64), small), MaskSize::Frame);
    let mut mask = Mask::empty(Size::new(5, 5));
    rasterizer.rasterize(&tensors, &detection(EVERYTHING), &mut mask);
    assert!(mask.is_empty());

    let of_the_largest = Detection {
        anchor: Anchor::of_cell(Level::Stride32, 0, InputSize::LARGEST).unwrap(),
        class: 0,
        ..detection(EVERYTHING)
    };
    rasterizer.fit(&Letterbox::fit(Size::new(64, 64), INPUT), MaskSize::Frame);
    rasterizer.rasterize(&tensors, &of_the_largest, &mut mask);
    assert!(mask.is_empty());
}

#[test]
fn nothing_is_made_before_the_geometry_is_known() {
    let tensors = painted(|_, _| 1);
    let mut mask = Mask::empty(Size::new(5, 5));
    Rasterizer::new().rasterize(&tensors, &detection(EVERYTHING), &mut mask);
    assert!(mask.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    // Few different logits, and zeros among them, put crossings exactly onto pixels.
    #[test]
    fn masks_are_what_the_definition_says(
        width in 1_u32..700,
        height in 1_u32..700,
        seed: u64,
        values in prop::collection::vec(-3_i8..4, 2..6),
        bbox in [0.0_f32..640.0, 0.0_f32..640.0],
        network: bool,
    ) {
        let tensors = painted(|x, y| {
            let mixed = (seed ^ (y * 160 + x) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            values[(mixed >> 40) as usize % values.len()]
        });
        let size = if network { MaskSize::Network } else { MaskSize::Frame };
        let frame = Size::new(width, height);
        let corners = [bbox[0] / 2.0, bbox[1] / 2.0, 640.0 - bbox[0] / 2.0, 640.0 - bbox[1] / 2.0];
        let (rasterizer, mask) = mask(&tensors, frame, size, corners);
        let wrong = differing_pixel(&rasterizer, &mask, frame, size, corners);
        prop_assert_eq!(wrong, None);
    }
}
