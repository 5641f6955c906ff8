//! The real program on the command line: what it prints, what it writes, how it ends.

#![allow(clippy::unwrap_used)] // A test may end so.

#[path = "cli/built_in.rs"]
mod built_in;
#[path = "cli/films.rs"]
mod films;
#[path = "cli/formats.rs"]
mod formats;
#[path = "cli/inputs.rs"]
mod inputs;
#[path = "cli/outputs.rs"]
mod outputs;
mod support;

use std::{fs, path::Path};

use serde_json::{Value, json};
use support::{Finished, Recording, fastsamd, picture};

/// What is said wherever the mock answers.
const MOCK_NOTICE: &str = "the mock backend finds regions of similar colour; it is not FastSAM";

/// One line on standard error, no backtrace, the expected exit code, and the cause named.
fn assert_fails(finished: &Finished, code: i32, cause: &str) {
    let Finished { stderr, .. } = finished;
    assert_eq!(finished.code, Some(code), "{finished:?}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "{finished:?}");
    assert!(stderr.contains(cause), "expected '{cause}' in {finished:?}");
    assert!(
        !stderr.contains("panicked") && !stderr.contains("a bug"),
        "{finished:?}"
    );
}

#[test]
fn a_wrong_command_line_is_told_in_one_line() {
    let table: [(&[&str], &str); 11] = [
        (&[], "requires a subcommand"),
        (&["frobnicate"], "unrecognized subcommand 'frobnicate'"),
        (
            &["check", "--confg", "x"],
            "a similar argument exists: '--config'",
        ),
        (
            &["segment"],
            "required arguments were not provided: <INPUT>...",
        ),
        (
            &["segment", "x.png", "--confidence", "2"],
            "2 is out of range: expected 0 to 1",
        ),
        (&["segment", "x.png", "--iou", "nan"], "NaN is out of range"),
        (
            &["segment", "x.png", "--max-segments", "0"],
            "0 is not in 1..=8400",
        ),
        (
            &["segment", "x.png", "--mask-size", "huge"],
            "possible values: frame, network",
        ),
        (&["segment", "x.png", "--cleanup=open=8"], "odd number"),
        (
            &["segment", "x.png", "--cleanup=opem=7"],
            "unknown key 'opem' (did you mean 'open'?)",
        ),
        (
            &["schema", "nothing"],
            "possible values: config, masks, events",
        ),
    ];
    for (arguments, cause) in table {
        assert_fails(&fastsamd(arguments), 2, cause);
    }
}

#[test]
fn a_wrong_configuration_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    let file = path.to_str().unwrap();
    let table = [
        ("nod: x", "1:1: unknown key 'nod'"),
        ("mqtt: {port: many}", "1:14: expected a whole number"),
        (
            "segmentation:\n  confidence: 1.5",
            "2:15: 1.5 is out of range",
        ),
        ("cameras: [", "1:10: "),
    ];
    for (text, cause) in table {
        fs::write(&path, text).unwrap();
        for verb in ["check", "run"] {
            let finished = fastsamd(&[verb, "--config", file]);
            assert_fails(&finished, 2, cause);
            assert!(
                finished.stderr.starts_with(&format!("{file}:{cause}")),
                "{finished:?}"
            );
        }
    }
    let missing = folder.path().join("missing.yaml");
    let finished = fastsamd(&["check", "--config", missing.to_str().unwrap()]);
    assert_fails(&finished, 2, "missing.yaml: No such file");
    let finished = fastsamd(&["check", "--config", folder.path().to_str().unwrap()]);
    assert_fails(&finished, 2, "directory");
}

#[test]
fn the_shipped_configurations_pass_the_check() {
    for name in ["fastsamd.yaml", "laptop.yaml"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../config")
            .join(name);
        let finished = fastsamd(&["check", "--config", path.to_str().unwrap()]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.stdout.contains(": ok\n"), "{finished:?}");
    }
}

#[test]
fn schemas_are_json_schemas() {
    for (subject, key) in [("config", "segmentation"), ("masks", "segments")] {
        let finished = fastsamd(&["schema", subject]);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let schema: Value = serde_json::from_str(&finished.stdout).unwrap();
        assert!(schema["$schema"].is_string(), "{schema}");
        assert!(schema["properties"][key].is_object(), "{schema}");
    }
}

#[test]
fn a_picture_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let whole = picture(64, 48);
    let empty_folder = folder.path().join("empty");
    fs::create_dir(&empty_folder).unwrap();
    let table = [
        (file("cut.png", &whole[..whole.len() / 2]), "cut.png"),
        (file("zero.png", b""), "zero.png: the file is empty"),
        (
            file("text.png", b"no picture at all"),
            "text.png: not a picture",
        ),
        (
            file("claims.png", &claiming(&whole, 200_000, 200_000)),
            "claims.png",
        ),
        (file("flat.png", &claiming(&whole, 0, 48)), "flat.png"),
        (
            folder
                .path()
                .join("missing.png")
                .to_str()
                .unwrap()
                .to_owned(),
            "No such file",
        ),
        (
            empty_folder.to_str().unwrap().to_owned(),
            "neither pictures",
        ),
        ("/dev/null".to_owned(), "/dev/null: not a file"),
    ];
    for (path, cause) in table {
        assert_fails(&fastsamd(&["segment", &path]), 2, cause);
    }
}

/// A PNG whose header claims another size; its checksum is wrong then too.
fn claiming(png: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut png = png.to_vec();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    png
}

#[test]
fn a_recording_that_is_none_is_told() {
    type Breakage = fn(&mut Recording);
    let table: [(&str, Breakage, &str); 12] = [
        ("missing tensor", |r| r.outputs.truncate(9), "no output for"),
        ("missing file", |r| r.remove("out_9.npy"), "out_9.npy"),
        (
            "wrong shape",
            |r| r.outputs[0]["shape"] = json!([80, 80, 63]),
            "80, 80",
        ),
        (
            "not the manifest's shape",
            |r| r.write_npy(0, "|u1", &[80, 80, 63]),
            "out_0.npy",
        ),
        (
            "wrong dtype",
            |r| r.outputs[0]["dtype"] = json!("float32"),
            "float32",
        ),
        (
            "not the manifest's dtype",
            |r| r.write_npy(0, "<f4", &[80, 80, 64]),
            "out_0.npy",
        ),
        (
            "null scale",
            |r| r.outputs[0]["scale"] = Value::Null,
            "manifest.json",
        ),
        (
            "zero scale",
            |r| r.outputs[0]["scale"] = json!(0.0),
            "scale",
        ),
        (
            "no scale",
            |r| drop(r.outputs[0].as_object_mut().unwrap().remove("scale")),
            "scale",
        ),
        ("cut NPY", |r| r.truncate("out_0.npy", 1000), "out_0.npy"),
        ("empty NPY", |r| r.truncate("out_0.npy", 0), "out_0.npy"),
        (
            "huge frame",
            |r| r.frame = json!({"width": 1_000_000, "height": 1}),
            "1000000",
        ),
    ];
    for (name, break_it, cause) in table {
        let mut recording = Recording::new();
        break_it(&mut recording);
        recording.write_manifest();
        let finished = fastsamd(&["segment", recording.path()]);
        println!("{name}: {}", finished.stderr.trim_end());
        assert_fails(&finished, 2, cause);
        assert_fails(
            &fastsamd(&["bench", "--recording", recording.path()]),
            2,
            cause,
        );
    }
    let recording = Recording::new();
    fs::write(
        Path::new(recording.path()).join("manifest.json"),
        "{\"frame\": ",
    )
    .unwrap();
    assert_fails(
        &fastsamd(&["segment", recording.path()]),
        2,
        "manifest.json",
    );
}

#[test]
fn one_wrong_input_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.png");
    fs::write(&good, picture(64, 48)).unwrap();
    let bad = folder.path().join("bad.png");
    fs::write(&bad, "no picture").unwrap();
    let finished = fastsamd(&[
        "segment",
        "--backend",
        "mock",
        bad.to_str().unwrap(),
        good.to_str().unwrap(),
    ]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    let lines: Vec<_> = finished.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{finished:?}");
    assert!(lines[0].contains("bad.png"), "{finished:?}");
    assert!(lines[1].contains(MOCK_NOTICE), "{finished:?}");
    let message: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(message["camera"], "good");
}

#[test]
fn the_mock_is_named_once_and_never_among_the_messages() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.png", "b.png", "c.png"] {
        fs::write(folder.path().join(name), picture(64, 48)).unwrap();
    }
    let finished = fastsamd(&[
        "segment",
        "--backend",
        "mock",
        folder.path().to_str().unwrap(),
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(
        finished.stderr.trim_end().lines().count(),
        1,
        "{finished:?}"
    );
    assert!(finished.stderr.starts_with("fastsamd: "), "{finished:?}");
    assert!(finished.stderr.contains(MOCK_NOTICE), "{finished:?}");
    let messages: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(messages.len(), 3);
    assert!(messages.iter().all(|message| message["backend"] == "mock"));

    // Nothing is said of it where it did not answer.
    let recording = Recording::new();
    recording.write_manifest();
    let finished = fastsamd(&["segment", recording.path()]);
    assert_eq!(finished.stderr, "", "{finished:?}");
}

#[test]
fn the_daemon_names_the_mock() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.png"), picture(64, 48)).unwrap();
    let config = folder.path().join("config.yaml");
    // Nobody listens on that port; the daemon ends with its pictures all the same.
    let text = format!(
        "mqtt: {{host: 127.0.0.1, port: 1}}\n\
         accelerator: {{backend: mock}}\n\
         cameras: [{{source: {{images: {{path: {}, repeat: false}}}}}}]\n",
        folder.path().display()
    );
    fs::write(&config, text).unwrap();
    let finished = fastsamd(&["run", "--config", config.to_str().unwrap()]);
    assert_eq!(
        finished.stderr.matches(MOCK_NOTICE).count(),
        1,
        "{finished:?}"
    );
}

/// Whether a message has the square that [`picture`] shows at 320x200, its box within so many pixels.
fn has_square(message: &Value, within: i64) -> bool {
    let mut segments = message["segments"].as_array().unwrap().iter();
    segments.any(|segment| {
        let bbox: Vec<i64> = serde_json::from_value(segment["bbox"].clone()).unwrap();
        let mut sides = bbox.iter().zip([80, 50, 100, 80]);
        sides.all(|(found, painted)| (found - painted).abs() <= within)
    })
}

#[test]
fn a_picture_becomes_a_message_and_an_overlay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.png");
    fs::write(&path, picture(320, 200)).unwrap();
    let out = folder.path().join("out");

    let finished = fastsamd(&[
        "segment",
        path.to_str().unwrap(),
        "--backend",
        "mock",
        "--out",
        out.to_str().unwrap(),
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stdout, "");
    let text = fs::read_to_string(out.join("scene.json")).unwrap();
    assert_eq!(text.trim_end().lines().count(), 1);
    let message: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(message["schema"], 1);
    assert_eq!(message["frame"]["width"], 320);
    assert_eq!(message["frame"]["height"], 200);
    // The square that the picture shows, found by the mock from its pixels.
    assert!(has_square(&message, 4), "{text}");
    let segments = message["segments"].as_array().unwrap();
    assert_eq!(segments[0]["segmentation"]["size"], json!([200, 320]));

    let overlay = image::open(out.join("scene.overlay.png")).unwrap();
    assert_eq!((overlay.width(), overlay.height()), (320, 200));
}

#[test]
fn options_reach_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.png");
    fs::write(&path, picture(320, 200)).unwrap();
    let segments = |options: &[&str]| {
        let finished = fastsamd(
            &[
                &["segment", path.to_str().unwrap(), "--backend", "mock"],
                options,
            ]
            .concat(),
        );
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let message: Value = serde_json::from_str(&finished.stdout).unwrap();
        message["segments"].as_array().unwrap().clone()
    };
    assert!(segments(&["--mask-format", "polygon"])[0]["segmentation"].is_array());
    assert!(segments(&["--mask-format", "none"])[0]["segmentation"].is_null());
    let network = segments(&["--mask-size", "network"]);
    assert_eq!(network[0]["segmentation"]["size"], json!([640, 640]));
    assert_eq!(segments(&["--max-segments", "1"]).len(), 1);
    assert_eq!(segments(&["--min-area", "1000000"]).len(), 0);
    assert_eq!(segments(&["--confidence", "1"]).len(), 0);
    assert!(!segments(&["--cleanup"]).is_empty());
}

#[test]
fn a_recording_without_a_picture_is_drawn_on_grey() {
    let recording = Recording::new();
    recording.write_manifest();
    let out = tempfile::tempdir().unwrap();
    let finished = fastsamd(&[
        "segment",
        recording.path(),
        "--out",
        out.path().to_str().unwrap(),
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let name = Path::new(recording.path())
        .file_name()
        .unwrap()
        .to_str()
        .unwrap();
    let message: Value =
        serde_json::from_slice(&fs::read(out.path().join(format!("{name}.json"))).unwrap())
            .unwrap();
    assert_eq!(message["segments"], json!([]));
    let overlay = image::open(out.path().join(format!("{name}.overlay.png"))).unwrap();
    assert_eq!((overlay.width(), overlay.height()), (640, 480));
}

#[test]
fn backends_that_do_not_fit_the_input_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.png");
    fs::write(&path, picture(64, 48)).unwrap();
    let finished = fastsamd(&["segment", path.to_str().unwrap(), "--backend", "replay"]);
    assert_fails(&finished, 2, "expected a recording");
    let recording = Recording::new();
    recording.write_manifest();
    let finished = fastsamd(&["segment", recording.path(), "--backend", "mock"]);
    assert_fails(&finished, 2, "frame.png");
}

#[test]
fn what_is_recorded_can_be_segmented_and_timed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    let text = "accelerator: {backend: {mock: {fps: 1000}}}\n\
                cameras: [{source: {synthetic: {width: 320, height: 240, fps: 100}}}]\n";
    fs::write(&config, text).unwrap();
    let out = folder.path().join("recorded");
    let (config, out) = (config.to_str().unwrap(), out.to_str().unwrap());

    let finished = fastsamd(&["record", "--out", out, "--frames", "2", "--config", config]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for file in [
        "000000/manifest.json",
        "000000/frame.png",
        "000001/manifest.json",
    ] {
        assert!(Path::new(out).join(file).is_file(), "{file}");
    }
    // A recording is never mixed with an older one.
    let again = fastsamd(&["record", "--out", out, "--frames", "2", "--config", config]);
    assert_fails(&again, 2, "not empty");

    let finished = fastsamd(&["segment", out]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let messages: Vec<Value> = finished
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(messages.len(), 2);
    assert!(!messages[0]["segments"].as_array().unwrap().is_empty());

    let finished = fastsamd(&[
        "bench",
        "--recording",
        &format!("{out}/000000"),
        "--repeat",
        "2",
        "--json",
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert!(report["segments"].as_u64().unwrap() > 0);
    assert_eq!(report["frame"], json!({"width": 320, "height": 240}));
    let stage = |name: &str| report["stages_us"][name].as_f64().unwrap();
    let stages = ["decode", "nms", "masks"].map(stage).iter().sum::<f64>();
    let total = report["total_us"].as_f64().unwrap();
    assert!(
        stage("encode") > 0.0 && stage("contours") > 0.0 && total > 0.0,
        "{report}"
    );
    assert!(stages <= total * 3.0, "{report}");
}

/// The mock's network takes 640 x 384; its recordings are of that size wherever they go.
#[test]
fn inputs_of_another_size_go_through_every_verb() {
    let folder = tempfile::tempdir().unwrap();
    let (config, scene) = (
        folder.path().join("config.yaml"),
        folder.path().join("scene.png"),
    );
    let text = "accelerator: {backend: {mock: {fps: 1000, input: [640, 384]}}}\n\
                cameras: [{source: {synthetic: {width: 320, height: 240, fps: 100}}}]\n";
    fs::write(&config, text).unwrap();
    fs::write(&scene, picture(320, 200)).unwrap();
    let (out, overlays) = (
        folder.path().join("recorded"),
        folder.path().join("overlays"),
    );
    let [config, scene, out, overlays] =
        [&config, &scene, &out, &overlays].map(|path| path.to_str().unwrap());
    let run = |arguments: &[&str]| {
        let finished = fastsamd(arguments);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let lines = finished.stdout.lines();
        let lines = lines.filter_map(|line| serde_json::from_str(line).ok());
        lines.collect::<Vec<Value>>()
    };
    let size = |message: &Value| message["segments"][0]["segmentation"]["size"].clone();

    let whole = ["segment", scene, "--config", config, "--mask-size"];
    assert_eq!(
        size(&run(&[&whole[..], &["frame"]].concat())[0]),
        json!([200, 320])
    );
    assert_eq!(
        size(&run(&[&whole[..], &["network"]].concat())[0]),
        json!([384, 640])
    );
    run(&[&whole[..], &["network", "--out", overlays]].concat());
    let overlay = image::open(Path::new(overlays).join("scene.overlay.png")).unwrap();
    assert_eq!((overlay.width(), overlay.height()), (640, 384));

    run(&["record", "--out", out, "--frames", "1", "--config", config]);
    let recording = &format!("{out}/000000");
    let manifest = fs::read(Path::new(recording).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["input"], json!({"shape": [384, 640, 3]}));
    assert_eq!(size(&run(&["segment", recording])[0]), json!([240, 320]));
    let network = run(&["segment", recording, "--mask-size", "network"]);
    assert_eq!(size(&network[0]), json!([384, 640]));
    for backend in [&["--backend", "replay"][..], &["--config", config]] {
        let arguments = ["bench", "--recording", recording, "--repeat", "2", "--json"];
        let report = &run(&[&arguments[..], backend].concat())[0];
        assert!(report["segments"].as_u64().unwrap() > 0, "{report}");
    }
    assert!(run(&["bench", "--config", config, "--repeat", "2", "--json"])[0]["segments"].is_u64());
    // What is recorded is replaced, whatever its size.
    run(&[
        "record", "--out", out, "--frames", "1", "--force", "--config", config,
    ]);
}

#[test]
fn bench_without_a_recording_makes_its_own() {
    let finished = fastsamd(&["bench", "--repeat", "2"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    for word in ["decode", "nms", "masks", "contours", "encode", "preprocess"] {
        assert!(finished.stdout.contains(word), "{finished:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let finished = support::fastsamd_into_closed_pipe(&["schema", "config"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stderr, "");
}
