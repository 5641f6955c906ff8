//! The connection to the broker: made at the start, ended last of all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Receiver,
    },
    time::Duration,
};

use anyhow::Context;
use configuration::{Config, Mqtt};
use message::{State, Topic, Topics};
use mqtt::{Delivery, Incoming, Options, Publisher, Session};

use crate::daemon::{process::systemd::Heartbeat, prompts::requests::REQUESTS};

/// The daemon's side of a connection, in parts for their threads.
pub(crate) struct Connection {
    pub(crate) topics: Topics,
    pub(crate) publisher: Publisher,
    pub(crate) session: MqttStage,
    pub(crate) inbox: Receiver<Incoming>,
    pub(crate) farewell: Farewell,
}

/// Prepares the connection to the configured broker.
pub(crate) fn connect(config: &Config) -> anyhow::Result<Connection> {
    let topics = Topics::new(&config.mqtt.prefix, &config.node)?;
    let mut options = Options::new(
        &config.mqtt.host,
        config.mqtt.port,
        &client_id(config),
        topics.availability(),
    );
    options.keep_alive = Duration::from_secs(u64::from(config.mqtt.keep_alive_s));
    options.max_payload_bytes = config.mqtt.max_payload_bytes;
    options.login = config.mqtt.login();
    let requests = REQUESTS.iter().map(|what| topics.request(what));
    options.subscriptions = requests.collect::<Result<_, _>>()?;
    let (publisher, session, inbox) = mqtt::connect(options).context("mqtt")?;
    let ended = Arc::new(AtomicBool::new(false));
    Ok(Connection {
        farewell: Farewell {
            publisher: publisher.clone(),
            accelerator: topics.accelerator_state(),
            ended: Arc::clone(&ended),
        },
        topics,
        publisher,
        session: MqttStage { session, ended },
        inbox,
    })
}

/// Names the daemon to the broker, over restarts too. A broker that still holds the connection of a
/// daemon that died (a power cut, a cable) then ends it when the new one connects, and publishes its
/// last will before the new one says `online`. Under another name the old will would come later, and
/// hide a living daemon.
fn client_id(config: &Config) -> String {
    let mqtt = &config.mqtt;
    if mqtt.prefix == Mqtt::default().prefix {
        return format!("fastsamd-{}", config.node);
    }
    // A node of the same name under another prefix is another node.
    let prefix = crc32fast::hash(mqtt.prefix.as_bytes());
    format!("fastsamd-{}-{prefix:08x}", config.node)
}

/// Runs the connection to the broker until the daemon ends.
pub(crate) struct MqttStage {
    session: Session,
    ended: Arc<AtomicBool>,
}

impl MqttStage {
    pub(crate) fn run(self, heartbeat: &Heartbeat) {
        let ended = self.ended;
        self.session.run(|| {
            heartbeat.beat();
            ended.load(Ordering::Acquire)
        });
    }
}

/// Ends the connection, after everything else has ended.
pub(crate) struct Farewell {
    publisher: Publisher,
    accelerator: Topic,
    ended: Arc<AtomicBool>,
}

impl Farewell {
    /// The accelerator stops, the session says goodbye.
    pub(crate) fn say(&self) {
        // A state is refused only for its size.
        let _ = self.publisher.state(
            &self.accelerator,
            State::Offline.payload(),
            Delivery::AtLeastOnce,
        );
        self.ended.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_id_depends_on_node_and_prefix_alone() {
        let id = |node: &str, prefix: &str| {
            client_id(&Config {
                node: node.into(),
                mqtt: Mqtt {
                    prefix: prefix.into(),
                    ..Mqtt::default()
                },
                ..Config::default()
            })
        };
        assert_eq!(id("garden", "fastsam"), "fastsamd-garden");
        assert_eq!(id("garden", "home/a"), id("garden", "home/a"));
        let others = [
            ("garden", "home/a"),
            ("garden", "home/b"),
            ("yard", "home/a"),
        ];
        let ids: std::collections::HashSet<_> = others.map(|(n, p)| id(n, p)).into();
        assert_eq!(ids.len(), 3);
        let longest = id(&"n".repeat(64), &"p".repeat(256));
        assert!(longest.len() <= 128, "{longest}");
    }
}
