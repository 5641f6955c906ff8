use proptest::prelude::*;

use super::*;
use crate::painted::{any_mask, holes, mask, parts};

/// Area and box of a set of pixels.
fn measure(pixels: &[[i64; 2]]) -> Component {
    let span = |axis: usize| {
        let coordinates = || pixels.iter().map(|pixel| pixel[axis] as u32);
        let (least, most) = (coordinates().min().unwrap(), coordinates().max().unwrap());
        (least, most - least + 1)
    };
    let ((x, width), (y, height)) = (span(0), span(1));
    Component {
        area: pixels.len() as u32,
        bbox: PixelRect {
            x,
            y,
            width,
            height,
        },
    }
}

#[test]
fn corners_join_eight_connected_components_only() {
    let mask = mask(&["##..#", "..##.", "#...."]);
    let mut labeler = Labeler::new();
    let areas =
        |components: &[Component]| components.iter().map(|one| one.area).collect::<Vec<_>>();
    assert_eq!(
        areas(labeler.label(&mask, Connectivity::Four)),
        [2, 1, 2, 1]
    );
    assert_eq!(areas(labeler.label(&mask, Connectivity::Eight)), [5, 1]);
    assert_eq!(labeler.labels().collect::<Vec<_>>(), [0, 0, 0, 1]);
}

#[test]
fn background_that_reaches_the_border_is_no_hole() {
    let cases: [(&str, &[&str], &[u32]); 5] = [
        ("shut in", &["###", "#.#", "###"], &[1]),
        ("a corner is no way out", &["##.", "#.#", "###"], &[1]),
        ("open to the top", &["#.#", "#.#", "###"], &[]),
        (
            "between foreground and the border",
            &["###", "#..", "###"],
            &[],
        ),
        (
            "an island splits no hole",
            &["#####", "#...#", "#.#.#", "#...#", "#####"],
            &[8],
        ),
    ];
    for (name, rows, expected) in cases {
        let mut labeler = Labeler::new();
        let found: Vec<_> = labeler
            .holes(&mask(rows))
            .iter()
            .map(|one| one.area)
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

proptest! {
    #[test]
    fn components_and_holes_are_those_of_flood_filling(mask in any_mask()) {
        let mut labeler = Labeler::new();
        for (connectivity, eight) in [(Connectivity::Four, false), (Connectivity::Eight, true)] {
            let expected: Vec<_> = parts(&mask, true, eight).iter().map(|part| measure(part)).collect();
            prop_assert_eq!(labeler.label(&mask, connectivity), &expected);
            let area: u32 = labeler.components().iter().map(|one| one.area).sum();
            prop_assert_eq!(area, mask.area());
        }
        let expected: Vec<_> = holes(&mask).iter().map(|part| measure(part)).collect();
        prop_assert_eq!(labeler.holes(&mask), &expected);
    }

    #[test]
    fn labels_name_the_component_of_each_run(mask in any_mask()) {
        let mut labeler = Labeler::new();
        labeler.label(&mask, Connectivity::Eight);
        let parts = parts(&mask, true, true);
        prop_assert_eq!(labeler.labels().count(), mask.runs().len());
        for (run, label) in mask.runs().iter().zip(labeler.labels()) {
            prop_assert!(parts[label].contains(&[i64::from(run.start), i64::from(run.y)]));
        }
    }
}
