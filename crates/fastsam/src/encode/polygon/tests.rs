use proptest::prelude::*;

use super::*;
use crate::painted::{any_mask, mask};
use crate::processor::on_each;

fn rings(mask: &Mask, tolerance: f64) -> Vec<Vec<u32>> {
    on_each(|| {
        let mut rings = Vec::new();
        Simplifier::new().rings(mask, tolerance, |ring| rings.push(ring.points.to_vec()));
        rings
    })
}

/// The ring's corners, chosen with a tolerance.
fn simplified(corners: &[[u16; 2]], tolerance: f64) -> (Simplifier, usize) {
    let mut simplifier = Simplifier::new();
    simplifier.simplify(corners, tolerance);
    let kept = simplifier.ring.len() / 2;
    (simplifier, kept)
}

#[test]
fn thin_and_small_shapes_stay_as_they_are() {
    type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a [u32]]);
    let cases: [Case<'_>; 3] = [
        ("a pixel", &["...", ".#."], &[&[2, 2, 2, 1, 1, 1, 1, 2]]),
        ("a row", &["####"], &[&[4, 1, 4, 0, 0, 0, 0, 1]]),
        (
            "a hole of a pixel",
            &["###", "#.#", "###"],
            &[&[3, 3, 3, 0, 0, 0, 0, 3], &[1, 1, 2, 1, 2, 2, 1, 2]],
        ),
    ];
    for (name, rows, expected) in cases {
        let mut expected: Vec<Vec<u32>> = expected.iter().map(|ring| ring.to_vec()).collect();
        let mut found = rings(&mask(rows), 1.0);
        for ring in found.iter_mut().chain(&mut expected) {
            let least = (0..ring.len() / 2).min_by_key(|&i| [ring[2 * i], ring[2 * i + 1]]);
            ring.rotate_left(2 * least.unwrap());
        }
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_bump_within_the_tolerance_is_left_out() {
    let full = "##########";
    let mut rows = vec!["...#......"];
    rows.extend([full; 120]);
    let bump = mask(&rows);
    assert_eq!(rings(&bump, 0.0)[0].len(), 2 * 8);
    assert_eq!(rings(&bump, f64::NAN), rings(&bump, 0.0));
    let few = rings(&bump, 1.5);
    assert!(few[0].len() <= 2 * 5, "{few:?}");
    // However far a polygon may stray, it is not another shape.
    assert!(rings(&bump, f64::INFINITY)[0].len() >= 2 * 4);
}

#[test]
fn long_rings_need_no_stack() {
    // A zigzag whose every tooth counts.
    let teeth: Vec<_> = (0..4000_u16).map(|x| [x, (x % 2) * x]).collect();
    assert!(simplified(&teeth, 0.5).1 > 3500);
}

#[test]
fn work_is_bounded_on_the_worst_rings() {
    // Teeth that grow to one side: the farthest point is next to the end, again and again.
    let teeth: Vec<_> = (0..30_000_u16)
        .map(|x| [x, (x % 2) * (x + 30_000)])
        .collect();
    let count = teeth.len();
    let (simplifier, kept) = simplified(&teeth, 0.5);
    assert!(kept > count / 2, "{kept} of {count}");
    let once = count * (DEEPEST as usize + count.ilog2() as usize + 3);
    let measured = simplifier.measured;
    assert!(measured <= TRIES * once, "{measured}");
    assert!(measured > 20 * count, "{measured} is no bad case");
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
    fn borders_stay_within_the_tolerance_of_their_rings(
        mask in any_mask(),
        tolerance in 0.0..6.0_f64,
    ) {
        let mut borders = Borders::new();
        borders.trace(&mask);
        let rings = rings(&mask, tolerance);
        prop_assert_eq!(rings.len(), borders.iter().count());
        for (border, ring) in borders.iter().zip(&rings) {
            prop_assert!(ring.len() >= 6 && ring.len() % 2 == 0);
            let corners: Vec<_> = ring
                .chunks_exact(2)
                .map(|pair| [f64::from(pair[0]), f64::from(pair[1])])
                .collect();
            for corner in border.corners {
                let nearest = (0..corners.len())
                    .map(|i| {
                        let (a, b) = (corners[i], corners[(i + 1) % corners.len()]);
                        squared_distance(corner.map(f64::from), a, b)
                    })
                    .fold(f64::INFINITY, f64::min);
                prop_assert!(nearest <= tolerance * tolerance + 1e-9);
            }
        }
    }

    #[test]
    fn areas_hardly_change(mask in any_mask(), tolerance in 0.0..6.0_f64) {
        let doubled = |ring: &[u32]| {
            let corners: Vec<_> = ring.chunks_exact(2).map(|pair| [pair[0].into(), pair[1].into()]).collect();
            (0..corners.len()).map(|i| cross(corners[i], corners[(i + 1) % corners.len()])).sum::<i64>()
        };
        for (exact, ring) in rings(&mask, 0.0).iter().zip(rings(&mask, tolerance)) {
            let (exact, found) = (doubled(exact), doubled(&ring));
            prop_assert!((exact - found).abs() * LARGEST_CHANGE <= exact.abs(), "{} for {}", found, exact);
        }
    }
}
