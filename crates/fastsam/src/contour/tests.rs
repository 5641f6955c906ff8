//! Against pixel-wise border following; tests/opencv.rs holds OpenCV's own answers.

use proptest::prelude::*;

use super::*;
use crate::painted::{NEIGHBOURS, any_mask, mask, parts, pixel};

fn trace(mask: &Mask) -> Vec<Vec<[u16; 2]>> {
    let mut contours = Contours::default();
    Tracer::new().trace(mask, &mut contours);
    contours.iter().map(<[_]>::to_vec).collect()
}

#[test]
fn chains_start_at_the_top_left_and_turn_counter_clockwise() {
    type Chain = [[u16; 2]];
    let cases: [(&str, &[&str], &[&Chain]); 8] = [
        ("nothing", &["..."], &[]),
        ("one pixel", &["...", ".#."], &[&[[1, 1]]]),
        ("a line, there and back", &["####"], &[&[[0, 0], [3, 0]]]),
        (
            "a box",
            &["###", "###"],
            &[&[[0, 0], [0, 1], [2, 1], [2, 0]]],
        ),
        (
            "a roof: the ridge is passed twice",
            &["..#..", ".#.#.", "#...#"],
            &[&[[2, 0], [0, 2], [2, 0], [4, 2]]],
        ),
        (
            "a bay open to the top",
            &["##.##", ".#.#.", "..#.."],
            &[&[
                [0, 0],
                [2, 2],
                [4, 0],
                [3, 0],
                [3, 1],
                [2, 2],
                [1, 1],
                [1, 0],
            ]],
        ),
        (
            "an island in a hole is left out",
            &["#####", "#...#", "#.#.#", "#...#", "#####"],
            &[&[[0, 0], [0, 4], [4, 4], [4, 0]]],
        ),
        (
            "the last component comes first",
            &["#..#", "....", "##.#"],
            &[&[[3, 2]], &[[0, 2], [1, 2]], &[[3, 0]], &[[0, 0]]],
        ),
    ];
    for (name, rows, expected) in cases {
        assert_eq!(trace(&mask(rows)), expected, "{name}");
    }
}

/// The outer border of the component whose first pixel is `start`: from each pixel, the next one
/// is the first foreground neighbour counter-clockwise from where one came.
fn follow(mask: &Mask, start: [i64; 2]) -> Vec<[u16; 2]> {
    let neighbour = |[x, y]: [i64; 2], direction: usize| {
        let [dx, dy] = NEIGHBOURS[direction % 8];
        [x + dx, y + dy]
    };
    let turn = |from: [i64; 2], after: usize| {
        (after + 1..=after + 8).find(|&direction| {
            let [x, y] = neighbour(from, direction);
            pixel(mask, x, y) == Some(true)
        })
    };
    // All but the first four neighbours, from the left one on, are background.
    let Some(first) = turn(start, 3) else {
        return vec![start.map(|coordinate| coordinate as u16)];
    };
    let mut steps = vec![(start, first % 8)];
    loop {
        let &(from, direction) = steps.last().unwrap();
        let at = neighbour(from, direction);
        let next = turn(at, direction + 4).unwrap() % 8;
        if (at, next) == steps[0] {
            break;
        }
        steps.push((at, next));
    }
    let corners = (0..steps.len()).filter(|&i| {
        let before = steps[(i + steps.len() - 1) % steps.len()].1;
        steps[i].1 != before
    });
    corners
        .map(|i| steps[i].0.map(|coordinate| coordinate as u16))
        .collect()
}

/// Whether the component lies in the background that reaches around the picture.
fn is_outermost(mask: &Mask, component: &[[i64; 2]]) -> bool {
    let [x, y] = component[0];
    // The pixel to the left of the first one is background; which part of it decides.
    crate::painted::holes(mask)
        .iter()
        .all(|hole| !hole.contains(&[x - 1, y]))
}

proptest! {
    #[test]
    fn chains_are_those_of_following_pixels(mask in any_mask()) {
        let mut expected: Vec<_> = parts(&mask, true, true)
            .iter()
            .filter(|component| is_outermost(&mask, component))
            .map(|component| follow(&mask, component[0]))
            .collect();
        expected.reverse();
        prop_assert_eq!(trace(&mask), expected);
    }

    #[test]
    fn boxes_of_the_chains_are_the_masks(masks in prop::collection::vec(any_mask(), 3)) {
        // One tracer for all: nothing of a mask is left in the next.
        let (mut tracer, mut contours) = (Tracer::new(), Contours::default());
        for mask in masks {
            tracer.trace(&mask, &mut contours);
            prop_assert_eq!(contours.bounding_box(), mask.bounding_box());
        }
    }
}
