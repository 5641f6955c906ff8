//! The demonstration, held against the ground truth of its own scene.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::collections::HashMap;

use camera::synthetic::{Scene, SceneSettings};
use fastsam::Mask;
use fastsamd_tests::{Daemon, Mosquitto, Subscriber, fastsamd};
use frame::Size;
use mqtt::EmbeddedBroker;

/// Objects of fewer visible pixels don't count, as a 160 x 160 prototype can't show them well.
const LEAST_AREA: u32 = 400;

/// The masks of a `masks` message.
fn masks(message: &serde_json::Value) -> Vec<Mask> {
    let segments = message["segments"].as_array().expect("a list of segments");
    segments
        .iter()
        .map(|segment| {
            let size = &segment["segmentation"]["size"];
            let side = |i: usize| u32::try_from(size[i].as_u64().expect("a side")).expect("a side");
            let counts = segment["segmentation"]["counts"].as_str().expect("counts");
            let mask = fastsam::encode::rle::decode(Size::new(side(1), side(0)), counts)
                .expect("readable counts");
            assert_eq!(
                u64::from(mask.area()),
                segment["area"].as_u64().expect("an area")
            );
            mask
        })
        .collect()
}

/// For each visible object, the IoU with the mask that fits it best.
fn ious(scene: &Scene, message: &serde_json::Value) -> Vec<f64> {
    let sequence = message["frame"]["sequence"]
        .as_u64()
        .expect("a sequence number");
    let masks = masks(message);
    scene
        .ground_truth(sequence)
        .iter()
        .filter(|object| object.mask.area() > LEAST_AREA)
        .map(|object| {
            masks
                .iter()
                .map(|mask| mask.iou(&object.mask))
                .fold(0.0, f64::max)
        })
        .collect()
}

/// Runs the demo with the broker at `publish_to`, reads its messages on `port`, and holds each mask
/// against the scene.
fn hold_against_ground_truth(publish_to: &str, port: u16) {
    let subscriber = Subscriber::connect(port, "fastsam/#");
    let mut demo = Daemon::start([
        "demo",
        "--backend",
        "mock",
        "--http",
        "127.0.0.1:0",
        "--mqtt",
        publish_to,
        "--frames",
        "60",
    ]);

    let scene = Scene::new(SceneSettings::default()).expect("the demo's scene");
    let mut all = Vec::new();
    let mut frames = 0;
    loop {
        let message = subscriber.wait_for("masks, or the end", |m| {
            m.topic.ends_with("/masks")
                || m.topic.ends_with("demo/availability") && m.payload == b"offline"
        });
        if message.topic.ends_with("/availability") {
            break;
        }
        let message = message.json();
        assert_eq!(message["frame"]["width"], 640);
        assert_eq!(message["frame"]["height"], 480);
        all.extend(ious(&scene, &message));
        frames += 1;
    }
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    assert!(
        all.len() > 300,
        "only {} visible objects in {frames} frames",
        all.len()
    );
    assert!(mean >= 0.9, "mean IoU {mean:.4}");
    // A busy machine's broker may be behind for a moment: then frames are left out rather than late.
    assert!((40..=60).contains(&frames), "{frames} frames");
    let (status, _) = demo.wait();
    assert!(status.success(), "{status}: {}", demo.output());
}

#[test]
fn masks_through_mosquitto_match_the_ground_truth() {
    let broker = Mosquitto::start();
    hold_against_ground_truth(&broker.address(), broker.port());
}

#[test]
fn masks_through_the_embedded_broker_match_the_ground_truth() {
    let broker = EmbeddedBroker::start(([127, 0, 0, 1], 0).into(), None).expect("a broker");
    hold_against_ground_truth(&broker.address().to_string(), broker.address().port());
}

#[test]
fn the_demo_publishes_its_state_retained() {
    let broker = Mosquitto::start();
    let mut demo = Daemon::start(["demo", "--http", "127.0.0.1:0", "--mqtt", &broker.address()]);
    let early = Subscriber::connect(broker.port(), "fastsam/#");
    early.wait_for("a masks message", |message| {
        message.topic.ends_with("/masks")
    });
    early.wait_for("a summary", |message| message.topic.ends_with("/summary"));
    early.wait_for("a count", |message| message.topic.ends_with("/count"));

    // One who comes later learns all of it from the broker.
    let late = Subscriber::connect(broker.port(), "fastsam/#");
    let mut retained = HashMap::new();
    let expected = [
        "availability",
        "accelerator/state",
        "cam0/state",
        "info",
        "cam0/summary",
        "cam0/count",
        "status",
    ];
    while !expected.iter().all(|level| retained.contains_key(*level)) {
        let message = late.wait_for("a retained message", |message| message.retained);
        let level = message
            .topic
            .splitn(3, '/')
            .nth(2)
            .expect("a topic below the node")
            .to_owned();
        retained.insert(level, message);
    }
    assert_eq!(retained["availability"].payload, b"online");
    assert_eq!(retained["accelerator/state"].payload, b"online");
    assert_eq!(retained["cam0/state"].payload, b"online");
    assert!(retained["info"].json()["version"].is_string());
    assert!(retained["cam0/summary"].json()["count"].is_u64());
    assert!(retained["cam0/count"].json().is_u64());
    assert!(retained["status"].json().is_object());

    demo.signal("TERM");
    let (status, _) = demo.wait();
    assert!(status.success(), "{status}: {}", demo.output());
    late.wait_for_text("/availability", "offline");
}

#[test]
fn a_wrong_broker_address_is_one_line_and_exit_code_2() {
    for address in ["nowhere", "127.0.0.1:notaport", ":1883", "127.0.0.1:0", ""] {
        let output = fastsamd()
            .args(["demo", "--mqtt", address])
            .output()
            .expect("an ended demo");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "'{address}': {error}");
        assert_eq!(error.lines().count(), 1, "'{address}': {error}");
        assert!(error.contains("--mqtt"), "'{address}': {error}");
    }
}
