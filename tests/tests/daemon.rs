//! The daemon against a real broker: its end, and the broker's comings and goings.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::fs;

use fastsamd_tests::{Daemon, Mosquitto, Subscriber};
use tempfile::TempDir;

/// A configuration for this broker: two fast cameras on an accelerator that is slower than both.
fn configuration(broker: &Mosquitto) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yaml");
    let text = format!(
        "node: test\n\
         mqtt: {{host: 127.0.0.1, port: {}}}\n\
         accelerator: {{backend: {{mock: {{fps: 30}}}}}}\n\
         cameras:\n\
         - {{name: left, source: {{synthetic: {{fps: 60, seed: 3}}}}}}\n\
         - {{name: right, source: {{synthetic: {{fps: 60, seed: 4, width: 320, height: 240}}}}}}\n\
         publish: {{status_interval_s: 0.5}}\n",
        broker.port()
    );
    fs::write(&path, text).expect("a written file");
    let path = path.to_str().expect("a UTF-8 path").to_owned();
    (folder, path)
}

#[test]
fn sigterm_under_load_ends_everything() {
    let broker = Mosquitto::start();
    let (_folder, config) = configuration(&broker);
    let subscriber = Subscriber::connect(broker.port(), "fastsam/test/#");
    let mut daemon = Daemon::start(["run", "--config", &config]);
    // Both cameras are served, although either alone could keep the accelerator busy.
    for camera in ["left/masks", "right/masks", "left/masks", "right/masks"] {
        subscriber.wait_for(camera, |message| message.topic.ends_with(camera));
    }
    // Under load: frames are dropped where they should be, and the status says so.
    subscriber.wait_for("a status with drops before the accelerator", |message| {
        message.topic.ends_with("/status")
            && message.json()["dropped"]["before_submit"]
                .as_u64()
                .is_some_and(|n| n > 0)
    });

    daemon.signal("TERM");
    // The wait fails where the end hangs, however long it takes on a busy machine.
    let (status, _) = daemon.wait();
    assert!(status.success(), "{status}: {}", daemon.output());
    subscriber.wait_for_text("test/availability", "offline");
    // What the cameras still had under way came before: `offline` is the last word.
    let after = subscriber.until_now();
    assert!(after.is_empty(), "{after:?}");
}

/// Masks over the input of a network that takes 320 x 192: a wide picture has hardly any padding.
#[test]
fn masks_are_as_large_as_the_networks_input() {
    let broker = Mosquitto::start();
    let (_folder, config) = configuration(&broker);
    let text = fs::read_to_string(&config).expect("the configuration");
    let text = text.replace("{fps: 30}", "{fps: 30, input: [320, 192]}");
    let text = format!("{text}segmentation: {{mask_size: network}}\n");
    fs::write(&config, text).expect("a written file");
    let subscriber = Subscriber::connect(broker.port(), "fastsam/test/#");
    let mut daemon = Daemon::start(["run", "--config", &config]);
    for camera in ["left/masks", "right/masks"] {
        let message = subscriber.wait_for(camera, |message| message.topic.ends_with(camera));
        let segments = &message.json()["segments"];
        assert_eq!(
            segments[0]["segmentation"]["size"],
            serde_json::json!([192, 320])
        );
    }
    daemon.signal("TERM");
    let (status, _) = daemon.wait();
    assert!(status.success(), "{status}: {}", daemon.output());
}

#[test]
fn a_broker_that_comes_late_and_goes_and_returns() {
    let mut broker = Mosquitto::prepare();
    let (_folder, config) = configuration(&broker);
    let mut daemon = Daemon::start(["run", "--config", &config]);

    // It is not there yet: the daemon runs and tries again.
    broker.launch();
    let subscriber = Subscriber::connect(broker.port(), "fastsam/test/#");
    subscriber.wait_for_text("test/availability", "online");
    subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    drop(subscriber);

    // It crashes, and comes back with nothing remembered.
    broker.kill();
    broker.launch();
    let subscriber = Subscriber::connect(broker.port(), "fastsam/test/#");
    for topic in [
        "test/availability",
        "left/state",
        "right/state",
        "accelerator/state",
    ] {
        subscriber.wait_for_text(topic, "online");
    }
    subscriber.wait_for("masks", |message| message.topic.ends_with("/masks"));
    subscriber.wait_for("a status with drops while the broker was away", |message| {
        message.topic.ends_with("/status")
            && message.json()["dropped"]["offline"]
                .as_u64()
                .is_some_and(|n| n > 0)
    });

    daemon.signal("INT");
    let (status, _) = daemon.wait();
    assert!(status.success(), "{status}: {}", daemon.output());
}

#[test]
fn a_killed_daemon_leaves_its_last_will() {
    let broker = Mosquitto::start();
    let (_folder, config) = configuration(&broker);
    let subscriber = Subscriber::connect(broker.port(), "fastsam/test/#");
    let mut daemon = Daemon::start(["run", "--config", &config]);
    subscriber.wait_for_text("test/availability", "online");
    daemon.signal("KILL");
    daemon.wait();
    subscriber.wait_for_text("test/availability", "offline");
}
