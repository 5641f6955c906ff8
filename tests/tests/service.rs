//! The daemon as a service: what it tells systemd, and what SIGHUP changes.

#![expect(clippy::expect_used, clippy::panic, reason = "this is a test")]

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fastsamd_tests::{DEADLINE, Daemon, Mosquitto, Subscriber, fastsamd, free_port};
use tempfile::TempDir;

/// A service manager's end of the line.
struct Manager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket
            .set_read_timeout(Some(Duration::from_secs(1)))
            .expect("a timeout");
        Self { socket, folder }
    }

    fn config(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("config.yaml");
        fs::write(&path, text).expect("a written file");
        path
    }

    fn start(&self, config: &Path) -> Daemon {
        Daemon::spawn(
            fastsamd()
                .args(["run", "--config"])
                .arg(config)
                .env("NOTIFY_SOCKET", self.folder.path().join("notify"))
                .env("WATCHDOG_USEC", "3000000"),
        )
    }

    /// Reads messages until one holds the line; returns all lines on the way.
    fn wait_for(&self, line: &str) -> Vec<String> {
        let started = Instant::now();
        let mut lines = Vec::new();
        while started.elapsed() < DEADLINE {
            let mut message = [0; 4096];
            let Ok(length) = self.socket.recv(&mut message) else {
                continue;
            };
            let text = String::from_utf8_lossy(&message[..length]).into_owned();
            lines.extend(text.lines().map(str::to_owned));
            if text.lines().any(|found| found == line) {
                return lines;
            }
        }
        panic!("no {line}: {lines:?}");
    }
}

#[test]
fn systemd_hears_of_the_start_of_progress_and_of_the_end() {
    let broker = Mosquitto::start();
    let manager = Manager::new();
    let config = manager.config(&format!(
        "accelerator: {{backend: mock}}\nmqtt: {{port: {}}}\npublish: {{status_interval_s: 0.5}}\n",
        broker.port()
    ));
    let mut daemon = manager.start(&config);
    manager.wait_for("READY=1");
    // The watchdog may be fed before there is something to tell.
    let says_it = |line: &String| line.starts_with("STATUS=accelerator online; cam0 ");
    let told = (0..100).any(|_| manager.wait_for("WATCHDOG=1").iter().any(says_it));
    assert!(told, "the status is told beside a hundred signs of life");
    manager.wait_for("WATCHDOG=1");
    daemon.signal("TERM");
    manager.wait_for("STOPPING=1");
    assert!(daemon.wait().0.success());
}

#[test]
fn a_camera_that_is_tried_again_is_no_reason_to_wait() {
    let manager = Manager::new();
    let pictures = manager.folder.path().join("pictures");
    fs::create_dir(&pictures).expect("a folder");
    let config = manager.config(&format!(
        "accelerator: {{backend: mock}}\nmqtt: {{port: {}}}\ncameras: [{{name: a, source: {{images: {{path: {}}}}}}}]\n",
        free_port(),
        pictures.display()
    ));
    let mut daemon = manager.start(&config);
    manager.wait_for("READY=1");
    // Waiting for the next attempt is progress: it must not be started anew for that.
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1");
    }
    daemon.signal("TERM");
    assert!(daemon.wait().0.success(), "{}", daemon.output());
}

#[test]
fn a_stopped_daemon_feeds_no_watchdog() {
    let manager = Manager::new();
    let config = manager.config(&format!(
        "accelerator: {{backend: mock}}\nmqtt: {{port: {}}}\n",
        free_port()
    ));
    let daemon = manager.start(&config);
    manager.wait_for("WATCHDOG=1");
    daemon.signal("STOP");
    // What was on its way.
    while manager.socket.recv(&mut [0; 4096]).is_ok() {}
    assert!(manager.socket.recv(&mut [0; 4096]).is_err());
    daemon.signal("CONT");
    manager.wait_for("WATCHDOG=1");
}

#[test]
fn sighup_changes_what_can_be_changed_and_names_the_rest() {
    let broker = Mosquitto::start();
    let manager = Manager::new();
    let text = |node: &str, more: &str| {
        format!(
            "node: {node}\naccelerator: {{backend: mock}}\nmqtt: {{port: {}}}\n{more}",
            broker.port()
        )
    };
    let config = manager.config(&text("test", ""));
    let subscriber = Subscriber::connect(broker.port(), "fastsam/#");
    let mut daemon = manager.start(&config);
    let segments = |message: &fastsamd_tests::Message| {
        message.topic.ends_with("/masks").then(|| {
            let message = message.json();
            message["segments"].as_array().map_or(0, Vec::len)
        })
    };
    subscriber.wait_for("segments", |message| segments(message) > Some(0));

    // Nothing scores above 1. A name can't change under way.
    manager.config(&text("other", "segmentation: {confidence: 1.0}\n"));
    daemon.signal("HUP");
    manager.wait_for("RELOADING=1");
    manager.wait_for("READY=1");
    subscriber.wait_for("no segments", |message| segments(message) == Some(0));
    // Retained, as it stands now.
    let latecomer = Subscriber::connect(broker.port(), "fastsam/test/info");
    latecomer.wait_for("an info with the new setting", |message| {
        message.topic == "fastsam/test/info"
            && message.json()["config"]["segmentation"]["confidence"] == 1.0
    });
    daemon.wait_until_it_said("only after a restart: node");

    // What is wrong is named, and changes nothing.
    manager.config(&text("test", "segmentation: {confidence: 2}\n"));
    daemon.signal("HUP");
    manager.wait_for("RELOADING=1");
    manager.wait_for("READY=1");
    daemon.wait_until_it_said("config.yaml:4:28");
    subscriber.wait_for("no segments still", |message| segments(message) == Some(0));

    // And back.
    manager.config(&text("test", ""));
    daemon.signal("HUP");
    subscriber.wait_for("segments again", |message| segments(message) > Some(0));
    daemon.signal("TERM");
    assert!(daemon.wait().0.success());
}
