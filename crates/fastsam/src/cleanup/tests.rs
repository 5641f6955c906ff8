//! Against the definitions, pixel by pixel; tests/opencv.rs holds OpenCV's own answers.

use frame::Size;
use proptest::prelude::*;

use super::*;
use crate::painted::{any_mask, holes, mask, parts, pixel};

fn cleaned(cleanup: &Cleanup, mask: &Mask) -> Mask {
    let mut mask = mask.clone();
    Cleaner::new().apply(cleanup, &mut mask);
    mask
}

fn painted(size: Size, is_foreground: impl Fn(i64, i64) -> bool) -> Mask {
    let (width, height) = (i64::from(size.width), i64::from(size.height));
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let bitmap: Vec<u8> = pixels.map(|(x, y)| u8::from(is_foreground(x, y))).collect();
    Mask::from_bitmap(size, &bitmap).unwrap()
}

/// Pixels of the square around `x, y` that lie in the picture.
fn square(mask: &Mask, side: u32, x: i64, y: i64) -> impl Iterator<Item = bool> {
    let radius = i64::from(side / 2);
    let offsets = move || -radius..=radius;
    offsets().flat_map(move |dy| offsets().filter_map(move |dx| pixel(mask, x + dx, y + dy)))
}

fn dilated(mask: &Mask, side: u32) -> Mask {
    painted(mask.size(), |x, y| {
        square(mask, side, x, y).any(|pixel| pixel)
    })
}

fn eroded(mask: &Mask, side: u32) -> Mask {
    painted(mask.size(), |x, y| {
        square(mask, side, x, y).all(|pixel| pixel)
    })
}

fn only(pick: impl FnOnce(&mut Cleanup)) -> Cleanup {
    let mut cleanup = Cleanup::default();
    pick(&mut cleanup);
    cleanup
}

#[test]
fn each_step_does_what_it_is_named_after() {
    let cases: [(&str, Cleanup, &[&str], &[&str]); 7] = [
        (
            "a gap of two is closed by three",
            only(|it| it.close = 3),
            &["##..##", "##..##", "##..##"],
            &["######", "######", "######"],
        ),
        (
            "a spur is opened away",
            only(|it| it.open = 3),
            &[".......", ".###...", ".######", ".###...", "......."],
            &[".......", ".###...", ".###...", ".###...", "......."],
        ),
        (
            "what touches the border isn't taken for thin",
            only(|it| it.open = 3),
            &["##...", "##...", "....."],
            &["##...", "##...", "....."],
        ),
        (
            "islands go",
            only(|it| it.min_island = 3),
            &["##.##", "..#..", "....."],
            &["##.##", "..#..", "....."],
        ),
        (
            "islands below the area go",
            only(|it| it.min_island = 3),
            &["##.##", "....#", "#...."],
            &["...##", "....#", "....."],
        ),
        (
            "the largest island stays, of several the first",
            only(|it| it.min_island = 9),
            &["#..##", ".....", "##..."],
            &["...##", ".....", "....."],
        ),
        (
            "holes up to the area are filled, with an island in one",
            only(|it| it.max_hole = 8),
            &[
                "##########",
                "#...##...#",
                "#.#.##...#",
                "#...##...#",
                "##########",
            ],
            &[
                "##########",
                "######...#",
                "######...#",
                "######...#",
                "##########",
            ],
        ),
    ];
    for (name, cleanup, rows, expected) in cases {
        assert_eq!(cleaned(&cleanup, &mask(rows)), mask(expected), "{name}");
    }
}

#[test]
fn kernels_beyond_the_picture_are_no_trouble() {
    let cleanup = Cleanup {
        close: u32::MAX,
        open: u32::MAX,
        min_island: u32::MAX,
        max_hole: u32::MAX,
    };
    let picture = mask(&["....", ".##.", "...."]);
    assert!(!cleaned(&cleanup, &picture).is_empty());
    let cleanup = only(|it| it.open = 99);
    assert!(cleaned(&cleanup, &picture).is_empty());
    let empty = Mask::empty(Size::new(0, 0));
    assert_eq!(cleaned(&cleanup, &empty), empty);
}

proptest! {
    #[test]
    fn closing_and_opening_follow_their_definitions(
        mask in any_mask(),
        close in 0..6_u32,
        open in 0..6_u32,
    ) {
        let (close, open) = (2 * close + 1, 2 * open + 1);
        let closed = eroded(&dilated(&mask, close), close);
        let opened = dilated(&eroded(&closed, open), open);
        let cleanup = Cleanup { close, open, ..Cleanup::default() };
        prop_assert_eq!(cleaned(&cleanup, &mask), opened);
    }

    #[test]
    fn closing_and_opening_again_changes_nothing(mask in any_mask(), radius in 1..5_u32) {
        let side = 2 * radius + 1;
        for cleanup in [only(|it| it.close = side), only(|it| it.open = side)] {
            let once = cleaned(&cleanup, &mask);
            prop_assert_eq!(cleaned(&cleanup, &once), once);
        }
    }

    #[test]
    fn closing_adds_and_opening_removes(mask in any_mask(), radius in 1..5_u32) {
        let side = 2 * radius + 1;
        let area = mask.area();
        let closed = cleaned(&only(|it| it.close = side), &mask);
        prop_assert_eq!(closed.intersection_area(&mask), area);
        let opened = cleaned(&only(|it| it.open = side), &mask);
        prop_assert_eq!(opened.intersection_area(&mask), opened.area());
    }

    #[test]
    fn islands_and_holes_go_by_area(mask in any_mask(), min_island in 0..9_u32, max_hole in 0..9_u32) {
        let components = parts(&mask, true, true);
        let most = components.iter().map(Vec::len).max();
        let largest = components.iter().find(|part| Some(part.len()) == most);
        let without_islands = painted(mask.size(), |x, y| {
            components.iter().any(|part| {
                part.contains(&[x, y])
                    && (part.len() >= min_island as usize || Some(part) == largest)
            })
        });
        let filled: Vec<_> = holes(&without_islands)
            .into_iter()
            .filter(|part| part.len() <= max_hole as usize)
            .flatten()
            .collect();
        let expected = painted(mask.size(), |x, y| {
            pixel(&without_islands, x, y) == Some(true) || filled.contains(&[x, y])
        });
        let cleanup = Cleanup { min_island, max_hole, ..Cleanup::default() };
        prop_assert_eq!(cleaned(&cleanup, &mask), expected);
    }

    #[test]
    fn runs_stay_sorted_and_inside(mask in any_mask(), close in 0..9_u32, open in 0..9_u32, area in 0..9_u32) {
        let cleanup = Cleanup { close, open, min_island: area, max_hole: area };
        let mask = cleaned(&cleanup, &mask);
        prop_assert!(Mask::from_runs(mask.size(), mask.runs().to_vec()).is_some());
    }
}
