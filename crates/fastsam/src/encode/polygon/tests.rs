use proptest::prelude::*;

use super::*;
use crate::Mask;
use crate::contour::Tracer;
use crate::painted::{any_mask, mask};
use crate::processor::on_each;

fn contours(mask: &Mask) -> Contours {
    let mut contours = Contours::default();
    Tracer::new().trace(mask, &mut contours);
    contours
}

fn rings(contours: &Contours, tolerance: f64) -> Vec<Vec<u32>> {
    on_each(|| {
        let mut rings = Vec::new();
        Simplifier::new().rings(contours, tolerance, |ring| rings.push(ring.to_vec()));
        rings
    })
}

#[test]
fn rings_under_three_points_become_outlines_of_their_pixels() {
    let cases: [(&str, &[&str], &[u32]); 5] = [
        ("a pixel", &["...", ".#."], &[1, 1, 2, 1, 2, 2, 1, 2]),
        ("a row", &["###"], &[0, 0, 3, 0, 3, 1, 0, 1]),
        ("a column", &["#", "#"], &[0, 0, 1, 0, 1, 2, 0, 2]),
        (
            "a falling line",
            &["#.", ".#"],
            &[0, 0, 1, 0, 2, 1, 2, 2, 1, 2, 0, 1],
        ),
        (
            "a rising line",
            &[".#", "#."],
            &[0, 1, 1, 0, 2, 0, 2, 1, 1, 2, 0, 2],
        ),
    ];
    for (name, rows, expected) in cases {
        assert_eq!(rings(&contours(&mask(rows)), 1.0), [expected], "{name}");
    }
}

#[test]
fn a_bump_within_the_tolerance_is_left_out() {
    let bump = contours(&mask(&["...#....", "########", "########"]));
    assert_eq!(rings(&bump, 0.0)[0].len(), 2 * 7);
    assert_eq!(rings(&bump, 1.5), [[3, 0, 0, 2, 7, 2]]);
    assert_eq!(rings(&bump, f64::INFINITY)[0].len(), 2 * 3);
    assert_eq!(rings(&bump, f64::NAN), rings(&bump, 0.0));
}

#[test]
fn long_rings_need_no_stack() {
    // A zigzag whose every tooth counts.
    let teeth = (0..4000_u16).map(|x| [x, (x % 2) * x]);
    let points: Vec<_> = teeth.collect();
    let ends = vec![points.len() as u32];
    let zigzag = Contours { points, ends };
    assert!(rings(&zigzag, 0.5)[0].len() > 7000);
}

#[test]
fn work_is_bounded_on_the_worst_rings() {
    // Teeth that grow to one side: the farthest point is next to the end, again and again.
    let teeth = (0..30_000_u16).map(|x| [x, (x % 2) * (x + 30_000)]);
    let points: Vec<_> = teeth.collect();
    let count = points.len();
    let ends = vec![count as u32];
    let mut simplifier = Simplifier::new();
    for tolerance in [0.0, 0.5] {
        simplifier.measured = 0;
        let saw = Contours {
            points: points.clone(),
            ends: ends.clone(),
        };
        let mut kept = 0;
        simplifier.rings(&saw, tolerance, |ring| kept = ring.len() / 2);
        assert!(kept > count / 2, "{kept} of {count}");
        let bound = count * (DEEPEST as usize + count.ilog2() as usize + 3);
        let measured = simplifier.measured;
        assert!(measured <= bound, "{tolerance}: {measured}");
        assert!(
            measured > 20 * count,
            "{tolerance}: {measured} is no bad case"
        );
    }
}

/// From a point to the segment between `a` and `b`.
fn squared_distance([x, y]: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let (px, py) = (x - a[0], y - a[1]);
    let length_squared = dx * dx + dy * dy;
    let along = if length_squared > 0.0 {
        ((px * dx + py * dy) / length_squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    let (ex, ey) = (px - along * dx, py - along * dy);
    ex * ex + ey * ey
}

proptest! {
    #[test]
    fn distances_are_to_the_segment(
        [x, y, ax, ay, bx, by] in prop::array::uniform6((0_u16..2000).prop_map(f64::from)),
    ) {
        let segment = Segment::new([ax, ay], [bx, by]);
        let distance = segment.distance(x, y) / segment.scale;
        let expected = squared_distance([x, y], [ax, ay], [bx, by]);
        prop_assert!((distance - expected).abs() <= 1e-6, "{} for {}", distance, expected);
    }

    #[test]
    fn chains_stay_within_the_tolerance_of_their_rings(
        mask in any_mask(),
        tolerance in 0.0..6.0_f64,
    ) {
        let contours = contours(&mask);
        let rings = rings(&contours, tolerance);
        prop_assert_eq!(rings.len(), contours.len());
        for (chain, ring) in contours.iter().zip(&rings) {
            prop_assert!(ring.len() >= 6 && ring.len() % 2 == 0);
            if chain.len() < 3 {
                continue;
            }
            let corners: Vec<_> = ring
                .chunks_exact(2)
                .map(|pair| [f64::from(pair[0]), f64::from(pair[1])])
                .collect();
            for point in chain {
                let nearest = (0..corners.len())
                    .map(|i| {
                        let (a, b) = (corners[i], corners[(i + 1) % corners.len()]);
                        squared_distance(point.map(f64::from), a, b)
                    })
                    .fold(f64::INFINITY, f64::min);
                prop_assert!(nearest <= tolerance * tolerance + 1e-9);
            }
        }
    }
}
