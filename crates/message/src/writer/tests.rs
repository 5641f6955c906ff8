use std::{collections::BTreeSet, sync::LazyLock};

use fastsam::{Mask, Run};
use proptest::prelude::*;

use super::*;
use crate::{Masks, Segmentation};

const SIZE: Size = Size::new(640, 480);

/// FastSAM's.
static ONE: LazyLock<Classes> = LazyLock::new(Classes::one);

/// A filled rectangle.
fn rectangle([x, y, width, height]: [u16; 4], score: f32) -> fastsam::Segment {
    let row = |y| Run {
        y,
        start: x,
        end: x + width,
    };
    let mask = Mask::from_runs(SIZE, (y..y + height).map(row).collect()).unwrap();
    fastsam::Segment {
        score,
        class: 0,
        bbox: mask.bounding_box(),
        detection_bbox: FrameRect {
            x1: 1.5,
            y1: 2.25,
            x2: 11.5,
            y2: 22.5,
        },
        area: mask.area(),
        mask,
    }
}

/// Areas 1200, 9, 1400, 9.
pub(super) fn segments() -> Vec<fastsam::Segment> {
    vec![
        rectangle([10, 20, 30, 40], 0.93),
        rectangle([1, 1, 3, 3], 0.8),
        rectangle([100, 100, 200, 7], 0.5),
        rectangle([5, 1, 3, 3], 0.4),
    ]
}

pub(super) fn header() -> FrameHeader<'static> {
    FrameHeader {
        node: "garden",
        camera: "cam0",
        backend: "mock",
        input: None,
        sequence: 42,
        captured_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_341_600_123),
        size: SIZE,
        classes: &ONE,
        tracks: &[],
        texts: None,
        latency: Latency {
            capture: Duration::from_nanos(3_100_999),
            infer: Duration::from_micros(20_800),
            segment: Duration::from_micros(1_200),
            total: Duration::from_micros(26_000),
        },
    }
}

/// A mask whose run lengths have a backslash, which JSON writes as two.
#[test]
fn run_lengths_that_are_known_are_taken_as_they_are() {
    let mut segments = segments();
    segments.push(rectangle([300, 0, 2, 400], 0.2));
    let mut encoder = Encoder::new();
    let mut texts = Texts::default();
    for segment in &segments {
        texts.push(&mut encoder, &segment.mask);
    }
    let has_backslash = |place| texts.get(place).is_some_and(|text| text.contains(&b'\\'));
    assert!((0..segments.len()).any(has_backslash));
    let known = FrameHeader {
        texts: Some(&texts),
        ..header()
    };
    let mut writer = MasksWriter::new();
    let [mut with, mut without] = [Vec::new(), Vec::new()];
    writer.write(&known, &segments, MaskFormat::Rle, usize::MAX, &mut with);
    writer.write(
        &header(),
        &segments,
        MaskFormat::Rle,
        usize::MAX,
        &mut without,
    );
    assert_eq!(with, without);
    let message: Masks = serde_json::from_slice(&with).unwrap();
    for (read, segment) in message.segments.iter().zip(&segments) {
        let Some(Segmentation::Rle { counts, .. }) = &read.segmentation else {
            panic!("{read:?}");
        };
        let mask = fastsam::encode::rle::decode(SIZE, counts);
        assert_eq!(mask.as_ref(), Ok(&segment.mask));
    }
}

/// What a subscriber reads, and how long it was. Nothing may be in it that the types don't know.
fn read(segments: &[fastsam::Segment], format: MaskFormat, limit: usize) -> (Masks, usize) {
    let mut out = b"left from before".to_vec();
    let written = MasksWriter::new().write(&header(), segments, format, limit, &mut out);
    assert_eq!(written.bytes, out.len());
    let message: Masks = serde_json::from_slice(&out).unwrap();
    let again = serde_json::to_string(&message).unwrap();
    assert_eq!(again, String::from_utf8(out.clone()).unwrap());
    let dropped = message
        .reduced
        .map_or(0, |reduced| reduced.segments_dropped);
    assert_eq!(dropped, written.dropped_segments as u64);
    assert_eq!(
        message.segments.len() + written.dropped_segments,
        segments.len()
    );
    (message, out.len())
}

fn ids(message: &Masks) -> Vec<u64> {
    message.segments.iter().map(|segment| segment.id).collect()
}

#[test]
fn the_message_is_laid_out_as_the_contract_says() {
    let mut out = Vec::new();
    let one = [rectangle([2, 1, 3, 2], 0.5)];
    MasksWriter::new().write(&header(), &one, MaskFormat::Rle, usize::MAX, &mut out);
    let text = String::from_utf8(out).unwrap();
    let (before, rest) = text.split_once("\"counts\":\"").unwrap();
    let (_, after) = rest.split_once('"').unwrap();
    assert_eq!(
        before,
        "{\"schema\":1,\"node\":\"garden\",\"camera\":\"cam0\",\"backend\":\"mock\",\
         \"mask_format\":\"rle\",\
         \"frame\":{\"sequence\":42,\"captured_at\":\"2026-11-22T10:00:00.123Z\",\
         \"width\":640,\"height\":480},\
         \"segments\":[{\"id\":0,\"image_id\":42,\"category_id\":1,\"iscrowd\":0,\"score\":0.5,\"bbox\":[2,1,3,2],\"area\":6,\
         \"detection_bbox\":[1.5,2.25,10.0,20.25],\"centroid\":[3.5,2.0],\
         \"segmentation\":{\"size\":[480,640],"
    );
    assert_eq!(
        after,
        "}}],\"latency_ms\":{\"capture\":3.1,\"infer\":20.8,\"segment\":1.2,\"total\":26.0}}"
    );
}

#[test]
fn segments_come_back_as_they_were() {
    let segments = segments();
    let (message, _) = read(&segments, MaskFormat::Rle, usize::MAX);
    assert_eq!(ids(&message), [0, 1, 2, 3]);
    assert_eq!(message.segments[0].bbox, [10, 20, 30, 40]);
    for (told, segment) in message.segments.iter().zip(&segments) {
        assert_eq!((told.score, told.area), (segment.score, segment.area));
        let Some(Segmentation::Rle { size, counts }) = &told.segmentation else {
            panic!("{:?}", told.segmentation);
        };
        assert_eq!(*size, [480, 640]);
        assert_eq!(
            fastsam::encode::rle::decode(SIZE, counts).unwrap(),
            segment.mask
        );
    }
}

#[test]
fn a_backslash_in_the_run_lengths_survives() {
    // Lengths are written with characters 48 to 111: 92 is a backslash.
    let found = (1..480).any(|height| {
        let tall = [rectangle([3, 0, 1, height], 0.5)];
        let mut counts = Vec::new();
        Encoder::new().encode(&tall[0].mask, &mut counts);
        let (message, _) = read(&tall, MaskFormat::Rle, usize::MAX);
        let Some(Segmentation::Rle { counts: told, .. }) = &message.segments[0].segmentation else {
            panic!("no run lengths");
        };
        assert_eq!(told.as_bytes(), counts);
        counts.contains(&b'\\')
    });
    assert!(found, "no mask here has a backslash in its run lengths");
}

#[test]
fn names_are_escaped() {
    let mut out = Vec::new();
    let header = FrameHeader {
        node: "a\"b\\c\n",
        camera: "käm",
        ..header()
    };
    MasksWriter::new().write(&header, &[], MaskFormat::Rle, usize::MAX, &mut out);
    let message: Masks = serde_json::from_slice(&out).unwrap();
    assert_eq!(
        (message.node.as_str(), message.camera.as_str()),
        ("a\"b\\c\n", "käm")
    );
    assert!(!String::from_utf8(out).unwrap().contains("\"input\""));
}

#[test]
fn the_input_is_named_where_there_is_one() {
    let mut out = Vec::new();
    let header = FrameHeader {
        input: Some("/a b/\"ü\".png"),
        ..header()
    };
    MasksWriter::new().write(&header, &[], MaskFormat::Rle, usize::MAX, &mut out);
    let message: Masks = serde_json::from_slice(&out).unwrap();
    assert_eq!(message.input.as_deref(), header.input);
    // Where the type has it, too.
    assert_eq!(serde_json::to_string(&message).unwrap().as_bytes(), out);
}

#[test]
fn classes_are_told_where_there_are_several() {
    let read = |classes: &Classes| {
        let mut segments = segments();
        segments[0].class = 1;
        let header = FrameHeader {
            classes,
            ..header()
        };
        let (mut out, mut answer) = (Vec::new(), Vec::new());
        let mut writer = MasksWriter::new();
        writer.write(&header, &segments, MaskFormat::None, usize::MAX, &mut out);
        let chosen = Chosen {
            segments: &segments,
            places: &[0],
            union: Some(&segments[1]),
        };
        writer.write_chosen(&header, &chosen, &"it", MaskFormat::None, &mut answer);
        let message: Masks = serde_json::from_slice(&out).unwrap();
        // Where the type has them, too.
        assert_eq!(serde_json::to_string(&message).unwrap().as_bytes(), out);
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["union"].get("class"), None);
        let [first, second, ..] = &message.segments[..] else {
            panic!("{message:?}");
        };
        assert_eq!(
            answer["segments"][0]["class"].as_u64(),
            first.class.map(u64::from)
        );
        [first, second].map(|segment| (segment.class, segment.name.clone()))
    };
    assert_eq!(read(&Classes::one()), [(None, None), (None, None)]);
    assert_eq!(
        read(&Classes::numbered(3)),
        [(Some(1), None), (Some(0), None)]
    );
    let coco = [
        (Some(1), Some("bicycle".into())),
        (Some(0), Some("person".into())),
    ];
    assert_eq!(read(&Classes::numbered(80)), coco);
}

#[test]
fn objects_that_are_followed_keep_their_ids() {
    let segments = &segments()[..2];
    let track = |id, state| track::Track {
        id,
        age: Duration::from_micros(4_100_900),
        state,
        velocity: [12.34, -0.04],
    };
    let tracks = [
        track(7, track::State::Tracked),
        track(1 << 40, track::State::Tentative),
    ];
    let header = FrameHeader {
        tracks: &tracks,
        ..header()
    };
    let (mut out, mut answer) = (Vec::new(), Vec::new());
    let mut writer = MasksWriter::new();
    writer.write(&header, segments, MaskFormat::None, usize::MAX, &mut out);
    let message: Masks = serde_json::from_slice(&out).unwrap();
    assert_eq!(serde_json::to_string(&message).unwrap().as_bytes(), out);
    assert_eq!(ids(&message), [7, 1 << 40]);
    let told = message.segments[0].track.unwrap();
    assert_eq!((told.age_ms, told.velocity), (4100, [12.3, 0.0]));
    assert_eq!(told.state, crate::TrackState::Tracked);

    // An answer names the same object, and a union is none.
    let chosen = Chosen {
        segments,
        places: &[1],
        union: Some(&segments[0]),
    };
    writer.write_chosen(&header, &chosen, &"it", MaskFormat::None, &mut answer);
    let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["segments"][0]["id"], 1_u64 << 40);
    assert_eq!(answer["segments"][0]["track"]["state"], "tentative");
    assert_eq!(
        (answer["union"].get("id"), answer["union"].get("track")),
        (None, None)
    );
}

#[test]
fn polygons_are_rings_of_points() {
    let (message, _) = read(
        &segments(),
        MaskFormat::Polygon { tolerance: 0.0 },
        usize::MAX,
    );
    let rings = Segmentation::Polygons(vec![vec![10, 20, 10, 60, 40, 60, 40, 20]]);
    assert_eq!(message.segments[0].segmentation, Some(rings));
}

#[test]
fn counts_are_runs_down_the_columns_as_numbers() {
    let (message, _) = read(&segments(), MaskFormat::Counts, usize::MAX);
    let Some(Segmentation::Counts { size, counts }) = &message.segments[0].segmentation else {
        panic!("{:?}", message.segments[0].segmentation);
    };
    // Columns 10 to 39, of rows 20 to 59 each.
    let rows = size[0];
    assert_eq!(counts[..3], [10 * rows + 20, 40, rows - 40]);
    assert_eq!(counts.len(), 2 * 30 + 1);
    assert_eq!(counts.iter().sum::<u32>(), size[0] * size[1]);
}

#[test]
fn what_coco_calls_a_picture_and_a_class_is_told() {
    let (message, _) = read(&segments(), MaskFormat::Rle, usize::MAX);
    for segment in &message.segments {
        let told = (segment.image_id, segment.category_id, segment.iscrowd);
        assert_eq!(told, (header().sequence, 1, 0));
    }
}

#[test]
fn without_masks_there_is_no_segmentation() {
    let (message, _) = read(&segments(), MaskFormat::None, usize::MAX);
    assert_eq!(message.segments.len(), 4);
    assert!(
        message
            .segments
            .iter()
            .all(|segment| segment.segmentation.is_none())
    );
}

#[test]
fn a_frame_without_segments_is_an_empty_list() {
    let (message, _) = read(&[], MaskFormat::Rle, usize::MAX);
    assert_eq!(message.segments, []);
}

#[test]
fn numbers_that_json_lacks_become_zero() {
    let mut broken = rectangle([1, 1, 3, 3], f32::NAN);
    broken.detection_bbox.x2 = f32::INFINITY;
    let (message, _) = read(&[broken], MaskFormat::Rle, usize::MAX);
    assert_eq!(message.segments[0].score, 0.0);
    assert_eq!(message.segments[0].detection_bbox, [1.5, 2.25, 0.0, 20.25]);
}

#[test]
fn the_fewest_pixels_are_left_out_first() {
    for format in [
        MaskFormat::Rle,
        MaskFormat::Polygon { tolerance: 1.0 },
        MaskFormat::None,
    ] {
        let segments = segments();
        let (_, whole) = read(&segments, format, usize::MAX);
        let (_, none) = read(&segments, format, 0);
        let mut seen = Vec::new();
        for limit in (0..=whole).rev() {
            let (message, bytes) = read(&segments, format, limit);
            assert!(
                bytes <= limit || bytes == none,
                "{bytes} bytes, limit {limit}"
            );
            let ids = ids(&message);
            if seen.last() != Some(&ids) {
                seen.push(ids);
            }
        }
        // Of the two smallest the later one goes first.
        let expected = [vec![0, 1, 2, 3], vec![0, 1, 2], vec![0, 2], vec![2], vec![]];
        assert_eq!(seen, expected, "{format:?}");
    }
}

#[test]
fn no_more_is_left_out_than_must_be() {
    let segments = segments();
    for dropped in 1..=segments.len() {
        // As long as what this many dropped leaves: not one more goes.
        let fits = |limit: &usize| {
            let (message, _) = read(&segments, MaskFormat::Rle, *limit);
            message
                .reduced
                .map_or(0, |reduced| reduced.segments_dropped)
                <= dropped as u64
        };
        let least = (0..10_000).find(fits).unwrap();
        let (_, bytes) = read(&segments, MaskFormat::Rle, least);
        assert!(
            bytes == least || dropped == segments.len(),
            "{bytes} of {least} bytes"
        );
    }
}

#[test]
fn the_schema_names_every_field_of_a_message() {
    let schema = crate::masks_schema();
    let (mut message, _) = read(&segments(), MaskFormat::Rle, 1000);
    assert!(message.reduced.is_some());
    // What a camera's messages don't have.
    message.input = Some("/pictures/cat.jpg".to_owned());
    // What a picture's don't.
    message.segments[0].track = Some(crate::Track {
        age_ms: 4100,
        state: crate::TrackState::Tracked,
        velocity: [0.0, 0.0],
    });
    // What FastSAM's don't.
    message.segments[0].class = Some(15);
    message.segments[0].name = Some("cat".to_owned());
    let mut fields = BTreeSet::new();
    collect_keys(&serde_json::to_value(&message).unwrap(), &mut fields);
    let mut described = BTreeSet::new();
    collect_properties(&schema, &mut described);
    assert_eq!(fields, described);
}

/// All keys of objects in a document.
fn collect_keys(value: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            keys.extend(map.keys().cloned());
            map.values().for_each(|value| collect_keys(value, keys));
        }
        serde_json::Value::Array(values) => {
            values.iter().for_each(|value| collect_keys(value, keys));
        }
        _ => {}
    }
}

/// All keys under `properties` in a schema.
fn collect_properties(schema: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(map) => {
            if let Some(serde_json::Value::Object(properties)) = map.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            map.values()
                .for_each(|value| collect_properties(value, keys));
        }
        serde_json::Value::Array(values) => {
            values
                .iter()
                .for_each(|value| collect_properties(value, keys));
        }
        _ => {}
    }
}

#[test]
fn nothing_is_allocated_once_the_buffers_have_grown() {
    let segments = segments();
    let mut writer = MasksWriter::new();
    let mut out = Vec::new();
    for format in [MaskFormat::Rle, MaskFormat::Polygon { tolerance: 1.0 }] {
        for limit in [usize::MAX, 900] {
            let mut write = || writer.write(&header(), &segments, format, limit, &mut out);
            write();
            let allocated = allocation_counter::measure(|| {
                write();
            });
            assert_eq!(allocated.count_total, 0, "{format:?}, limit {limit}");
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_limit_the_message_is_whole_and_keeps_the_larger_segments(
        rectangles in prop::collection::vec((0..600u16, 0..400u16, 1..40u16, 1..80u16), 0..12),
        limit in 0..4000usize,
    ) {
        let segments: Vec<_> = rectangles
            .iter()
            .map(|&(x, y, width, height)| rectangle([x, y, width, height], 0.5))
            .collect();
        let (message, bytes) = read(&segments, MaskFormat::Rle, limit);
        prop_assert!(bytes <= limit || message.segments.is_empty());
        let kept: BTreeSet<u64> = ids(&message).into_iter().collect();
        let kept = &kept;
        let areas = |wanted: bool| {
            let chosen = segments
                .iter()
                .enumerate()
                .filter(move |(i, _)| kept.contains(&(*i as u64)) == wanted);
            chosen.map(|(_, segment)| segment.area)
        };
        if let (Some(kept), Some(dropped)) = (areas(true).min(), areas(false).max()) {
            prop_assert!(dropped <= kept);
        }
    }
}
