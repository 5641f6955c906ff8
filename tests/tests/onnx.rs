//! The ONNX backend: networks with random weights, through the verbs and the daemon, on rten.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use fastsamd_tests::{Daemon, Message, Mosquitto, Subscriber, fastsamd};
use frame::{Frame, InputRect, InputSize, Letterbox, NetworkInput, Preprocessor};
use onnx::{Engine, Session, SessionOptions};
use serde_json::Value;

/// Nothing holds up the daemon's end longer.
const LONGEST_EXIT: Duration = Duration::from_secs(2);

/// What that network's classes are called.
const FIVE: [&str; 5] = ["person", "cup", "carpenter's nut", "dog", "bär"];

/// Pixels within which a box is drawn to the frame's border.
const BORDER: f32 = 20.0;

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/onnx")
        .join(format!("{name}.onnx"))
}

/// A configuration whose accelerator is one of these networks, on the engine that is inside.
fn config(folder: &Path, name: &str, more: &str) -> String {
    let path = folder.join("config.yaml");
    let text = format!(
        "node: test\n\
         accelerator: {{backend: {{onnx: {{model: {}, engine: rten, threads: 1}}}}}}\n\
         cameras: [{{name: cam, source: {{synthetic: {{fps: 30, seed: 5}}}}}}]\n\
         segmentation: {{confidence: 0.05}}\n\
         publish: {{status_interval_s: 0.5}}\n{more}",
        model(name).display()
    );
    fs::write(&path, text).expect("a written file");
    path.to_str().expect("a UTF-8 path").to_owned()
}

/// A picture of noise in blocks, which is never square.
fn picture(folder: &Path) -> PathBuf {
    let (width, height) = (333_u32, 250_u32);
    let mut bits = 1_u32;
    let mut picture = image::RgbImage::new(width, height);
    for y in 0..height {
        for x in 0..width {
            if x % 9 == 0 {
                bits = bits
                    .wrapping_mul(1_664_525)
                    .wrapping_add(1_013_904_223 + y / 9);
            }
            picture.put_pixel(
                x,
                y,
                image::Rgb(bits.to_be_bytes()[..3].try_into().expect("three")),
            );
        }
    }
    let path = folder.join("picture.png");
    picture.save(&path).expect("a written picture");
    path
}

/// What `segment` finds in the picture.
fn segment(picture: &Path, config: &str, confidence: &str) -> Value {
    let output = fastsamd()
        .arg("segment")
        .arg(picture)
        .args(["--config", config, "--confidence", confidence, "--iou", "1"])
        .output()
        .expect("an ended program");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("a message")
}

/// The network's own numbers for the picture: `1 x (36 + classes) x anchors`.
fn predictions(picture: &Path, name: &str, input: InputSize) -> Vec<f32> {
    let pixels = image::open(picture).expect("a picture").to_rgb8();
    let frame = Frame {
        size: frame::Size::new(pixels.width(), pixels.height()),
        stride: pixels.width() as usize * 3,
        pixel_format: frame::PixelFormat::Rgb8,
        data: pixels.into_raw(),
        ..Frame::empty()
    };
    let mut letterboxed = NetworkInput::new(input);
    Preprocessor::new()
        .letterbox(&frame, &mut letterboxed)
        .expect("a letterbox");
    let plane = input.bytes() / 3;
    let mut floats = vec![0.0; input.bytes()];
    for (at, pixel) in letterboxed.pixels().iter().enumerate() {
        for (channel, value) in pixel.iter().enumerate() {
            floats[channel * plane + at] = f32::from(*value) / 255.0;
        }
    }
    let path = model(name);
    let bytes = onnx::read(&path, 1 << 20).expect("a file");
    let options = SessionOptions {
        engine: Engine::Rten,
        ..SessionOptions::default()
    };
    let mut session = Session::load(bytes, &path, &options).expect("a session");
    let shape = [1, 3, input.height() as usize, input.width() as usize];
    let mut found = Vec::new();
    session
        .run(&shape, &floats, &[0], |_, _, numbers| {
            found = numbers.to_vec()
        })
        .expect("an answer");
    found
}

#[test]
fn segments_have_the_boxes_and_scores_of_the_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = picture(folder.path());
    for (name, width, height, names) in [
        ("tiny_two_640", 640, 640, &[][..]),
        ("tiny_two_640_half", 640, 640, &[]),
        ("tiny_two_320", 320, 320, &[]),
        ("tiny_two_384x640", 640, 384, &[]),
        ("tiny_five_classes_320", 320, 320, &FIVE),
    ] {
        let input = InputSize::new(width, height).expect("a size");
        let numbers = predictions(&picture, name, input);
        let classes = names.len().max(1);
        let anchors = numbers.len() / (36 + classes);
        // The best class of each, and its score.
        let best = |anchor: usize| {
            let score = |class: usize| numbers[(4 + class) * anchors + anchor];
            let best = (0..classes).max_by(|a, b| score(*a).total_cmp(&score(*b)));
            best.map_or((0, 0.0), |class| (class, score(class)))
        };
        let scores: Vec<f32> = (0..anchors).map(|anchor| best(anchor).1).collect();
        // What leaves some ten anchors.
        let mut sorted = scores.clone();
        sorted.sort_by(f32::total_cmp);
        let confidence = (sorted[anchors - 11] + sorted[anchors - 10]) / 2.0;
        let config = config(folder.path(), name, "");
        let message = segment(&picture, &config, &confidence.to_string());
        assert_eq!(message["backend"], "onnx");
        let segments = message["segments"].as_array().expect("a list");
        // A mask may have no pixel.
        assert!(segments.len() > 3, "{name}: {}", segments.len());
        let letterbox = Letterbox::fit(frame::Size::new(333, 250), input);
        for segment in segments {
            let score = segment["score"].as_f64().expect("a score") as f32;
            // FastSAM says nothing of classes.
            let class = segment.get("class").and_then(Value::as_u64);
            assert_eq!(class.is_some(), classes > 1, "{segment}");
            assert_eq!(
                segment.get("name").and_then(Value::as_str),
                class.map(|class| names[class as usize])
            );
            let bbox: [f32; 4] =
                serde_json::from_value(segment["detection_bbox"].clone()).expect("a box");
            let is_it = |anchor: &usize| {
                let number = |channel: usize| numbers[channel * anchors + anchor];
                let (x, y) = (number(0), number(1));
                let (half_width, half_height) = (number(2) / 2.0, number(3) / 2.0);
                let rect = letterbox.rect_to_frame(InputRect {
                    x1: x - half_width,
                    y1: y - half_height,
                    x2: x + half_width,
                    y2: y + half_height,
                });
                // As the reference does: what comes within 20 pixels of the border lies on it.
                let onto_border = |low: f32, high: f32, end: f32| {
                    let low = if low < BORDER { 0.0 } else { low };
                    (low, if high > end - BORDER { end } else { high })
                };
                // FastSAM's boxes alone.
                let reported = |low: f32, high: f32, end: f32| match classes {
                    1 => onto_border(low, high, end),
                    _ => (low, high),
                };
                let (x1, x2) = reported(rect.x1, rect.x2, 333.0);
                let (y1, y2) = reported(rect.y1, rect.y2, 250.0);
                let expected = [x1, y1, x2 - x1, y2 - y1];
                (scores[*anchor] - score).abs() < 1e-4
                    && best(*anchor).0 == class.unwrap_or(0) as usize
                    && expected.iter().zip(bbox).all(|(a, b)| (a - b).abs() < 0.02)
            };
            let found = (0..anchors).find(is_it);
            assert!(found.is_some(), "{name}: {score} {bbox:?}");
        }
    }
}

#[test]
fn only_the_wanted_classes_are_segmented() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = picture(folder.path());
    let config = config(folder.path(), "tiny_five_classes_320", "");
    let found = |classes: &[&str]| {
        let mut command = fastsamd();
        command.arg("segment").arg(&picture);
        command.args(["--config", &config, "--confidence", "0.05", "--out"]);
        command.arg(folder.path().join("out")).args(classes);
        command.output().expect("an ended program")
    };
    let names_of = |classes: &[&str]| {
        let output = found(classes);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let written = fs::read(folder.path().join("out/picture.json")).expect("a message");
        let message: Value = serde_json::from_slice(&written).expect("a message");
        let segments = message["segments"].as_array().expect("a list").iter();
        segments
            .map(|segment| segment["name"].as_str().expect("a name").to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert!(names_of(&[]).len() > 2);
    // By name, capitals or not, and by number.
    let wanted = BTreeSet::from(["bär".to_owned(), "cup".to_owned()]);
    assert_eq!(names_of(&["--classes", "Cup,4"]), wanted);
    for (classes, words) in [
        ("cop", "unknown class 'cop' (did you mean 'cup'?)"),
        ("5", "no class 5: expected 0 to 4"),
    ] {
        let output = found(&["--classes", classes]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn the_daemon_tells_the_wanted_classes_and_reads_them_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Mosquitto::start();
    let subscriber = Subscriber::connect(broker.port(), "fastsam/test/cam/masks");
    let address = format!("mqtt: {{host: 127.0.0.1, port: {}}}\n", broker.port());
    let write = |classes: &str| {
        let path = config(folder.path(), "tiny_five_classes_320", &address);
        let text = fs::read_to_string(&path).expect("a configuration");
        let wanted = format!("confidence: 0.01, classes: [{classes}]");
        fs::write(&path, text.replace("confidence: 0.05", &wanted)).expect("a written file");
        path
    };
    let names = |message: &Message| -> BTreeSet<String> {
        let message = message.json();
        let segments = message["segments"].as_array().expect("a list").iter();
        let names = segments.map(|segment| segment["name"].as_str().expect("a name").to_owned());
        names.collect()
    };
    let daemon = Daemon::start(["run", "--config", &write("dog, cup")]);
    let some = BTreeSet::from(["cup".to_owned(), "dog".to_owned()]);
    let first = subscriber.wait_for("masks", |_| true);
    assert!(names(&first).is_subset(&some), "{first:?}");
    // A mistake changes nothing.
    write("lamp");
    daemon.signal("HUP");
    daemon.wait_until_it_said("segmentation.classes: unknown class 'lamp'");
    let next = subscriber.wait_for("masks", |_| true);
    assert!(names(&next).is_subset(&some), "{next:?}");
    write("person");
    daemon.signal("HUP");
    let person = BTreeSet::from(["person".to_owned()]);
    subscriber.wait_for("people", |message| names(message) == person);
}

#[test]
fn ten_heads_are_read_with_channels_first_and_last() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = picture(folder.path());
    let found = |name: &str| {
        let config = config(folder.path(), name, "");
        segment(&picture, &config, "0.001")["segments"].clone()
    };
    let first = found("tiny_ten_640");
    assert!(!first.as_array().expect("a list").is_empty());
    assert_eq!(first, found("tiny_ten_hwc_640"));
}

#[test]
fn what_can_not_be_run_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let picture = picture(folder.path());
    let foreign = folder.path().join("foreign.onnx");
    fs::write(&foreign, b"no model at all").expect("a written file");
    let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/clip/data/tiny-image.onnx");
    for (file, words) in [
        (foreign, "foreign.onnx"),
        (folder.path().join("none.onnx"), "none.onnx"),
        (clip, "format=onnx"),
    ] {
        let output = fastsamd()
            .arg("segment")
            .arg(&picture)
            .arg("--model")
            .arg(&file)
            .output()
            .expect("an ended program");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn the_daemon_publishes_and_ends_in_the_middle_of_an_inference() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Mosquitto::start();
    let subscriber = Subscriber::connect(broker.port(), "fastsam/test/#");
    let broker = format!("mqtt: {{host: 127.0.0.1, port: {}}}\n", broker.port());
    let config = config(folder.path(), "tiny_two_640", &broker);
    let mut daemon = Daemon::start(["run", "--config", &config]);
    let info = subscriber.wait_for("info", |message| message.topic.ends_with("/info"));
    assert_eq!(info.json()["backend"], "onnx");
    let is_masks = |message: &Message| message.topic.ends_with("/masks");
    for _ in 0..3 {
        let masks = subscriber.wait_for("masks", is_masks).json();
        assert_eq!(masks["backend"], "onnx");
    }
    daemon.signal("TERM");
    let (status, took) = daemon.wait();
    assert!(status.success(), "{status}: {}", daemon.output());
    assert!(took < LONGEST_EXIT, "{took:?}");
}

#[test]
fn a_file_is_described_with_the_speed_to_expect() {
    let described = |name: &str| {
        let output = fastsamd()
            .args(["model", "--json"])
            .arg(model(name))
            .output()
            .expect("an ended program");
        assert!(output.status.success());
        serde_json::from_slice::<Value>(&output.stdout).expect("a description")
    };
    let five = described("tiny_five_classes_320");
    assert_eq!(five["format"], "onnx");
    assert_eq!(
        five["inputs"][0]["shape"],
        serde_json::json!([1, 3, 320, 320])
    );
    assert_eq!(five["fastsam"]["fits"], true);
    assert_eq!(five["network"]["class_names"], serde_json::json!(FIVE));
    assert!(five["network"]["frames_per_second"].as_f64() > Some(0.0));
    assert_eq!(described("tiny_ten_640")["network"]["heads"], "ten heads");

    let folder = tempfile::tempdir().expect("a folder");
    let check = |name: &str, more: &str| {
        let path = config(folder.path(), name, "");
        let text = fs::read_to_string(&path).expect("a configuration");
        fs::write(&path, text.replace("confidence: 0.05", more)).expect("a written file");
        let output = fastsamd()
            .args(["check", "--config", &path])
            .output()
            .expect("an ended program");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).expect("text"))
    };
    let (code, said) = check("tiny_five_classes_320", "classes: [cup]");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("frames per second"), "{said}");
    let (code, said) = check("tiny_five_classes_320", "classes: [cap]");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("did you mean 'cup'?"), "{said}");
    // A configuration may be checked elsewhere.
    let (code, said) = check("none", "iou: 0.5");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("is not on this machine"), "{said}");
}
