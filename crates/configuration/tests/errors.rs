//! What is wrong with a configuration is reported where it stands, in one line.

use std::path::Path;

use configuration::Config;

fn parse(text: &str) -> Result<Config, String> {
    Config::from_yaml(text, Path::new("c.yaml")).map_err(|error| error.to_string())
}

#[test]
fn what_is_wrong_is_reported_where_it_stands() {
    let table = [
        // Unknown keys, at every depth.
        (
            "nod: x",
            "1:1: unknown key 'nod' (did you mean 'node'?), expected one of: node, mqtt,",
        ),
        (
            "segmentation:\n  confidnce: 0.5",
            "2:3: unknown key 'confidnce' (did you mean 'confidence'?), expected one of: confidence,",
        ),
        (
            "mqtt:\n  colour: red",
            "2:3: unknown key 'colour', expected one of: host, port,",
        ),
        (
            "accelerator:\n  backend:\n    mock:\n      fp: 3",
            "4:7: unknown key 'fp' (did you mean 'fps'?), expected one of: fps, fps_batch_8, latency_ms",
        ),
        (
            "cameras:\n- name: a\n  source:\n    synthetic: {widht: 3}",
            "4:17: unknown key 'widht' (did you mean 'width'?)",
        ),
        // Types.
        (
            "segmentation:\n  confidence: high",
            "2:15: expected a number",
        ),
        ("node: [a]", "1:7: expected a text"),
        (
            "mqtt: 3",
            "1:7: 3: expected the broker's keys, or the word embedded",
        ),
        (
            "mqtt: {port: 70000}",
            "1:14: 70000 is out of range: expected 1 to 65535",
        ),
        (
            "mqtt: {port: -1}",
            "1:14: -1 is out of range: expected 1 to 65535",
        ),
        ("cameras: 3", "1:10: expected a list"),
        ("- a\n- b", "1:1: "),
        ("just text", "1:1: "),
        (
            "accelerator: {batch_size: many}",
            "1:27: expected a whole number from 1 to 16",
        ),
        ("node:", "1:5: expected a text, found nothing"),
        (
            "cameras: [{source: {images: {path: ., repeat: yes}}}]",
            "1:47: expected true or false",
        ),
        // Ranges.
        (
            "segmentation:\n  confidence: 1.5",
            "2:15: 1.5 is out of range: expected 0 to 1",
        ),
        (
            "segmentation: {iou: -0.1}",
            "1:21: -0.1 is out of range: expected 0 to 1",
        ),
        (
            "segmentation: {iou: .nan}",
            "1:21: NaN is out of range: expected 0 to 1",
        ),
        (
            "segmentation: {max_segments: 0}",
            "1:30: 0 is out of range: expected 1 to 8400",
        ),
        (
            "mqtt: {port: 0}",
            "1:14: 0 is out of range: expected 1 to 65535",
        ),
        (
            "accelerator: {in_flight: 0}",
            "1:26: 0 is out of range: expected 1 to 32",
        ),
        (
            "segmentation:\n  cleanup: {open: 8}",
            "2:19: 8 is no kernel: expected an odd number",
        ),
        (
            "publish: {polygon_tolerance: .inf}",
            "1:30: inf is out of range: expected 0 to 100",
        ),
        // Names.
        ("node: a/b", "1:7: 'a/b' can't be part of a topic"),
        ("node: ''", "1:7: '' can't be part of a topic"),
        ("mqtt: {prefix: /a}", "1:16: '/a' can't start a topic"),
        ("mqtt: {prefix: a/#}", "1:16: 'a/#' can't start a topic"),
        (
            "mqtt: {host: ''}",
            "1:14: expected a text that is not empty",
        ),
        (
            "cameras: [{name: status}]",
            "1:18: a camera can't be named 'status'",
        ),
        (
            "cameras:\n  - name: a\n  - name: b\n  - name: a\n",
            "4:5: a second camera named 'a': names tell cameras apart",
        ),
        (
            "cameras: []",
            "1:10: no camera: expected at least one, or no such key",
        ),
        (
            "mqtt: {prefix: gärten}",
            "1:16: 'gärten' can't start a topic: expected levels of letters",
        ),
        (
            "cameras: [{name: set}]",
            "1:18: a camera can't be named 'set'",
        ),
        // Passwords and addresses.
        (
            "cameras:\n  - {name: a, source: \"rtsp://admin:secret@10.0.0.1/stream\"}",
            "2:23: an address can't be a source by itself: expected 'source: {ffmpeg: {input: ADDRESS}}'",
        ),
        (
            "cameras: [{source: /dev/video0}]",
            "1:20: '/dev/video0' can't be a source by itself: expected 'source: {v4l2: {device: DEVICE}}'",
        ),
        (
            "cameras: [{source: {ffmpeg: {input: 'admin:secret@cam/1'}}}]",
            "1:29: 'input' is neither a file nor an address",
        ),
        (
            "cameras: [{source: {ffmpeg: {input: 'rtsp://cam/1', password: p}}}]",
            "1:29: a password without 'username'",
        ),
        (
            "cameras: [{source: {ffmpeg: {input: a.mp4, username: u}}}]",
            "1:29: 'username' beside a file",
        ),
        (
            "mqtt: {username: u, password_file: sesame}",
            "1:36: no such file: expected the path of a file whose first line is the password",
        ),
        (
            "mqtt: {username: u, password: [sesame]}",
            "1:31: expected a text",
        ),
        // Kinds.
        (
            "accelerator:\n  backend: mok",
            "2:12: unknown value 'mok' (did you mean 'mock'?), expected one of: mock, hailo, onnx, replay",
        ),
        (
            "accelerator:\n  backend: {coral: {}}",
            "2:13: unknown value 'coral', expected one of: mock, hailo, onnx, replay",
        ),
        (
            "accelerator: {backend: {mock: {}, replay: {recording: .}}}",
            "1:24: 'replay' beside 'mock': expected only one of them",
        ),
        (
            "accelerator: {backend: {hailo: {priority: 32}}}",
            "1:43: 32 is out of range: expected 0 to 31",
        ),
        (
            "accelerator: {backend: {hailo: {sha256: 'abc'}}}",
            "1:41: 'abc' is no SHA-256: expected 64 hexadecimal digits, as sha256sum prints",
        ),
        (
            "accelerator: {backend: {}}",
            "1:24: expected mock or hailo or onnx or replay",
        ),
        (
            "accelerator: {backend: replay}",
            "1:24: replay needs a recording",
        ),
        (
            "accelerator: {backend: {replay: {fps: 3}}}",
            "1:34: missing key 'recording'",
        ),
        (
            "publish:\n  mask_format: png",
            "2:16: unknown value 'png', expected one of: rle, counts, polygon, none",
        ),
        // What must exist.
        (
            "mqtt: {username: u, password_file: /no/such}",
            "1:36: '/no/such': No such file",
        ),
        (
            "mqtt: {username: u, password_file: /}",
            "1:36: '/': a folder, expected a file",
        ),
        (
            "accelerator: {backend: {replay: {recording: /no/such}}}",
            "1:45: '/no/such': No such file",
        ),
        // Keys that depend on each other.
        ("mqtt: {password: p}", "1:7: a password without 'username'"),
        // YAML itself.
        ("node: a\nnode: b", "2:1: duplicate mapping key"),
        ("node: [a", "1:"),
        ("node: a\n\tmqtt: b", "1:7: "),
        ("node: *nowhere", "1:7: reference to unknown value"),
        ("node: a\n---\nnode: b", "3:1: "),
        ("node: \"a", "1:"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in table {
        let found = parse(text).map_or_else(|error| error, |_| "accepted".into());
        if !found.starts_with(&format!("c.yaml:{expected}")) || found.contains('\n') {
            wrong.push(format!(
                "{text:?}\n  expected c.yaml:{expected}\n  found    {found}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn documents_that_grow_without_end_are_refused() {
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n\
                c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n";
    let deep = "[".repeat(100_000);
    let wide = format!("cameras: [{}]", "{name: a},".repeat(100_000));
    for text in [bomb, &deep, &wide] {
        let error = parse(text).unwrap_err();
        let is_short = error.lines().all(|line| line.len() < 300);
        assert!(is_short && error.lines().count() <= 20, "{error}");
    }
}

#[test]
fn every_mistake_is_reported_at_once() {
    let text = "nod: a
mqtt: {hots: h, port: abc, keep_alive_s: 30s}
segmentation:
  confidence: high
  iou: 2
cameras:
- name: a
  source: {v4l2: {size: 1280x720}}
- name: b c
- name: d
  source: {synthetic: {fps: 0}}
  zones: [{name: z, polygon: [[0, 0], [1]]}]
prompts: [{name: p, prompt: {text: cup}, camera: nobody}]
log: {level: loud}
";
    let error = parse(text).unwrap_err();
    let expected = [
        "c.yaml:1:1: unknown key 'nod' (did you mean 'node'?)",
        "c.yaml:2:8: unknown key 'hots' (did you mean 'host'?)",
        "c.yaml:2:23: expected a whole number from 1 to 65535",
        "c.yaml:2:42: '30s': expected a whole number from 5 to 3600, without a unit",
        "c.yaml:4:15: expected a number from 0 to 1",
        "c.yaml:5:8: 2 is out of range: expected 0 to 1",
        "c.yaml:8:19: unknown key 'size' (did you mean 'width' and 'height'?)",
        "c.yaml:9:9: 'b c' can't be part of a topic",
        "c.yaml:11:29: 0 is out of range: expected 0.01 to 1000",
        "c.yaml:12:39: ",
        "c.yaml:14:14: unknown value 'loud'",
    ];
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{error}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}, not {expected}");
    }
}

#[test]
fn what_is_not_yaml_is_one_mistake() {
    for text in [
        "mqtt: {host: h\nnod: a",
        "a: b: c",
        "mqtt:\n\thost: h\nnod: 1",
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.lines().count() <= 2, "{text}: {error}");
    }
}

#[test]
fn forms_of_other_programs_are_recognised() {
    for (text, expected) in [
        (
            "cameras:\n  door:\n    ffmpeg: {inputs: []}\n",
            "expected a list of cameras: '- ' before each, and 'door' as the value of its key 'name'",
        ),
        (
            "mqtt: {user: me}",
            "unknown key 'user' (did you mean 'username'?)",
        ),
        (
            "mqtt: {homeassistant: {discovery: yes}}",
            "expected true or false: 'yes', 'no', 'on' and 'off' are texts",
        ),
        (
            "mqtt: {password: !secret broker, username: me}",
            "expected a value without a tag",
        ),
        (
            "mqtt:\n  host: ${FASTSAMD_TEST_UNSET}",
            "variable FASTSAMD_TEST_UNSET is not set",
        ),
        (
            "mqtt:\n  username: me\n  password: a${b c}",
            "put the text in quotes",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn environment_variables_are_taken_where_they_stand_without_quotes() {
    // Cargo sets these for every test.
    let config =
        parse("node: ${CARGO_PKG_NAME}-x\nmqtt: {username: me, password: '${CARGO_PKG_NAME}'}");
    let config = config.unwrap();
    assert_eq!(config.node, "configuration-x");
    assert_eq!(config.mqtt.password.unwrap().expose(), "${CARGO_PKG_NAME}");
    let error = parse("node: /${CARGO_MANIFEST_DIR}").unwrap_err();
    let folder = env!("CARGO_MANIFEST_DIR");
    assert!(
        error.starts_with("c.yaml:1:7: ") && !error.contains(folder),
        "{error}"
    );
}

#[test]
fn files_are_included_and_their_mistakes_are_told_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("secret.yaml", "hunter2\n");
    write("cameras.yaml", "- name: door\n- name: yard\n");
    write(
        "config.yaml",
        "mqtt: {username: me, password: !include secret.yaml}\ncameras: !include cameras.yaml\n",
    );
    let config = Config::load(&path).unwrap();
    assert_eq!(config.cameras.len(), 2);
    assert_eq!(config.mqtt.password.as_ref().unwrap().expose(), "hunter2");

    write(
        "cameras.yaml",
        "- name: door\n- nam: yard\n- name: hunter2 x\n",
    );
    let error = Config::load(&path).unwrap_err().to_string();
    let cameras = folder.path().join("cameras.yaml");
    let start = format!("{}:2:3: unknown key 'nam'", cameras.display());
    assert!(error.starts_with(&start), "{error}");

    write("config.yaml", "node: 3 4\ncameras: !include nothing.yaml\n");
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(
        error.contains("config.yaml:1:7: ") && error.contains("nothing.yaml: No such file"),
        "{error}"
    );

    write("config.yaml", "cameras: !include config.yaml\n");
    assert!(Config::load(&path).is_err());
}

#[test]
fn prompts_that_can_not_be_asked_are_told_where_they_stand() {
    let text = "cameras: [{name: a}, {name: b}]
prompts:
- name: p
  prompt: {points: [[1, 2]]}
- {name: q, camera: c, prompt: {points: [[1, 2]]}}
- camera: a
  name: r
  prompt: {text: cup}
- {name: s, camera: b, prompt: {points: [[1, 2]]}}
";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.yaml");
    std::fs::write(&path, text).unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    let expected = [
        "c.yaml:3:9: prompt 'p' without 'camera' beside several cameras: expected one of a, b",
        "c.yaml:5:10: prompt 'q' is for camera 'c', which there is not: expected one of a, b",
        "c.yaml:7:9: prompt 'r' asks for a text, which needs a text model",
    ];
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{error}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.contains(expected), "{line}, not {expected}");
    }
}
