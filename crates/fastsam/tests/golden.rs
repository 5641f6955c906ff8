//! The samples against what the reference made of them: anchors, boxes, masks and measures, for
//! both settings and both mask sizes.

#![allow(clippy::unwrap_used)]

mod support;

use fastsam::{Contours, Mask, MaskSize, Segmenter, Segments, Settings, contour::Tracer};
use serde_json::{Value, json};
use support::sample::{Expected, Sample};

const SAMPLES: [&str; 3] = ["hd_mixed", "vga_mixed", "odd_pad"];

/// What is compared, by name.
struct Case {
    name: String,
    sample: Sample,
    expected: Expected,
    settings: Settings,
}

/// The twelve comparisons.
fn cases() -> impl Iterator<Item = Case> {
    let settings = [("ultra_default", 0.25, 0.7), ("fastsam_readme", 0.4, 0.9)];
    let sizes = [("retina", MaskSize::Frame), ("net", MaskSize::Network)];
    SAMPLES.into_iter().flat_map(move |sample| {
        settings
            .into_iter()
            .flat_map(move |(setting, confidence, iou)| {
                sizes.into_iter().map(move |(size, mask_size)| {
                    let name = format!("{sample}, {setting}, {size}");
                    let sample = Sample::open(sample);
                    let expected = sample.expected(setting, size);
                    let settings = Settings {
                        confidence,
                        iou,
                        mask_size,
                        ..Settings::default()
                    };
                    Case {
                        name,
                        sample,
                        expected,
                        settings,
                    }
                })
            })
    })
}

impl Case {
    fn segment(&self) -> (Segmenter, Segments) {
        let mut segmenter = Segmenter::new(&self.sample.layout);
        let mut segments = Segments::new();
        segmenter
            .segment(
                &self.sample.tensors,
                &self.sample.letterbox,
                &self.settings,
                &mut segments,
            )
            .unwrap();
        (segmenter, segments)
    }
}

/// The largest difference of two lists of numbers, of the same length.
fn worst(ours: impl IntoIterator<Item = f32>, theirs: &[f32]) -> f32 {
    let ours: Vec<f32> = ours.into_iter().collect();
    assert_eq!(ours.len(), theirs.len());
    ours.iter()
        .zip(theirs)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn the_same_anchors_survive_in_the_same_order_with_the_same_boxes() {
    for case in cases() {
        let (segmenter, segments) = case.segment();
        let (name, expected) = (&case.name, &case.expected);
        let detections = segmenter.last_detections();

        let anchors: Vec<i64> = detections.iter().map(|d| d.anchor.index() as i64).collect();
        assert_eq!(anchors, expected.anchors, "{name}");
        let scores = worst(detections.iter().map(|d| d.score), &expected.scores);
        assert!(scores <= 1e-6, "{name}: a score is off by {scores}");
        let boxes = worst(
            detections
                .iter()
                .flat_map(|d| [d.bbox.x1, d.bbox.y1, d.bbox.x2, d.bbox.y2]),
            &expected.boxes640,
        );
        assert!(boxes <= 0.01, "{name}: a box is off by {boxes} px");

        let reported = worst(
            segments.as_slice().iter().flat_map(|segment| {
                let bbox = segment.detection_bbox;
                [bbox.x1, bbox.y1, bbox.x2, bbox.y2]
            }),
            &expected.boxes,
        );
        // A frame pixel is up to two input pixels long here.
        assert!(
            reported <= 0.02,
            "{name}: a reported box is off by {reported} px"
        );
        println!("{name}: scores {scores:.1e}, boxes {boxes:.1e}, reported {reported:.1e}");
    }
}

#[test]
fn masks_are_the_references() {
    for case in cases() {
        let (_, segments) = case.segment();
        let (name, expected) = (&case.name, &case.expected);
        assert_eq!(segments.size(), expected.size, "{name}");
        assert_eq!(segments.as_slice().len(), expected.masks.len(), "{name}");
        let (mut differing, mut worst_iou) = (0, 1.0_f64);
        for (i, (segment, theirs)) in segments.as_slice().iter().zip(&expected.masks).enumerate() {
            let theirs = Mask::from_bitmap(expected.size, theirs).unwrap();
            let iou = segment.mask.iou(&theirs);
            let both = segment.mask.intersection_area(&theirs);
            differing += segment.area + theirs.area() - 2 * both;
            worst_iou = worst_iou.min(iou);
            let least = if theirs.area() >= 400 { 0.9995 } else { 0.99 };
            assert!(
                iou >= least,
                "{name}: mask {i} of {} px has IoU {iou}",
                theirs.area()
            );
            if theirs.area() < 100 {
                let off = f64::from(segment.area.abs_diff(theirs.area()));
                assert!(
                    off <= (0.1 * f64::from(theirs.area())).max(3.0),
                    "{name}: mask {i}"
                );
            }
        }
        println!("{name}: worst IoU {worst_iou:.6}, {differing} pixels differ");
    }
}

#[test]
fn areas_and_boxes_are_the_references() {
    let mut tracer = Tracer::new();
    let mut contours = Contours::default();
    for case in cases() {
        let (_, segments) = case.segment();
        for (i, (segment, theirs)) in segments
            .as_slice()
            .iter()
            .zip(&case.expected.measures)
            .enumerate()
        {
            let name = format!("{}: mask {i}", case.name);
            let ours = segment.mask.to_bitmap();
            let same = ours
                .iter()
                .zip(&case.expected.masks[i])
                .all(|(a, b)| a & 1 == *b);
            if same {
                let bbox = segment.bbox;
                tracer.trace(&segment.mask, &mut contours);
                assert_eq!(json!(segment.area), theirs["area"], "{name}");
                let corners = [bbox.x, bbox.y, bbox.x + bbox.width, bbox.y + bbox.height];
                assert_eq!(json!(corners), theirs["bbox"], "{name}");
                assert_eq!(rings(&contours), sorted(&theirs["contours"]), "{name}");
            }
        }
    }
}

#[test]
fn contours_of_the_references_masks_are_opencvs() {
    let mut tracer = Tracer::new();
    let mut contours = Contours::default();
    for case in cases() {
        let expected = &case.expected;
        for (i, (bitmap, theirs)) in expected.masks.iter().zip(&expected.measures).enumerate() {
            let mask = Mask::from_bitmap(expected.size, bitmap).unwrap();
            tracer.trace(&mask, &mut contours);
            assert_eq!(
                rings(&contours),
                sorted(&theirs["contours"]),
                "{}: mask {i}",
                case.name
            );
        }
    }
}

/// Rings as they are compared: neither where one begins nor which comes first says anything.
fn rings(contours: &Contours) -> Vec<Vec<Value>> {
    let rings = contours
        .iter()
        .map(|ring| ring.iter().map(|point| json!(point)).collect());
    in_order(rings.collect())
}

fn sorted(contours: &Value) -> Vec<Vec<Value>> {
    let rings = contours.as_array().unwrap().iter();
    in_order(rings.map(|ring| ring.as_array().unwrap().clone()).collect())
}

fn in_order(mut rings: Vec<Vec<Value>>) -> Vec<Vec<Value>> {
    let key = |point: &Value| (point[1].as_u64(), point[0].as_u64());
    for ring in &mut rings {
        let first = (0..ring.len()).min_by_key(|&i| key(&ring[i])).unwrap_or(0);
        ring.rotate_left(first);
    }
    rings.sort_by_key(|ring| ring.iter().map(key).collect::<Vec<_>>());
    rings
}
