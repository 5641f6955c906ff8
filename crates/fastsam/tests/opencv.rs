//! What OpenCV and pycocotools answer on a few hundred small masks, nasty ones first.
//!
//! `data/opencv.jsonl` was written by `scripts/check-contours --record` (OpenCV 5.0.0, pycocotools
//! 2); each line has a mask (as `counts`), what `findContours` and `connectedComponents` say of it,
//! and what `morphologyEx` and the filters by area make of it.

#![expect(clippy::panic, reason = "helpers of tests fail by panicking")]

use fastsam::cleanup::{Cleaner, Cleanup};
use fastsam::component::{Component, Labeler};
use fastsam::contour::Tracer;
use fastsam::encode::rle;
use fastsam::{Connectivity, Contours, Mask};
use frame::Size;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    /// Height and width.
    size: [u32; 2],
    /// Closing, opening, smallest island, largest hole.
    cleanup: [u32; 4],
    counts: String,
    contours: Vec<Vec<[u16; 2]>>,
    /// Areas in ascending order, as the others.
    components4: Vec<u32>,
    components8: Vec<u32>,
    holes: Vec<u32>,
    cleaned: String,
}

impl Case {
    fn mask(&self) -> Mask {
        let [height, width] = self.size;
        rle::decode(Size::new(width, height), &self.counts)
            .unwrap_or_else(|error| panic!("{}: {error}", self.counts))
    }
}

fn cases() -> Vec<Case> {
    let lines = include_str!("data/opencv.jsonl").lines();
    let cases: Result<Vec<Case>, _> = lines.map(serde_json::from_str).collect();
    let cases = cases.unwrap_or_else(|error| panic!("data/opencv.jsonl: {error}"));
    assert!(cases.len() > 300);
    cases
}

fn encode(mask: &Mask) -> String {
    let mut counts = Vec::new();
    rle::Encoder::new().encode(mask, &mut counts);
    String::from_utf8_lossy(&counts).into_owned()
}

#[test]
fn contours_are_opencvs_in_its_order() {
    let (mut tracer, mut contours) = (Tracer::new(), Contours::default());
    for case in cases() {
        tracer.trace(&case.mask(), &mut contours);
        let found: Vec<_> = contours.iter().map(<[_]>::to_vec).collect();
        assert_eq!(found, case.contours, "{} over {:?}", case.counts, case.size);
    }
}

#[test]
fn components_and_holes_are_opencvs() {
    let sorted = |components: &[Component]| {
        let mut areas: Vec<_> = components.iter().map(|one| one.area).collect();
        areas.sort_unstable();
        areas
    };
    let mut labeler = Labeler::new();
    for case in cases() {
        let mask = case.mask();
        let four = sorted(labeler.label(&mask, Connectivity::Four));
        let eight = sorted(labeler.label(&mask, Connectivity::Eight));
        let holes = sorted(labeler.holes(&mask));
        assert_eq!(
            (four, eight, holes),
            (case.components4, case.components8, case.holes),
            "{} over {:?}",
            case.counts,
            case.size
        );
    }
}

#[test]
fn counts_are_pycocotools() {
    for case in cases() {
        assert_eq!(encode(&case.mask()), case.counts, "{:?}", case.size);
    }
}

#[test]
fn cleaned_masks_are_opencvs() {
    let mut cleaner = Cleaner::new();
    for case in cases() {
        let [close, open, min_island, max_hole] = case.cleanup;
        let cleanup = Cleanup {
            close,
            open,
            min_island,
            max_hole,
        };
        let mut mask = case.mask();
        cleaner.apply(&cleanup, &mut mask);
        assert_eq!(
            encode(&mask),
            case.cleaned,
            "{cleanup:?} on {} over {:?}",
            case.counts,
            case.size
        );
    }
}
