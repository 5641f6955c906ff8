//! The segmenter at every input size against the plain reference: anchors, boxes, masks and contours.

#![allow(clippy::unwrap_used)]

mod support;

use fastsam::{Contours, Mask, MaskSize, Segment, Segmenter, Segments, Settings, contour::Tracer};
use frame::{InputRect, InputSize, Letterbox, Size};
use proptest::prelude::*;
use support::reference::{self, Surface};
use support::scene;
use tensors::{ElementType, Layout, Tensors};

fn layout(input: InputSize, wide: bool) -> Layout {
    let element_type = if wide {
        ElementType::U16
    } else {
        ElementType::U8
    };
    scene::layout_for(input, element_type, element_type)
}

/// Holds a frame's segments against the reference; says how many there are.
fn compare(layout: &Layout, tensors: &Tensors, letterbox: &Letterbox, size: MaskSize) -> usize {
    let settings = Settings {
        mask_size: size,
        ..Settings::default()
    };
    let (mut segmenter, mut segments) = (Segmenter::new(layout), Segments::new());
    segmenter
        .segment(tensors, letterbox, &settings, &mut segments)
        .unwrap();

    let expected = reference::detections(tensors, settings.confidence, settings.iou.into());
    let found = segmenter.last_detections();
    let anchors: Vec<usize> = found.iter().map(|found| found.anchor.index()).collect();
    let theirs: Vec<usize> = expected.iter().map(|found| found.anchor).collect();
    assert_eq!(anchors, theirs, "{letterbox:?}");
    for (ours, theirs) in found.iter().zip(&expected) {
        assert!((ours.score - theirs.score).abs() <= 1e-6);
        let InputRect { x1, y1, x2, y2 } = ours.bbox;
        for (ours, theirs) in [x1, y1, x2, y2].into_iter().zip(theirs.bbox) {
            assert!((f64::from(ours) - theirs).abs() < 1e-3, "{ours}, {theirs}");
        }
    }

    // Detections whose masks are empty are no segments; the others are in the same order.
    let mut rest = segments.as_slice().iter();
    let mut next = rest.next();
    for detection in found {
        let surface = Surface::new(tensors, detection.anchor, detection.bbox, letterbox, size);
        let Size { width, height } = surface.picture.size;
        let pixels: Vec<Option<bool>> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .map(|(x, y)| surface.pixel(x, y))
            .collect();
        let fits = |segment: &&Segment| {
            let bitmap = segment.mask.to_bitmap();
            let agrees = |(ours, theirs): (&u8, &Option<bool>)| {
                theirs.is_none_or(|theirs| theirs == (*ours != 0))
            };
            segment.score == detection.score && bitmap.iter().zip(&pixels).all(agrees)
        };
        match next.filter(fits) {
            Some(segment) => {
                check_contours(segment);
                next = rest.next();
            }
            None => assert!(
                !pixels.contains(&Some(true)),
                "a mask is missing or another: {detection:?} in {letterbox:?}"
            ),
        }
    }
    assert!(next.is_none(), "a segment that the reference has not");
    segments.as_slice().len()
}

/// As many chains as parts, of pixels on the mask's border, within and all around its box.
fn check_contours(segment: &Segment) {
    let mask = &segment.mask;
    assert_eq!(segment.area, mask.area());
    assert_eq!(segment.bbox, mask.bounding_box());
    let mut contours = Contours::default();
    Tracer::new().trace(mask, &mut contours);
    assert_eq!(contours.bounding_box(), segment.bbox);
    assert_eq!(contours.len(), parts(mask));
    let Size { width, height } = mask.size();
    let has = |x: i64, y: i64| {
        let inside = (0..i64::from(width)).contains(&x) && (0..i64::from(height)).contains(&y);
        inside && mask.contains(x as u32, y as u32)
    };
    for &[x, y] in contours.iter().flatten() {
        let (x, y) = (i64::from(x), i64::from(y));
        let around = [(1, 0), (-1, 0), (0, 1), (0, -1)];
        assert!(has(x, y) && around.iter().any(|(dx, dy)| !has(x + dx, y + dy)));
    }
}

/// Parts of a mask whose pixels touch, corners included: flood filling.
fn parts(mask: &Mask) -> usize {
    let Size { width, height } = mask.size();
    let mut left = mask.to_bitmap();
    let mut parts = 0;
    for start in 0..left.len() {
        if left[start] == 0 {
            continue;
        }
        parts += 1;
        let mut pending = vec![start];
        while let Some(at) = pending.pop() {
            if std::mem::take(&mut left[at]) == 0 {
                continue;
            }
            let (x, y) = (at as u32 % width, at as u32 / width);
            for y in y.saturating_sub(1)..(y + 2).min(height) {
                for x in x.saturating_sub(1)..(x + 2).min(width) {
                    pending.push((y * width + x) as usize);
                }
            }
        }
    }
    parts
}

#[test]
fn inputs_of_every_kind_are_segmented_as_the_reference_says() {
    let cases = [
        ("small", (320, 320), (640, 480)),
        ("small, odd padding", (320, 320), (410, 308)),
        ("512", (512, 512), (640, 360)),
        ("512, odd padding", (512, 512), (517, 333)),
        ("wide", (640, 384), (640, 360)),
        ("wide, two knots", (640, 384), (632, 384)),
        ("wide, odd padding", (640, 384), (641, 401)),
        ("high, odd padding", (384, 640), (401, 641)),
        ("large", (1024, 1024), (640, 360)),
        ("large, odd padding", (1024, 1024), (333, 517)),
    ];
    for (i, (name, (width, height), (columns, rows))) in cases.into_iter().enumerate() {
        let input = InputSize::new(width, height).unwrap();
        let layout = layout(input, i % 2 == 1);
        let frame = Size::new(columns, rows);
        let (tensors, letterbox) = scene::paint(&layout, frame, 8, i as u64);
        for size in [MaskSize::Frame, MaskSize::Network] {
            let found = compare(&layout, &tensors, &letterbox, size);
            assert!(found >= 4, "{name}: {found} segments");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_input_and_frame_are_segmented_as_the_reference_says(
        columns in 1_u32..20,
        rows in 1_u32..20,
        width in 1_u32..300,
        height in 1_u32..300,
        wide: bool,
        seed: u64,
    ) {
        let input = InputSize::new(32 * columns, 32 * rows).unwrap();
        let layout = layout(input, wide);
        let (tensors, letterbox) = scene::paint(&layout, Size::new(width, height), 6, seed);
        compare(&layout, &tensors, &letterbox, MaskSize::Frame);
        if seed % 4 == 0 {
            compare(&layout, &tensors, &letterbox, MaskSize::Network);
        }
    }
}
