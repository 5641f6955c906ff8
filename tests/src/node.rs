//! A daemon with one camera, its broker, and somebody who asks.

use std::{fs, path::Path};

use rumqttc::{Client, MqttOptions, QoS};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Daemon, Mosquitto, Subscriber};

/// A broker, somebody who asks, and a folder for a daemon `test` with a synthetic camera `cam`.
pub struct Node {
    broker: Mosquitto,
    folder: TempDir,
    asker: Client,
}

impl Default for Node {
    fn default() -> Self {
        Self::new()
    }
}

impl Node {
    /// All of it but the daemon.
    pub fn new() -> Self {
        let broker = Mosquitto::start();
        let mut options = MqttOptions::new("asker", "127.0.0.1", broker.port());
        options.set_max_packet_size(1 << 20, 1 << 20);
        let (asker, mut connection) = Client::new(options, 16);
        std::thread::spawn(move || connection.iter().take_while(Result::is_ok).count());
        Self {
            broker,
            folder: tempfile::tempdir().expect("a folder"),
            asker,
        }
    }

    /// Starts the daemon with a camera of 20 frames per second; `more` is what else its configuration says.
    pub fn start(&self, more: &str) -> Daemon {
        self.start_with(&format!(
            "cameras: [{{name: cam, source: {{synthetic: {{fps: 20}}}}}}]\n{more}"
        ))
    }

    /// Starts the daemon; `more` is what its configuration says beside node, broker and folder. The mock
    /// answers, and the node's broker is its broker, unless it says otherwise.
    pub fn start_with(&self, more: &str) -> Daemon {
        let accelerator = if more.contains("accelerator:") {
            ""
        } else {
            "accelerator: {backend: mock}\n"
        };
        let mqtt = if more.contains("mqtt:") {
            String::new()
        } else {
            format!("mqtt: {{port: {}}}\n", self.broker.port())
        };
        let config = self.folder.path().join("config.yaml");
        let text = format!(
            "node: test\n{mqtt}state_directory: {}\n{accelerator}{more}",
            self.folder.path().display()
        );
        fs::write(&config, text).expect("a written file");
        Daemon::start([Path::new("run"), Path::new("--config"), &config])
    }

    /// The folder with its configuration, in which it keeps its state.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The port of its broker.
    pub fn port(&self) -> u16 {
        self.broker.port()
    }

    /// Listens to all that it says.
    pub fn subscribe(&self) -> Subscriber {
        Subscriber::connect(self.broker.port(), "fastsam/test/#")
    }

    /// Sends a request.
    pub fn send(&self, what: &str, request: &Value) {
        self.send_text(what, &request.to_string());
    }

    /// Sends something that need not be a request.
    pub fn send_text(&self, what: &str, text: &str) {
        let topic = format!("fastsam/test/request/{what}");
        self.asker
            .publish(topic, QoS::AtLeastOnce, false, text)
            .expect("a sent request");
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&self, subscriber: &Subscriber, what: &str, request: &Value) -> Value {
        self.send(what, request);
        let topic = format!("response/{what}");
        let answer = subscriber.wait_for("an answer", |message| {
            message.topic.ends_with(&topic)
                && message.json()["transaction"] == request["transaction"]
        });
        answer.json()
    }
}
