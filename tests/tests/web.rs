//! The live page of the real daemon: pictures with their masks over a WebSocket, and who may come in.

#![expect(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use camera::synthetic::{Scene, SceneSettings};
use fastsam::{Mask, Run};
use fastsamd_tests::{DEADLINE, Daemon, Node, free_port};
use frame::Size;
use serde_json::Value;
use tungstenite::{Message, WebSocket, client::IntoClientRequest};

const SIZE: Size = Size::new(320, 240);

fn start(node: &Node, web: &str) -> (Daemon, SocketAddr) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let web = web.replace("ADDRESS", &address.to_string());
    let daemon = node.start_with(&format!(
        "accelerator: {{backend: {{mock: {{input: 320}}}}}}\n\
         cameras: [{{name: cam, source: {{synthetic: {{width: 320, height: 240, fps: 20}}}}}}]\n\
         web: {web}\n"
    ));
    daemon.wait_until_it_said("the page: http://");
    (daemon, address)
}

/// The status line, the head and the body of an answer.
fn get(address: SocketAddr, path: &str, head: &str) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("the page");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let head = if head.contains("Host:") {
        head.to_owned()
    } else {
        format!("Host: {address}\r\n{head}")
    };
    write!(
        stream,
        "GET {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
    )
    .expect("a sent request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (code.expect("a code"), head, answer[end + 4..].to_vec())
}

fn look(address: SocketAddr, camera: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).expect("the page");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let request = format!("ws://{address}/ws/{camera}")
        .into_client_request()
        .expect("a request");
    tungstenite::client(request, stream).expect("a socket").0
}

/// The next frame: its header, its picture, and the mask of each segment.
fn next(socket: &mut WebSocket<TcpStream>) -> (Value, Vec<u8>, Vec<Mask>) {
    socket.send(Message::text("next")).expect("a sent word");
    let Message::Binary(bytes) = socket.read().expect("a frame") else {
        panic!("no frame");
    };
    let length = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize;
    let header: Value = serde_json::from_slice(&bytes[4..4 + length]).expect("a header");
    let picture = header["jpeg"].as_u64().expect("a length") as usize;
    let (jpeg, runs) = bytes[4 + length..].split_at(picture);
    let numbers: Vec<u16> = runs
        .as_chunks()
        .0
        .iter()
        .map(|pair| u16::from_le_bytes(*pair))
        .collect();
    let mut numbers = numbers.chunks_exact(3);
    let masks = header["segments"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|segment| {
            let count = segment["runs"].as_u64().expect("a count") as usize;
            let runs = numbers.by_ref().take(count);
            let runs = runs.map(|run| Run {
                y: run[0],
                start: run[1],
                end: run[2],
            });
            Mask::from_runs(SIZE, runs.collect()).expect("a mask")
        });
    let masks = masks.collect();
    (header, jpeg.to_vec(), masks)
}

#[test]
fn a_viewer_sees_each_picture_with_the_masks_of_that_frame() {
    let node = Node::new();
    let (daemon, address) = start(&node, "{listen: \"ADDRESS\"}");
    let mut socket = look(address, "cam");
    let scene = Scene::new(SceneSettings {
        size: SIZE,
        fps: 20.0,
        ..SceneSettings::default()
    });
    let scene = scene.expect("the camera's scene");
    let mut last = None;
    for _ in 0..10 {
        let (header, jpeg, masks) = next(&mut socket);
        let sequence = header["sequence"].as_u64().expect("a number");
        assert!(last.is_none_or(|last| sequence > last));
        last = Some(sequence);
        // The masks are those of this frame's objects, and the picture is this frame's.
        let truth = scene.ground_truth(sequence);
        let largest = truth
            .iter()
            .max_by_key(|object| object.mask.area())
            .expect("an object");
        let best = masks
            .iter()
            .map(|mask| mask.iou(&largest.mask))
            .fold(0.0, f64::max);
        assert!(best > 0.85, "{best}");
        let picture = image::load_from_memory(&jpeg).expect("a JPEG").to_rgb8();
        assert_eq!(picture.dimensions(), (320, 240));
        let mut frame = frame::Frame::empty();
        scene.render(sequence, &mut frame);
        let differences = picture.as_raw().iter().zip(&frame.data);
        let sum: u64 = differences.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = sum as f64 / picture.as_raw().len() as f64;
        assert!(mean < 6.0, "the picture is another frame's: {mean}");
    }
    // As soon as nobody looks, nothing is shown; a snapshot looks by itself.
    socket.close(None).expect("a goodbye");
    let (code, head, jpeg) = get(address, "/snapshot/cam.jpg", "");
    assert_eq!(code, 200, "{head}");
    assert!(jpeg.starts_with(&[0xff, 0xd8]));
    for (path, text) in [
        ("/", "<!doctype html>"),
        ("/healthz", "ok"),
        ("/api/v1/health", "\"check\":\"broker\""),
        ("/readyz", "frames flow"),
        ("/api/v1/cameras", "[\"cam\"]"),
        ("/api/v1/status", "\"cameras\""),
        ("/api/v1/info", "\"node\":\"test\""),
    ] {
        let (code, head, body) = get(address, path, "");
        assert_eq!(code, 200, "{path}: {head}");
        assert!(String::from_utf8_lossy(&body).contains(text), "{path}");
    }
    let (_, head, _) = get(address, "/", "");
    assert!(
        head.contains("content-security-policy: default-src 'none'"),
        "{head}"
    );
    // A stream is pictures one after the other.
    let mut stream = TcpStream::connect(address).expect("the page");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    write!(
        stream,
        "GET /stream/cam HTTP/1.1\r\nHost: {address}\r\n\r\n"
    )
    .expect("a request");
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    while seen
        .windows(15)
        .filter(|bytes| bytes == b"--fastsamd-fram")
        .count()
        < 3
    {
        let count = stream.read(&mut buffer).expect("more");
        assert!(count > 0, "the stream ended");
        seen.extend_from_slice(&buffer[..count]);
    }
    daemon.stop();
}

#[test]
fn strangers_are_refused_and_slow_ones_hold_nobody_up() {
    let node = Node::new();
    let (daemon, address) = start(&node, "{listen: \"ADDRESS\", token: \"let me in\"}");
    let bearer = "Authorization: Bearer let me in\r\n";
    for (path, head, expected) in [
        ("/healthz", "", 401),
        ("/healthz", "Authorization: Bearer let me\r\n", 401),
        ("/healthz?token=wrong", "", 401),
        ("/healthz", bearer, 200),
        ("/healthz", "Cookie: fastsamd_token=let me in\r\n", 200),
        (
            "/healthz",
            "Host: evil.example\r\nAuthorization: Bearer let me in\r\n",
            421,
        ),
        (
            "/healthz",
            "Origin: http://evil.example\r\nAuthorization: Bearer let me in\r\n",
            403,
        ),
        ("/snapshot/other.jpg", bearer, 404),
        ("/../../etc/passwd", bearer, 404),
        ("/page/%2e%2e/%2e%2e/etc/passwd", bearer, 404),
    ] {
        let (code, answer, _) = get(address, path, head);
        assert_eq!(code, expected, "{path} {head}: {answer}");
    }
    // Connections that say nothing, up to the bound and beyond it, are no reason not to publish, or not to end.
    let silent: Vec<_> = (0..200)
        .filter_map(|_| TcpStream::connect(address).ok())
        .collect();
    let subscriber = node.subscribe();
    for _ in 0..3 {
        subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    }
    drop(silent);
    let answered = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        std::panic::catch_unwind(|| get(address, "/healthz", bearer))
            .is_ok_and(|(code, ..)| code == 200)
    });
    assert!(answered, "the page does not come back");
    // The token is nowhere to be read.
    let retained = node.subscribe();
    let info = retained.wait_for("info", |message| message.topic.ends_with("/info"));
    assert!(!info.text().contains("let me in"), "{}", info.text());
    assert!(!daemon.output().contains("let me in"));
    daemon.stop();
}

#[test]
fn a_taken_port_is_one_line_that_names_the_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = fastsamd_tests::fastsamd()
        .args(["demo", "--mqtt", "127.0.0.1:9", "--http", &address])
        .output()
        .expect("an ended demo");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--http 127.0.0.1:0"), "{said}");
}

/// Sends a body; the code and the answer.
fn post(address: SocketAddr, path: &str, head: &str, body: &str) -> (u16, Value) {
    post_bytes(address, path, head, body.as_bytes())
}

fn post_bytes(address: SocketAddr, path: &str, head: &str, body: &[u8]) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).expect("the page");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{head}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .expect("a sent request");
    // Whoever is refused early may find the connection gone.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    // Whoever is refused early may find the connection gone.
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer);
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = serde_json::from_str(body).unwrap_or(Value::String(body.to_owned()));
    (code.expect("a code"), body)
}

#[test]
fn requests_over_http_are_those_over_mqtt() {
    let node = Node::new();
    let (daemon, address) = start(&node, "{listen: \"ADDRESS\"}");
    let subscriber = node.subscribe();
    subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));

    let point =
        r#"{"transaction": 7, "camera": "cam", "points": [[0.5, 0.5]], "normalized": true}"#;
    let (code, answer) = post(address, "/api/v1/prompt", "", point);
    assert_eq!((code, &answer["status"]), (200, &"ok".into()), "{answer}");
    assert_eq!(answer["transaction"], 7);
    assert!(answer["data"]["segments"].is_array(), "{answer}");
    let (code, answer) = post(address, "/api/v1/prompt", "", r#"{"points": "here"}"#);
    assert_eq!(
        (code, &answer["status"]),
        (400, &"error".into()),
        "{answer}"
    );

    // What is set here is in force there, and listed.
    let zone = r#"{"action": "set", "name": "all", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}"#;
    assert_eq!(post(address, "/api/v1/zones", "", zone).0, 200);
    subscriber.wait_for("the zone's count", |message| {
        message.topic.ends_with("/cam/zones/all/count")
    });
    let (_, _, zones) = get(address, "/api/v1/zones?camera=cam", "");
    let zones: Value = serde_json::from_slice(&zones).expect("JSON");
    assert_eq!(zones["data"]["zones"][0]["name"], "all");
    let setting = r#"{"action": "set", "name": "confidence", "value": 0.9}"#;
    assert_eq!(post(address, "/api/v1/settings", "", setting).0, 200);
    subscriber.wait_for("the setting", |message| {
        message.topic.ends_with("/confidence/state") && message.payload == b"0.9"
    });

    // Strangers and giants.
    let (code, _) = post(
        address,
        "/api/v1/zones",
        "Origin: http://evil.example\r\n",
        zone,
    );
    assert_eq!(code, 403);
    let giant = "1".repeat(300 * 1024);
    let (code, answer) = post(address, "/api/v1/prompt", "", &giant);
    assert_eq!(code, 413, "{answer}");
    daemon.stop();
}

#[test]
fn an_uploaded_picture_has_the_masks_that_segment_finds() {
    let node = Node::new();
    let (daemon, address) = start(&node, "{listen: \"ADDRESS\"}");
    let scene = Scene::new(SceneSettings {
        size: Size::new(400, 300),
        ..SceneSettings::default()
    });
    let mut frame = frame::Frame::empty();
    scene.expect("a scene").render(0, &mut frame);
    let picture = node.folder().join("picture.png");
    image::save_buffer(&picture, &frame.data, 400, 300, image::ColorType::Rgb8).expect("a PNG");
    let png = std::fs::read(&picture).expect("the PNG");
    let expected = fastsamd_tests::fastsamd()
        .args(["segment", "--confidence", "0.5", "--config"])
        .arg(node.folder().join("config.yaml"))
        .arg(&picture)
        .output()
        .expect("segment");
    let expected: Value = serde_json::from_slice(&expected.stdout).expect("a message");
    assert!(!expected["segments"].as_array().expect("a list").is_empty());
    let subscriber = node.subscribe();
    subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    let send = |path: &str, body: &[u8]| post_bytes(address, path, "", body);
    let (code, answer) = send("/api/v1/segment?confidence=0.5", &png);
    assert_eq!(code, 200, "{answer}");
    // Pictures are numbered as they come.
    let segments = |message: &Value| {
        let mut segments = message["segments"].clone();
        for segment in segments.as_array_mut().into_iter().flatten() {
            segment["image_id"] = Value::Null;
        }
        segments
    };
    assert_eq!(segments(&answer), segments(&expected));
    assert_eq!(
        (&answer["node"], &answer["camera"]),
        (&"test".into(), &"upload".into())
    );
    assert_eq!(answer["frame"]["width"], 400);
    // The cameras' frames go on, and none of this is published as one of theirs.
    for _ in 0..3 {
        let masks = subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
        assert_eq!(masks.json()["frame"]["width"], 320);
    }
    let (code, answer) = send("/api/v1/segment?mask_format=none&max_segments=1", &png);
    assert_eq!(code, 200, "{answer}");
    let segments = answer["segments"].as_array().expect("a list");
    assert!(segments.len() == 1 && segments[0].get("segmentation").is_none());
    for (path, body, words) in [
        ("/api/v1/segment", b"no picture".as_slice(), "not a picture"),
        ("/api/v1/segment", b"", "the file is empty"),
        ("/api/v1/segment?iou=2", &png, "iou: 2"),
        ("/api/v1/segment?colour=red", &png, "colour: unknown option"),
    ] {
        let (code, answer) = send(path, body);
        assert_eq!(code, 400, "{answer}");
        assert_eq!(answer["status"], "error");
        let why = answer["error"].as_str().expect("words");
        assert!(why.contains(words) && !why.contains('\n'), "{why}");
    }
    daemon.stop();
}

#[test]
fn what_is_described_is_there() {
    let node = Node::new();
    let (daemon, address) = start(&node, "{listen: \"ADDRESS\"}");
    let (_, _, described) = get(address, "/api/v1/openapi.json", "");
    let described: Value = serde_json::from_slice(&described).expect("JSON");
    let paths = described["paths"].as_object().expect("paths");
    let schema = |reference: &str| {
        let name = reference.trim_start_matches("#/components/schemas/");
        &described["components"]["schemas"][name]
    };
    let mut looked = 0;
    for (path, methods) in paths {
        let Some(operation) = methods.get("get") else {
            continue;
        };
        let content = operation["responses"]["200"]["content"].as_object();
        let (kind, content) = content
            .and_then(|content| content.iter().next())
            .expect("content");
        if kind.starts_with("multipart") {
            continue;
        }
        let (code, head, body) = get(address, &path.replace("{camera}", "cam"), "");
        assert_eq!(code, 200, "{path}: {head}");
        assert!(
            head.contains(&format!("content-type: {kind}")),
            "{path}: {head}"
        );
        if kind == "application/json" {
            let answer: Value = serde_json::from_slice(&body).expect("JSON");
            let named = &content["schema"];
            let named = named["$ref"].as_str().map_or(named, schema);
            for key in named["required"].as_array().into_iter().flatten() {
                let key = key.as_str().expect("a name");
                assert!(answer.get(key).is_some(), "{path}: {key} is missing");
            }
        }
        looked += 1;
    }
    assert!(looked >= 14, "{looked} paths");

    let (_, _, plain) = get(address, "/snapshot/cam.jpg", "");
    let (_, _, drawn) = get(address, "/snapshot/cam.jpg?masks=1", "");
    assert!(drawn.starts_with(&[0xff, 0xd8]) && plain != drawn);
    let (_, _, labels) = get(address, "/labelmap/cam.png", "");
    let labels = image::load_from_memory(&labels).expect("a PNG").to_luma16();
    assert_eq!(labels.dimensions(), (320, 240));
    assert!(labels.pixels().any(|pixel| pixel.0[0] > 0));
    let (_, _, metrics) = get(address, "/metrics", "");
    let metrics = String::from_utf8(metrics).expect("text");
    // The dashboard shows nothing that isn't there.
    let dashboard = include_str!("../../docs/grafana.json");
    let shown = dashboard.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    for name in shown.filter(|word| word.starts_with("fastsamd_")) {
        // No sensor is promised, but the family is described.
        let family = ["_total", "_count", "_bucket"]
            .iter()
            .fold(name, |name, end| name.trim_end_matches(end));
        assert!(metrics.contains(&format!("# TYPE {family} ")), "{name}");
    }
    for name in [
        "fastsamd_camera_online{camera=\"cam\"} 1.0",
        "fastsamd_stage_seconds_count{camera=\"cam\",stage=\"total\"}",
        "fastsamd_mqtt_messages_total{outcome=\"published\"}",
        "fastsamd_node_info{node=\"test\"",
    ] {
        assert!(metrics.contains(name), "{name}\n{metrics}");
    }
    daemon.stop();
}
