//! Painted shapes, and where their colours end up.

use frame::{FrameRect, PixelRect};

use super::*;

const GREY: u8 = 60;

/// A segment whose mask covers a rectangle.
fn block(mask_size: Size, area: PixelRect, score: f32) -> Segment {
    let runs = (area.y..area.y + area.height)
        .map(|y| Run {
            y: y as u16,
            start: area.x as u16,
            end: (area.x + area.width) as u16,
        })
        .collect();
    Segment {
        score,
        class: 0,
        bbox: area,
        detection_bbox: FrameRect::default(),
        area: area.width * area.height,
        mask: Mask::from_runs(mask_size, runs).unwrap(),
    }
}

fn rect(x: u32, y: u32, width: u32, height: u32) -> PixelRect {
    PixelRect {
        x,
        y,
        width,
        height,
    }
}

fn drawn(size: Size, segments: &[Segment]) -> Vec<u8> {
    let mut rgb = vec![GREY; size.pixels() * 3];
    draw(
        &mut rgb,
        size,
        (0..).zip(segments),
        &Classes::one(),
        &Style::default(),
    )
    .unwrap();
    rgb
}

fn at(rgb: &[u8], size: Size, x: u32, y: u32) -> [u8; 3] {
    rgb.as_chunks().0[(y * size.width + x) as usize]
}

fn solid(number: u64) -> [u8; 3] {
    use embedded_graphics::pixelcolor::RgbColor;
    let colour = of_segment(number);
    [colour.r(), colour.g(), colour.b()]
}

fn tinted(number: u64, below: [u8; 3]) -> [u8; 3] {
    let mix = |(level, colour): (u8, u8)| {
        ((u16::from(level) * (256 - Style::default().alpha)
            + u16::from(colour) * Style::default().alpha)
            >> 8) as u8
    };
    let colour = solid(number);
    [0, 1, 2].map(|i| mix((below[i], colour[i])))
}

#[test]
fn fills_outlines_and_leaves_the_rest() {
    let size = Size::new(200, 150);
    let rgb = drawn(size, &[block(size, rect(50, 60, 100, 40), 0.5)]);
    let outline = solid(0);
    for (x, y) in [
        (50, 60),
        (149, 60),
        (50, 99),
        (149, 99),
        (100, 60),
        (50, 80),
    ] {
        assert_eq!(at(&rgb, size, x, y), outline, "outline at {x}, {y}");
    }
    for (x, y) in [(51, 61), (100, 80), (148, 98)] {
        assert_eq!(at(&rgb, size, x, y), tinted(0, [GREY; 3]), "at {x}, {y}");
    }
    for (x, y) in [(49, 80), (150, 80), (100, 100), (140, 59), (0, 0)] {
        assert_eq!(at(&rgb, size, x, y), [GREY; 3], "outside at {x}, {y}");
    }
}

#[test]
fn the_box_goes_around_two_parts() {
    let size = Size::new(200, 150);
    let (a, b) = (rect(20, 50, 10, 10), rect(100, 90, 10, 10));
    let mut both = block(size, a, 0.5);
    let runs = [both.mask.runs(), block(size, b, 0.5).mask.runs()].concat();
    both.mask = Mask::from_runs(size, runs).unwrap();
    let rgb = drawn(size, &[both]);
    // Corners of the box that no part touches.
    assert_eq!(at(&rgb, size, 109, 50), solid(0));
    assert_eq!(at(&rgb, size, 20, 99), solid(0));
    assert_eq!(at(&rgb, size, 60, 70), [GREY; 3]);
}

#[test]
fn outlines_grow_with_the_frame() {
    let cases = [
        (Size::new(640, 480), 1),
        (Size::new(1280, 720), 2),
        (Size::new(1920, 1080), 3),
    ];
    for (size, width) in cases {
        let rgb = drawn(size, &[block(size, rect(100, 200, 200, 150), 0.5)]);
        let row: Vec<_> = (100..105)
            .map(|x| at(&rgb, size, x, 300) == solid(0))
            .collect();
        let expected: Vec<_> = (0..5).map(|x| x < width).collect();
        assert_eq!(row, expected, "{size}");
    }
}

#[test]
fn small_segments_lie_on_top_whatever_their_order() {
    let size = Size::new(200, 150);
    let large = block(size, rect(10, 30, 180, 100), 0.9);
    let small = block(size, rect(120, 70, 30, 30), 0.8);
    for (segments, inner, outer) in [
        ([large.clone(), small.clone()], 1, 0),
        ([small, large], 0, 1),
    ] {
        let rgb = drawn(size, &segments);
        let expected = tinted(inner, tinted(outer, [GREY; 3]));
        assert_eq!(at(&rgb, size, 140, 90), expected);
        assert_eq!(at(&rgb, size, 149, 90), solid(inner));
    }
}

#[test]
fn network_masks_are_mapped_through_the_letterbox() {
    // 1280x720 lies in rows 140 to 500, halved.
    let (size, input) = (Size::new(1280, 720), Size::new(640, 640));
    let cases = [
        ("inside", rect(100, 240, 50, 30), rect(200, 200, 100, 60)),
        (
            "over the padding",
            rect(0, 100, 640, 80),
            rect(0, 0, 1280, 80),
        ),
        ("all of it", rect(0, 0, 640, 640), rect(0, 0, 1280, 720)),
    ];
    for (name, mask, expected) in cases {
        let in_frame = block(size, expected, 0.5);
        let mapped = runs_in_frame(&block(input, mask, 0.5).mask, size);
        assert_eq!(mapped, in_frame.mask.runs(), "{name}");
    }
    // In an input of 640 x 384 it lies in rows 12 to 372.
    let wide = Size::new(640, 384);
    let mapped = runs_in_frame(&block(wide, rect(100, 112, 50, 30), 0.5).mask, size);
    let expected = block(size, rect(200, 200, 100, 60), 0.5);
    assert_eq!(mapped, expected.mask.runs());
    let foreign = block(Size::new(50, 50), rect(0, 0, 50, 50), 0.5);
    assert!(runs_in_frame(&foreign.mask, size).is_empty());

    let padding = block(input, rect(0, 0, 640, 140), 0.5);
    assert_eq!(drawn(size, &[padding]), vec![GREY; size.pixels() * 3]);
}

#[test]
fn mapped_runs_keep_the_invariants_of_a_mask() {
    let input = Size::new(640, 640);
    // Columns of one pixel: shrunk to a small frame their gaps close.
    let bitmap: Vec<u8> = (0..input.pixels()).map(|i| (i % 3 > 0) as u8).collect();
    let comb = Mask::from_bitmap(input, &bitmap).unwrap();
    for (width, height) in [
        (1, 1),
        (3, 1),
        (33, 47),
        (641, 479),
        (1232, 1640),
        (1920, 1),
    ] {
        let size = Size::new(width, height);
        let runs = runs_in_frame(&comb, size);
        assert!(Mask::from_runs(size, runs).is_some(), "{size}");
    }
}

#[test]
fn labels_stay_inside_and_apart() {
    let size = Size::new(320, 240);
    // At each corner, and twice at the same place.
    let areas = [
        rect(0, 0, 30, 30),
        rect(290, 0, 30, 30),
        rect(0, 210, 30, 30),
        rect(290, 210, 30, 30),
        rect(100, 100, 60, 60),
        rect(100, 100, 60, 59),
    ];
    let mut rgb = vec![GREY; size.pixels() * 3];
    let mut canvas = Canvas::new(&mut rgb, size).unwrap();
    let mut taken = Vec::new();
    let shapes: Vec<_> = (0..)
        .zip(&areas)
        .map(|(number, &area)| Shape::new(number, &block(size, area, 0.987), &Classes::one(), size))
        .collect();
    let bounds: Vec<_> = shapes.iter().map(Shape::bounds).collect();
    for (place, shape) in shapes.iter().enumerate() {
        label(&mut canvas, shape, place, &bounds, &mut taken);
    }
    assert_eq!(taken.len(), areas.len());
    let whole = rectangle(0, 0, 320, 240);
    for (i, plate) in taken.iter().enumerate() {
        assert_eq!(
            plate.intersection(&whole),
            *plate,
            "label {i} leaves the frame"
        );
        for other in &taken[..i] {
            let common = plate.intersection(other).size;
            assert_eq!(common.width * common.height, 0, "label {i} covers another");
        }
        // Plate and ink are both there.
        let points = || {
            plate
                .rows()
                .flat_map(|y| plate.columns().map(move |x| (x, y)))
        };
        let colours: Vec<_> = points()
            .map(|(x, y)| at(&rgb, size, x as u32, y as u32))
            .collect();
        assert!(colours.contains(&solid(i as u64)), "label {i} has no plate");
        assert!(
            colours.iter().any(|&c| c != solid(i as u64)),
            "label {i} has no text"
        );
    }
}

#[test]
fn frames_smaller_than_a_label() {
    for (width, height) in [(1, 1), (5, 3), (640, 1), (1, 640)] {
        let size = Size::new(width, height);
        drawn(size, &[block(size, rect(0, 0, width, height), 1.0)]);
    }
    drawn(Size::new(0, 0), &[]);
}

#[test]
fn a_buffer_of_another_size_is_refused() {
    let mut rgb = vec![0; 11];
    let error = draw(
        &mut rgb,
        Size::new(2, 2),
        [],
        &Classes::one(),
        &Style::default(),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "an RGB frame of 2x2 has 12 bytes, not 11"
    );
}

/// A grey frame with nothing but a caption.
fn captioned(size: Size, level: u8) -> Vec<u8> {
    let mut rgb = vec![level; size.pixels() * 3];
    draw(
        &mut rgb,
        size,
        [],
        &Classes::one(),
        &Style {
            caption: Some("mock"),
            ..Style::default()
        },
    )
    .unwrap();
    rgb
}

#[test]
fn a_caption_is_black_and_white_in_the_lower_right_corner() {
    // The plate's size with each font, and magnified.
    for ((width, height), (columns, rows)) in [
        ((64, 48), (20, 10)),
        ((320, 240), (28, 14)),
        ((640, 480), (36, 17)),
        ((1920, 1080), (44, 24)),
        ((4000, 3000), (132, 72)),
        // Too narrow for the font that suits its rows.
        ((500, 19), (20, 10)),
        ((20, 10), (20, 10)),
    ] {
        let size = Size::new(width, height);
        for level in [0, GREY, 255] {
            let rgb = captioned(size, level);
            let (left, top) = (width - columns, height - rows);
            let mut colours = Vec::new();
            for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
                let pixel = at(&rgb, size, x, y);
                if x >= left && y >= top {
                    colours.push(pixel);
                } else {
                    assert_eq!(pixel, [level; 3], "{size}: outside at {x}, {y}");
                }
            }
            let count = |colour: [u8; 3]| colours.iter().filter(|&&c| c == colour).count();
            let (black, white) = (count([0; 3]), count([255; 3]));
            assert_eq!(black + white, colours.len(), "{size}");
            assert!(black > colours.len() / 4, "{size}: no plate");
            assert!(white > colours.len() / 8, "{size}: no letters");
        }
    }
}

#[test]
fn a_caption_without_room_is_left_out() {
    for (width, height) in [(0, 0), (1, 1), (19, 10), (20, 9), (1, 5000), (5000, 1)] {
        let size = Size::new(width, height);
        assert_eq!(captioned(size, GREY), vec![GREY; size.pixels() * 3]);
    }
}

#[test]
fn a_label_says_the_class_where_there_are_several() {
    let mut segment = block(Size::new(64, 48), rect(1, 1, 4, 4), 0.874);
    segment.class = 1;
    let label = |classes: Classes| label_of(3, &segment, &classes);
    assert_eq!(label(Classes::one()), "3 0.87");
    assert_eq!(label(Classes::numbered(2)), "3 class 1 0.87");
    let named = Classes::numbered(2).named(vec!["cup".into(), "lid".into()]);
    assert_eq!(label(named.unwrap()), "3 lid 0.87");
}

#[test]
fn what_is_not_wanted_is_not_drawn() {
    let size = Size::new(320, 240);
    let segments = [block(size, rect(100, 100, 60, 60), 0.9)];
    let with = |style: Style<'_>| {
        let mut rgb = vec![GREY; size.pixels() * 3];
        draw(
            &mut rgb,
            size,
            (0..).zip(&segments),
            &Classes::one(),
            &style,
        )
        .unwrap();
        rgb
    };
    let bare = with(Style {
        labels: false,
        alpha: 0,
        ..Style::default()
    });
    // Nothing above the box, where the label stands, and nothing in it.
    assert_eq!(at(&bare, size, 102, 97), [GREY; 3]);
    assert_eq!(at(&bare, size, 130, 130), [GREY; 3]);
    assert_eq!(at(&bare, size, 100, 130), solid(0));
    assert_ne!(at(&with(Style::default()), size, 102, 97), [GREY; 3]);
}

#[test]
fn labels_stay_off_small_things() {
    let size = Size::new(640, 480);
    // A crowd, in which each label would hide its neighbours.
    let crowd: Vec<_> = (0..100)
        .map(|i| {
            block(
                size,
                rect(100 + 12 * (i % 10), 100 + 12 * (i / 10), 10, 10),
                0.9,
            )
        })
        .collect();
    let rgb = drawn(size, &crowd);
    let visible = crowd.iter().filter(|segment| {
        let PixelRect { x, y, .. } = segment.bbox;
        let number = crowd
            .iter()
            .position(|other| other.bbox == segment.bbox)
            .unwrap() as u64;
        at(&rgb, size, x + 5, y + 5) == tinted(number, [GREY; 3])
    });
    assert_eq!(visible.count(), 100);
}

#[test]
fn a_large_picture_has_large_letters() {
    let plate_rows = |size: Size| {
        let area = rect(
            size.width / 4,
            size.height / 2,
            size.width / 2,
            size.height / 4,
        );
        let rgb = drawn(size, &[block(size, area, 0.9)]);
        let above = (0..area.y).filter(|&y| at(&rgb, size, area.x, y) == solid(0));
        above.count()
    };
    assert_eq!(plate_rows(Size::new(640, 400)), 12);
    assert_eq!(plate_rows(Size::new(4000, 3000)), 3 * 22);
}

#[test]
fn prompts_are_seen() {
    let size = Size::new(320, 240);
    let mut rgb = vec![GREY; size.pixels() * 3];
    let marks = [
        Mark::Point {
            at: [50.0, 60.0],
            wanted: true,
        },
        Mark::Point {
            at: [150.0, 60.0],
            wanted: false,
        },
        Mark::Point {
            at: [-1e9, f32::NAN],
            wanted: false,
        },
        Mark::Box([200.0, 100.0, 280.0, 180.0]),
        Mark::Box([-1e9, -1e9, 1e9, 1e9]),
    ];
    let style = Style {
        marks: &marks,
        ..Style::default()
    };
    draw(&mut rgb, size, [], &Classes::one(), &style).unwrap();
    assert_eq!(at(&rgb, size, 50, 60), [0, 200, 0]);
    assert_eq!(at(&rgb, size, 150, 60), [230, 0, 0]);
    assert_eq!(at(&rgb, size, 200, 140), [255; 3]);
    assert_eq!(at(&rgb, size, 199, 140), [0; 3]);
    assert_eq!(at(&rgb, size, 240, 140), [GREY; 3]);
}
