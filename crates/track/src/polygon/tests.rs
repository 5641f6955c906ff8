use fastsam::{Mask, MaskSize};
use frame::{InputSize, Letterbox};
use proptest::prelude::*;

use super::*;

fn canvas(width: u32, height: u32, mask_size: MaskSize) -> Canvas {
    Canvas {
        letterbox: Letterbox::fit(Size::new(width, height), InputSize::DEFAULT),
        mask_size,
    }
}

fn polygon(corners: &[[f32; 2]]) -> Result<Polygon, GeometryError> {
    Polygon::new(corners.to_vec(), Unit::Pixels)
}

#[test]
fn what_is_no_polygon_is_told_in_one_line() {
    let nan = f32::NAN;
    let many: Vec<[f32; 2]> = (0..10_000)
        .map(|i| (i as f32 / 10_000.0 * std::f32::consts::TAU).sin_cos())
        .map(|(sin, cos)| [500.0 + 400.0 * cos, 500.0 + 400.0 * sin])
        .collect();
    let cases: [(&[[f32; 2]], &str); 10] = [
        (&[], "0 corners make no area: a zone needs at least 3"),
        (
            &[[0.0, 0.0], [9.0, 9.0]],
            "2 corners make no area: a zone needs at least 3",
        ),
        (&many, "10000 corners are too many: a zone has at most 500"),
        (
            &[[0.0, 0.0], [9.0, nan], [5.0, 5.0]],
            "corner 2 is 9, NaN: both must be finite numbers",
        ),
        (
            &[[0.0, 0.0], [9.0, 0.0], [f32::INFINITY, 5.0]],
            "corner 3 is inf, 5: both must be finite numbers",
        ),
        (
            &[[-1.0, 0.0], [9.0, 0.0], [5.0, 5.0]],
            "corner 1 is at -1, 0: expected pixels from 0 to 65535",
        ),
        // A bow tie.
        (
            &[[0.0, 0.0], [9.0, 9.0], [9.0, 0.0], [0.0, 9.0]],
            "the sides from corners 1 and 3 cross: go round the zone once",
        ),
        // Three corners on a line.
        (
            &[[0.0, 0.0], [5.0, 5.0], [9.0, 9.0]],
            "the sides from corners 1 and 3 cross: go round the zone once",
        ),
        // A corner on another side.
        (
            &[[0.0, 0.0], [8.0, 0.0], [8.0, 8.0], [4.0, 0.0], [0.0, 8.0]],
            "the sides from corners 1 and 3 cross: go round the zone once",
        ),
        (
            &[[0.0, 0.0], [0.0, 0.0], [5.0, 5.0]],
            "corners 1 and 2 are the same point",
        ),
    ];
    for (corners, message) in cases {
        let error = polygon(corners).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let error = Polygon::new(vec![[0.1, 0.1], [0.9, 0.1], [0.5, 1.2]], Unit::Share).unwrap_err();
    assert_eq!(
        error.to_string(),
        "corner 3 is at 0.5, 1.2: expected shares of the frame from 0 to 1"
    );
    let error = Line::new([3.0, 4.0], [3.0, 4.0], Unit::Pixels).unwrap_err();
    assert_eq!(error.to_string(), "corners 1 and 2 are the same point");
}

#[test]
fn a_polygon_beyond_the_frame_holds_no_pixel() {
    let beyond = polygon(&[[700.0, 0.0], [800.0, 0.0], [750.0, 90.0]]).unwrap();
    let error = beyond
        .rasterize(&canvas(640, 480, MaskSize::Frame))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the zone holds no pixel of a frame of 640x480"
    );
    assert!(
        beyond
            .rasterize(&canvas(1280, 720, MaskSize::Frame))
            .is_ok()
    );
}

#[test]
fn a_zone_in_shares_grows_with_the_frame_and_follows_the_letterbox() {
    let left = Polygon::new(
        vec![[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]],
        Unit::Share,
    )
    .unwrap();
    for (width, height) in [(640, 480), (1280, 720), (33, 17)] {
        let area = left
            .rasterize(&canvas(width, height, MaskSize::Frame))
            .unwrap();
        let expected = (width / 2 * height, width.div_ceil(2) * height);
        assert!((expected.0..=expected.1).contains(&area.pixels));
    }
    // 1280 x 720 lies in 640 x 640 with 140 rows of padding above and below.
    let area = left
        .rasterize(&canvas(1280, 720, MaskSize::Network))
        .unwrap();
    assert_eq!(area.pixels, 320 * 360);
    assert!(area.contains([0.0, 140.0]) && !area.contains([0.0, 139.0]));
}

proptest! {
    /// The judge is the even-odd rule for every single pixel's centre.
    #[test]
    fn just_the_pixels_whose_centres_are_inside(
        corners in prop::collection::vec((0.0..40.0_f32, 0.0..30.0_f32), 3..8),
        bits in prop::collection::vec(0..2_u8, 32 * 24),
    ) {
        let corners: Vec<[f32; 2]> = corners.into_iter().map(|(x, y)| [x, y]).collect();
        let Ok(polygon) = polygon(&corners) else { return Ok(()); };
        let area = polygon.rasterize(&canvas(32, 24, MaskSize::Frame)).unwrap_or_default();
        let mask = Mask::from_bitmap(Size::new(32, 24), &bits).unwrap();
        let mut shared = 0;
        for y in 0..24 {
            for x in 0..32 {
                let (px, py) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                let mut inside = false;
                for (i, a) in corners.iter().enumerate() {
                    let b = corners[(i + 1) % corners.len()];
                    let [ax, ay, bx, by] = [a[0], a[1], b[0], b[1]].map(f64::from);
                    if (ay <= py) != (by <= py) && ax + (py - ay) / (by - ay) * (bx - ax) <= px {
                        inside = !inside;
                    }
                }
                let has = !area.rows.is_empty() && area.contains([x as f32, y as f32]);
                prop_assert_eq!(has, inside, "{} {}", x, y);
                shared += u32::from(inside && mask.contains(x, y));
            }
        }
        prop_assert_eq!(area.count(mask.runs()), shared);
    }

    #[test]
    fn two_segments_meet_in_whatever_order_they_are_given(
        points in prop::array::uniform4((0..6_u8, 0..6_u8)),
    ) {
        let [a, b, c, d] = points.map(|(x, y)| [f32::from(x), f32::from(y)]);
        let met = meets([a, b], [c, d]);
        prop_assert_eq!(met, meets([c, d], [a, b]));
        prop_assert_eq!(met, meets([b, a], [c, d]));
        prop_assert!(met || (a != c && a != d && b != c && b != d));
    }
}
