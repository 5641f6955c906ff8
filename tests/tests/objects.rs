//! Objects that last: ids, zones, lines, events and counts, held against the synthetic scene's ground truth.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::collections::{BTreeMap, BTreeSet};

use camera::synthetic::{Scene, SceneSettings};
use fastsam::{Mask, encode::rle};
use fastsamd_tests::{Message, Node, Subscriber};
use frame::Size;
use serde_json::{Value, json};

/// Small, for a mock that is not optimized.
const SIZE: Size = Size::new(320, 240);

fn scene() -> Scene {
    let settings = SceneSettings {
        size: SIZE,
        fps: 20.0,
        ..SceneSettings::default()
    };
    Scene::new(settings).expect("the camera's scene")
}

/// The daemon's messages until so many frames were published.
fn frames(subscriber: &Subscriber, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut seen = 0;
    while seen < count {
        let message = subscriber.wait_for("a message", |_| true);
        seen += usize::from(message.topic.ends_with("/masks"));
        messages.push(message);
    }
    messages
}

fn on(messages: &[Message], topic: &str) -> impl Iterator<Item = Value> {
    let topic = format!("fastsam/test/cam/{topic}");
    let wanted = messages
        .iter()
        .filter(move |message| message.topic == topic);
    wanted.map(Message::json)
}

fn mask(segment: &Value) -> Mask {
    let counts = segment["segmentation"]["counts"].as_str().expect("counts");
    rle::decode(SIZE, counts).expect("a mask")
}

/// For each id, how often it stood for which object of the scene.
fn owners(messages: &[Message]) -> BTreeMap<u64, BTreeMap<usize, u32>> {
    let scene = scene();
    let mut owners: BTreeMap<u64, BTreeMap<usize, u32>> = BTreeMap::new();
    for frame in on(messages, "masks") {
        let sequence = frame["frame"]["sequence"].as_u64().expect("a sequence");
        let truth = scene.ground_truth(sequence);
        for segment in frame["segments"].as_array().expect("a list") {
            let found = mask(segment);
            let object = truth.iter().find(|object| object.mask.iou(&found) > 0.8);
            if let Some(object) = object {
                let id = segment["id"].as_u64().expect("an id");
                *owners.entry(id).or_default().entry(object.id).or_default() += 1;
            }
        }
    }
    owners
}

const WATCHED: &str = "\
accelerator: {backend: {mock: {input: 320}}}
cameras:
  - name: cam
    source: {synthetic: {width: 320, height: 240, fps: 20}}
    zones:
      - {name: left, polygon: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]], inertia_s: 0.1}
      - {name: all, polygon: [[0, 0], [320, 0], [320, 240], [0, 240]], loiter_s: 2}
    lines:
      - {name: middle, ends: [[160, 0], [160, 240]]}
tracking: {appear_after_s: 0.2}
";

#[test]
fn ids_stay_with_objects_and_events_tell_what_they_do() {
    let node = Node::new();
    let subscriber = node.subscribe();
    let daemon = node.start_with(WATCHED);
    let messages = frames(&subscriber, 150);
    daemon.stop();

    // An id is one object's, and no object has many.
    let owners = owners(&messages);
    let mut ids_of: BTreeMap<usize, u32> = BTreeMap::new();
    for (id, objects) in &owners {
        let most = objects.values().max().copied().unwrap_or(0);
        let all: u32 = objects.values().sum();
        assert!(most * 20 >= all * 19, "id {id} was of {objects:?}");
        let longest = objects.iter().max_by_key(|(_, count)| **count);
        let (object, count) = longest.expect("an object");
        if *count >= 20 {
            *ids_of.entry(*object).or_default() += 1;
        }
    }
    assert!(ids_of.len() >= 6, "{ids_of:?}");
    assert!(ids_of.values().all(|&ids| ids <= 2), "{ids_of:?}");

    let events: Vec<Value> = on(&messages, "events").collect();
    let numbers: Vec<_> = events
        .iter()
        .map(|event| event["number"].as_u64())
        .collect();
    let expected: Vec<_> = (1..).map(Some).take(events.len()).collect();
    assert_eq!(numbers, expected);
    let mut inside = BTreeSet::new();
    let mut there = BTreeSet::new();
    let mut loiterers = 0;
    for event in &events {
        let id = event["id"].as_u64().expect("an id");
        let of = |key: &str| event[key].as_str().expect("a text").to_owned();
        match of("event").as_str() {
            "appeared" => assert!(there.insert(id), "{event}"),
            "left" => assert!(there.remove(&id), "{event}"),
            "entered" => assert!(inside.insert((id, of("zone"))), "{event}"),
            "exited" => assert!(inside.remove(&(id, of("zone"))), "{event}"),
            "crossed" => {
                assert_eq!(of("line"), "middle");
                // Upwards it points downwards: whoever goes to the right comes from its left.
                let x = |key: &str| {
                    let bbox = &event[key]["bbox"];
                    bbox[0].as_f64().expect("x") + bbox[2].as_f64().expect("width") / 2.0
                };
                let to_the_right = x("after") > 160.0;
                let expected = if to_the_right {
                    "right_to_left"
                } else {
                    "left_to_right"
                };
                assert_eq!(of("direction"), expected, "{event}");
            }
            "loitering" => {
                assert_eq!(of("zone"), "all");
                loiterers += 1;
            }
            "still" | "moving" => {}
            other => panic!("{other}"),
        }
    }
    assert!(there.len() >= 6, "{there:?}");
    assert!(loiterers >= 6, "{loiterers}");
    let in_all = inside.iter().filter(|(_, zone)| zone == "all").count();
    assert!(
        in_all <= there.len() && in_all + 3 >= there.len(),
        "{in_all} of {there:?}"
    );

    // Plain numbers say the same.
    let last = |topic: &str| {
        let topic = format!("fastsam/test/cam/{topic}");
        let of_topic = |message: &&Message| message.topic == topic;
        messages.iter().rfind(of_topic).map(Message::text)
    };
    let count: u32 = last("count").expect("a count").parse().expect("a number");
    assert!(count.abs_diff(there.len() as u32) <= 2, "{count}");
    assert_eq!(last("zones/all/occupied").as_deref(), Some("ON"));
    let summary = on(&messages, "summary").last().expect("a summary");
    let zones = summary["zones"].as_object().expect("zones");
    let names: Vec<_> = zones.keys().map(String::as_str).collect();
    assert_eq!(names, ["all", "left"]);
    assert!(summary["zones"]["all"].as_u64() >= Some(6), "{summary}");
}

#[test]
fn ids_and_zones_outlive_a_restart() {
    let node = Node::new();
    let subscriber = node.subscribe();
    let daemon = node.start("");
    let ids = |messages: &[Message]| -> BTreeSet<u64> {
        on(messages, "masks")
            .flat_map(|frame| {
                let segments = frame["segments"].as_array().cloned();
                segments.unwrap_or_default()
            })
            .filter_map(|segment| segment["id"].as_u64())
            .collect()
    };
    let before = ids(&frames(&subscriber, 20));
    assert_eq!(before.first(), Some(&1));

    let zone = json!({"transaction": 1, "action": "set", "name": "porch",
        "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]});
    let answer = node.ask(&subscriber, "zones", &zone);
    assert_eq!(answer["status"], "ok", "{answer}");
    assert_eq!(answer["data"]["zones"][0]["name"], "porch");
    assert_eq!(answer["data"]["kept"], true);
    subscriber.wait_for_text("cam/zones/porch/occupied", "ON");
    let line = json!({"transaction": 2, "action": "set", "name": "gate", "ends": [[0, 0], [9, 9]]});
    assert_eq!(node.ask(&subscriber, "lines", &line)["status"], "ok");
    for (what, request, cause) in [
        (
            "zones",
            json!({"action": "set", "name": "z", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]}),
            "cross",
        ),
        (
            "zones",
            json!({"action": "set", "name": "z", "polygon": [[0, 0], [1, 1]]}),
            "2 corners",
        ),
        (
            "zones",
            json!({"action": "set", "name": "a/b", "polygon": [[0, 0], [9, 0], [0, 9]]}),
            "a/b",
        ),
        (
            "zones",
            json!({"action": "set", "name": "z", "polygon": [[0, 0], [9, 0], [0, 9]], "min_area": 5, "max_area": 4}),
            "min_area 5",
        ),
        (
            "zones",
            json!({"action": "set", "name": "z", "polygon": [[0, 0], [9, 0], [0, 9]], "size": 4}),
            "unknown field",
        ),
        (
            "zones",
            json!({"action": "remove", "name": "nothing"}),
            "no zone 'nothing'",
        ),
        (
            "zones",
            json!({"action": "paint"}),
            "expected action set, list or remove",
        ),
        (
            "zones",
            json!({"action": "list", "camera": "other"}),
            "no camera 'other'",
        ),
        (
            "lines",
            json!({"action": "set", "name": "z", "ends": [[0, 0]]}),
            "two ends",
        ),
    ] {
        let mut request = request;
        request["transaction"] = json!(cause);
        let answer = node.ask(&subscriber, what, &request);
        assert_eq!(answer["status"], "error", "{answer}");
        let error = answer["error"].as_str().expect("a reason");
        assert!(error.contains(cause), "{error}");
    }
    daemon.stop();

    let subscriber = node.subscribe();
    let daemon = node.start("");
    let after = ids(&frames(&subscriber, 20));
    assert!(after.first() > before.last(), "{before:?}, {after:?}");
    let list = json!({"transaction": 3, "action": "list"});
    let answer = node.ask(&subscriber, "zones", &list);
    assert_eq!(answer["data"]["zones"][0]["name"], "porch", "{answer}");
    let answer = node.ask(&subscriber, "lines", &list);
    assert_eq!(answer["data"]["lines"][0]["name"], "gate", "{answer}");
    // What is removed leaves nothing behind.
    let remove = json!({"transaction": 4, "action": "remove", "name": "porch"});
    // The topic may be cleared before the answer comes.
    let watcher = node.subscribe();
    assert_eq!(node.ask(&subscriber, "zones", &remove)["status"], "ok");
    watcher.wait_for_text("cam/zones/porch/count", "");
    daemon.stop();
}

#[test]
fn masks_come_as_rarely_as_is_wanted_and_events_all_the_same() {
    let node = Node::new();
    let subscriber = node.subscribe();
    let daemon = node.start("publish: {masks: never}");
    subscriber.wait_for("an event", |message| message.topic.ends_with("/events"));
    let answer = node.ask(
        &subscriber,
        "prompt",
        &json!({"transaction": 1, "boxes": [[0, 0, 640, 480]]}),
    );
    let segment = &answer["data"]["segments"][0];
    assert!(segment["track"]["age_ms"].is_u64(), "{answer}");
    // Asked by its id, the same object answers.
    let request = json!({"transaction": 2, "ids": [segment["id"], 1_u64 << 40]});
    let again = node.ask(&subscriber, "prompt", &request);
    assert_eq!(again["data"]["prompt"]["ids"], json!([segment["id"]]));
    assert_eq!(again["data"]["segments"][0]["id"], segment["id"]);
    subscriber.wait_for("a summary", |message| {
        message.topic.ends_with("/summary") && message.json()["fps"].as_f64() > Some(1.0)
    });
    let rest = subscriber.until_now();
    assert!(!rest.iter().any(|message| message.topic.ends_with("/masks")));
    daemon.stop();
}
