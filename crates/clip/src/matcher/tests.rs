//! The tiny encoders of `scripts/make-tiny-clip`, through the tokenizer and the engine.

use std::path::PathBuf;

use fastsam::{MaskSize, Run, prompt::Canvas};
use frame::{FrameRect, InputSize, Letterbox, NetworkInput, PixelRect};

use super::*;
use crate::{Known, OnnxImageEncoder, TextEncoder};

const INPUT: InputSize = InputSize::DEFAULT;
const SIDE: usize = INPUT.width() as usize;

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(name)
}

fn templates() -> Vec<String> {
    vec!["a photo of a {}".to_owned(), "{}".to_owned()]
}

fn matcher_with(texts: Texts) -> Matcher {
    let images = OnnxImageEncoder::open(&data("tiny-image.onnx")).unwrap();
    let settings = Settings {
        min_area: 100,
        most_segments: NonZeroUsize::new(8).unwrap(),
        margin: 0.1,
        threshold: 0.8,
    };
    Matcher::new(texts, Box::new(images), settings)
}

fn matcher() -> Matcher {
    let encoder = TextEncoder::open(&data("tiny-text.onnx")).unwrap();
    matcher_with(Texts::new(Some(encoder), &templates(), None))
}

/// Squares of 60 pixels in a row, of these colours.
fn scene(colours: &[[u8; 3]]) -> (NetworkInput, Vec<Segment>) {
    let mut input = NetworkInput::new(INPUT);
    input.bytes_mut().fill(120);
    let mut segments = Vec::new();
    for (place, colour) in colours.iter().enumerate() {
        let left = 10 + 70 * place;
        for y in 200..260 {
            for x in left..left + 60 {
                input.bytes_mut()[(y * SIDE + x) * 3..][..3].copy_from_slice(colour);
            }
        }
        segments.push(square(left as u16, 200, 60));
    }
    (input, segments)
}

fn square(left: u16, top: u16, side: u16) -> Segment {
    let runs = (top..top + side).map(|y| Run {
        y,
        start: left,
        end: left + side,
    });
    let mask = Mask::from_runs(INPUT.size(), runs.collect()).unwrap();
    Segment {
        score: 0.9,
        class: 0,
        bbox: PixelRect::default(),
        detection_bbox: FrameRect::default(),
        area: mask.area(),
        mask,
    }
}

fn picture(input: &NetworkInput) -> Picture<'_> {
    Picture {
        input,
        canvas: Canvas {
            letterbox: Letterbox::fit(INPUT.size(), INPUT),
            mask_size: MaskSize::Network,
        },
    }
}

const RED: [u8; 3] = [205, 45, 40];
const BLUE: [u8; 3] = [50, 80, 205];
const GREEN: [u8; 3] = [45, 150, 70];

/// One object for each segment.
fn ids(segments: &[Segment]) -> Vec<u64> {
    (100..).take(segments.len()).collect()
}

fn chosen(matcher: &mut Matcher, text: &str, colours: &[[u8; 3]]) -> Result<Vec<usize>, String> {
    let (input, segments) = scene(colours);
    let mut nothing = Recollection::default();
    let looked = matcher
        .look(
            picture(&input),
            &segments,
            &ids(&segments),
            &mut nothing,
            Instant::now(),
            || {},
        )
        .map_err(|error| error.to_string())?;
    let matches = matcher.choose(text, &looked, None);
    let matches = matches.map_err(|error| error.to_string())?;
    Ok(matches.iter().map(|found| found.place).collect())
}

#[test]
fn words_choose_what_they_say() {
    let mut matcher = matcher();
    let colours = [BLUE, RED, GREEN, RED];
    for (text, places) in [
        ("red object", &[1, 3][..]),
        ("the BLUE one", &[0]),
        ("a green\tsquare\u{7}", &[2]),
        ("zebra", &[]),
        ("красный", &[]),
    ] {
        let mut found = chosen(&mut matcher, text, &colours).unwrap();
        found.sort_unstable();
        assert_eq!(found, places, "{text}");
    }
    for (text, reason) in [(" ", "empty"), (&"red ".repeat(80), "at most 75")] {
        let error = chosen(&mut matcher, text, &colours).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn small_segments_are_not_looked_at_and_large_ones_first() {
    let mut matcher = matcher();
    let (input, mut segments) = scene(&[RED; 8]);
    segments.push(square(10, 300, 9));
    segments.push(square(10, 200, 61));
    let mut nothing = Recollection::default();
    let looked = matcher
        .look(
            picture(&input),
            &segments,
            &ids(&segments),
            &mut nothing,
            Instant::now(),
            || {},
        )
        .unwrap();
    let mut places: Vec<_> = looked.iter().map(|(place, _)| *place).collect();
    places.sort_unstable();
    // Eight at most, the largest among them, the smallest not.
    assert_eq!(places, [0, 1, 2, 3, 4, 5, 6, 9]);
}

#[test]
fn what_has_not_changed_is_not_embedded_again_for_a_while() {
    let mut matcher = matcher();
    let (red, segments) = scene(&[RED]);
    let (blue, _) = scene(&[BLUE]);
    let mut recollection = Recollection::default();
    let start = Instant::now();
    let mut look = |input, after| {
        matcher
            .look(
                picture(input),
                &segments,
                &ids(&segments),
                &mut recollection,
                start + after,
                || {},
            )
            .unwrap()
    };
    let first = look(&red, Duration::ZERO);
    // The same mask: what is there now is not looked at, until some time has passed.
    assert_eq!(look(&blue, Duration::from_secs(1)), first);
    assert_ne!(look(&blue, HOLDS_FOR), first);
}

#[test]
fn another_object_in_the_same_place_is_looked_at() {
    let mut matcher = matcher();
    let (red, segments) = scene(&[RED]);
    let (blue, _) = scene(&[BLUE]);
    let mut recollection = Recollection::default();
    let now = Instant::now();
    let mut look = |input, id| {
        let picture = picture(input);
        let looked = matcher.look(picture, &segments, &[id], &mut recollection, now, || {});
        looked.unwrap()
    };
    let first = look(&red, 1);
    assert_eq!(look(&blue, 1), first);
    assert_ne!(look(&blue, 2), first);
}

#[test]
fn without_a_text_encoder_known_texts_are_answered() {
    let encoder = TextEncoder::open(&data("tiny-text.onnx")).unwrap();
    let mut elsewhere = Texts::new(Some(encoder), &templates(), None);
    let made = elsewhere.embed("red car").unwrap();
    assert!(elsewhere.has_news());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known.json");
    elsewhere.keep(&file).unwrap();
    assert_eq!(elsewhere.embed(" Red   car").unwrap(), made);
    assert!(!elsewhere.has_news());

    let known = Known::read(&file).unwrap();
    let mut matcher = matcher_with(Texts::new(None, &[], Some(known)));
    assert_eq!(chosen(&mut matcher, "RED car", &[BLUE, RED]).unwrap(), [1]);
    let error = chosen(&mut matcher, "blue car", &[BLUE]).unwrap_err();
    assert_eq!(
        error,
        "no embedding of 'blue car' is known, and there is no text encoder: expected one of red car"
    );
}

#[test]
fn what_was_kept_holds_for_the_same_encoder_and_templates_alone() {
    let texts = |templates: &[String]| {
        let encoder = TextEncoder::open(&data("tiny-text.onnx")).unwrap();
        Texts::new(Some(encoder), templates, None)
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kept.json");
    let mut first = texts(&templates());
    first.embed("red").unwrap();
    first.keep(&file).unwrap();
    for (templates, is_made) in [(templates(), false), (vec!["{}!".to_owned()], true)] {
        let mut again = texts(&templates);
        again.restore(&file).unwrap();
        again.embed("red").unwrap();
        assert_eq!(again.has_news(), is_made);
    }
    std::fs::write(&file, "{").unwrap();
    let mut spoilt = texts(&templates());
    assert!(spoilt.restore(&file).is_err());
    assert!(spoilt.embed("red").is_ok());
}

#[test]
fn encoders_of_different_spaces_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known.json");
    std::fs::write(&file, r#"{"dimension": 2, "embeddings": {"red": [1, 0]}}"#).unwrap();
    let mut matcher = matcher_with(Texts::new(None, &[], Some(Known::read(&file).unwrap())));
    let error = chosen(&mut matcher, "red", &[RED]).unwrap_err();
    assert!(error.contains("2 numbers, the picture's 12"), "{error}");
}

#[test]
fn files_that_are_no_encoders_are_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let junk = folder.path().join("junk.onnx");
    std::fs::write(&junk, [8, 1, 2, 3]).unwrap();
    let missing = folder.path().join("missing.onnx");
    let of_text = |path: &_| TextEncoder::open(path).err().unwrap().to_string();
    let of_images = |path: &_| OnnxImageEncoder::open(path).err().unwrap().to_string();
    for (error, reason) in [
        (of_text(&junk), "no ONNX model"),
        (of_images(&junk), "no ONNX model"),
        (of_text(&missing), "No such file"),
        (of_text(&data("tiny-image.onnx")), "pixel_values"),
        (
            of_images(&data("tiny-text.onnx")),
            "'input_ids' has 2 dimensions",
        ),
    ] {
        assert!(error.contains(reason), "{error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
