//! What people set and see over MQTT: settings that last, pictures, what Home Assistant is told, and nothing left behind.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::time::Duration;

use fastsamd_tests::{DEADLINE, Node, Subscriber, fastsamd};
use rumqttc::{Client, MqttOptions, QoS};
use serde_json::{Value, json};

/// Publishes one message, and returns when the broker has it.
fn publish(port: u16, topic: &str, retain: bool, payload: &str) {
    let options = MqttOptions::new("setter", "127.0.0.1", port);
    let (client, mut connection) = Client::new(options, 4);
    client
        .publish(topic, QoS::AtLeastOnce, retain, payload)
        .expect("a sent message");
    let is_acknowledged = |event: Result<rumqttc::Event, _>| {
        matches!(
            event.expect("a connection"),
            rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))
        )
    };
    assert!(connection.iter().any(is_acknowledged));
}

const CAMERA: &str = "\
accelerator: {backend: {mock: {input: 320}}}
cameras:
  - name: yard
    source: {synthetic: {width: 320, height: 240, fps: 20}}
    zones: [{name: porch, polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}]
";

#[test]
fn settings_are_set_and_told_and_outlive_a_restart() {
    let node = Node::new();
    let port = node.port();
    let set = |name: &str, text: &str| {
        publish(port, &format!("fastsam/test/{name}/set"), false, text);
    };
    // One that was retained is of another time.
    publish(port, "fastsam/test/iou/set", true, "0.1");
    let subscriber = node.subscribe();
    let daemon = node.start_with(CAMERA);
    subscriber.wait_for_text("test/iou/state", "0.7");
    subscriber.wait_for_text("yard/state", "online");
    set("confidence", "0.5");
    subscriber.wait_for_text("test/confidence/state", "0.5");
    set("confidence", "a lot");
    let refused = subscriber.wait_for("a refusal", |message| {
        message.topic.ends_with("response/settings")
    });
    let error = refused.json()["error"].to_string();
    assert!(
        error.contains("confidence: expected a number from 0 to 1"),
        "{error}"
    );
    let request =
        json!({"transaction": 1, "action": "set", "name": "mask_format", "value": "none"});
    let answer = node.ask(&subscriber, "settings", &request);
    assert_eq!(
        answer["data"],
        json!({"name": "mask_format", "value": "none", "kept": true})
    );
    subscriber.wait_for("boxes alone", |message| {
        message.topic.ends_with("/masks")
            && message.json()["segments"][0]["id"].is_u64()
            && message.json()["segments"][0].get("segmentation").is_none()
    });
    set("yard/enabled", "OFF");
    subscriber.wait_for_text("yard/state", "offline");
    daemon.stop();

    let subscriber = node.subscribe();
    let daemon = node.start_with(CAMERA);
    // The former daemon's last word was `offline`.
    subscriber.wait_for_text("test/availability", "online");
    subscriber.wait_for_text("yard/enabled/state", "OFF");
    let list = node.ask(
        &subscriber,
        "settings",
        &json!({"transaction": 2, "action": "list"}),
    );
    let settings = list["data"]["settings"].as_array().expect("a list");
    let value = |name: &str| {
        let found = settings.iter().find(|setting| setting["name"] == name);
        found.map(|setting| (setting["value"].clone(), setting["is_set"].clone()))
    };
    assert_eq!(value("confidence"), Some((json!("0.5"), json!(true))));
    assert_eq!(value("iou"), Some((json!("0.7"), json!(false))));
    set("yard/enabled", "ON");
    subscriber.wait_for_text("yard/state", "online");
    set("confidence", "default");
    subscriber.wait_for_text("test/confidence/state", "0.25");
    daemon.stop();
}

#[test]
fn pictures_come_when_they_are_wanted() {
    let node = Node::new();
    let subscriber = node.subscribe();
    let daemon = node.start_with(&format!(
        "{CAMERA}publish: {{labelmap: true, snapshot_interval_s: 0.5}}\n"
    ));
    let map = subscriber.wait_for("a label map", |message| {
        message.topic.ends_with("/labelmap")
    });
    assert!(map.payload.starts_with(b"\x89PNG"));
    let snapshot =
        subscriber.wait_for("a snapshot", |message| message.topic.ends_with("/snapshot"));
    assert!(snapshot.payload.starts_with(&[0xff, 0xd8]));
    publish(
        node.port(),
        "fastsam/test/snapshot_interval_s/set",
        false,
        "0",
    );
    // What is not made any more does not stay either.
    subscriber.wait_for_text("yard/snapshot", "");
    daemon.stop();
}

/// The newest message of Home Assistant's for a device.
fn device(subscriber: &Subscriber, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let topic = format!("homeassistant/device/{id}/config");
    let message = subscriber.wait_for("a device", |message| {
        message.topic == topic && !message.payload.is_empty() && wanted(&message.json())
    });
    message.json()
}

#[test]
fn home_assistant_is_told_and_nothing_stays_behind() {
    let node = Node::new();
    let port = node.port();
    let home_assistant = Subscriber::connect(port, "homeassistant/#");
    let subscriber = node.subscribe();
    let daemon = node.start_with(CAMERA);
    let yard = device(&home_assistant, "fastsam_test_yard", |_| true);
    let count = yard["components"]["zone_porch_count"].clone();
    assert_eq!(count["state_topic"], "fastsam/test/yard/zones/porch/count");
    subscriber.wait_for_text("zones/porch/occupied", "ON");
    // Home Assistant has started anew.
    publish(port, "homeassistant/status", false, "online");
    device(&home_assistant, "fastsam_test_yard", |_| true);
    daemon.stop();

    // The camera has another name, and the zone is gone.
    let renamed = CAMERA.replace("name: yard", "name: lawn");
    let renamed = renamed.split("    zones:").next().expect("a text");
    let daemon = node.start_with(renamed);
    let lawn = device(&home_assistant, "fastsam_test_yard", |message| {
        message["components"]["count"]["state_topic"] == "fastsam/test/lawn/count"
    });
    let gone = json!({"platform": "sensor"});
    assert_eq!(lawn["components"]["zone_porch_count"], gone);
    assert_eq!(
        lawn["components"]["count"]["unique_id"],
        yard["components"]["count"]["unique_id"]
    );
    for topic in ["yard/state", "yard/zones/porch/occupied"] {
        subscriber.wait_for_text(topic, "");
    }
    let config = node.folder().join("config.yaml");
    let retire = || {
        let mut command = fastsamd();
        command.arg("retire").arg("--config").arg(&config);
        command.output().expect("a run of retire")
    };
    let refused = retire();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("is online"));
    daemon.stop();

    publish(port, "fastsam/test/note", true, "somebody's own");
    let retired = retire();
    assert_eq!(retired.status.code(), Some(0), "{retired:?}");
    for (filter, expected) in [
        ("fastsam/#", vec!["fastsam/test/note"]),
        ("homeassistant/#", vec![]),
    ] {
        let left = Subscriber::connect(port, filter);
        // What is retained comes before this.
        publish(port, "fastsam/test/end", false, "");
        publish(port, "homeassistant/end", false, "");
        let mut topics = Vec::new();
        loop {
            let message = left
                .next(DEADLINE.min(Duration::from_secs(20)))
                .expect("the end");
            if message.topic.ends_with("/end") {
                break;
            }
            topics.push(message.topic);
        }
        assert_eq!(topics, expected);
    }
}
