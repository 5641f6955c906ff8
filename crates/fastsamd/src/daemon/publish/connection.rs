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
use message::{CAMERA_SETTINGS, NODE_SETTINGS, SettingTopics, State, Topic, Topics, birth_topic};
use mqtt::{Delivery, Identity, Incoming, Options, Publisher, Refuse, ReplyTo, Session, Tls};

use crate::daemon::{
    process::systemd::Heartbeat,
    prompts::{question::no_room, requests::REQUESTS},
};

/// The daemon's side of a connection, in parts for their threads.
pub(crate) struct Connection {
    pub(crate) topics: Topics,
    /// Every setting that there may be, by name.
    pub(crate) settings: Vec<(String, SettingTopics)>,
    /// Where Home Assistant says that it has started.
    pub(crate) birth: Option<Topic>,
    pub(crate) publisher: Publisher,
    pub(crate) session: MqttStage,
    pub(crate) inbox: Receiver<Incoming>,
    pub(crate) farewell: Farewell,
}

/// Prepares the connection to the configured broker.
pub(crate) fn connect(config: &Config) -> anyhow::Result<Connection> {
    let topics = Topics::new(&config.mqtt.prefix, &config.node)?;
    let mut options = options(config, &client_id(config))?;
    options.keep_alive = Duration::from_secs(u64::from(config.mqtt.keep_alive_s));
    let requests = REQUESTS.iter().map(|what| topics.request(what));
    options.subscriptions = requests.collect::<Result<_, _>>()?;
    let settings = settings(config, &topics)?;
    let set = settings.iter().map(|(_, topics)| topics.set.clone());
    options.subscriptions.extend(set);
    let home_assistant = &config.mqtt.homeassistant;
    let birth = home_assistant
        .discovery
        .then(|| birth_topic(&home_assistant.prefix))
        .transpose()?;
    options.subscriptions.extend(birth.clone());
    options.refuse = Some(refusal(&topics)?);
    let (publisher, session, inbox) = mqtt::connect(options).context("mqtt")?;
    let ended = Arc::new(AtomicBool::new(false));
    Ok(Connection {
        farewell: Farewell {
            publisher: publisher.clone(),
            accelerator: topics.accelerator_state(),
            ended: Arc::clone(&ended),
        },
        topics,
        settings,
        birth,
        publisher,
        session: MqttStage { session, ended },
        inbox,
    })
}

/// How requests are answered that come faster than they are worked on.
fn refusal(topics: &Topics) -> anyhow::Result<Refuse> {
    let both = |what: &&str| anyhow::Ok((topics.request(what)?, topics.response(what)?));
    let kinds: Vec<_> = REQUESTS.iter().map(both).collect::<Result<_, _>>()?;
    let topics = topics.clone();
    Ok(Refuse::new(move |request| {
        let mut kinds = kinds.iter();
        let (_, usual) = kinds.find(|(asked, _)| asked.as_str() == request.topic)?;
        let to = ReplyTo::new(request, usual, &topics);
        Some((to, no_room(&request.payload)))
    }))
}

/// Whom to connect to by this configuration, under a name.
pub(crate) fn options(config: &Config, client_id: &str) -> anyhow::Result<Options> {
    let topics = Topics::new(&config.mqtt.prefix, &config.node)?;
    let broker = config.mqtt.broker();
    let mut options = Options::new(&broker.host, broker.port, client_id, topics.availability());
    let identity = config
        .mqtt
        .cert_file
        .clone()
        .zip(config.mqtt.key_file.clone());
    options.tls = broker.tls.then(|| Tls {
        ca_file: config.mqtt.ca_file.clone(),
        identity: identity.map(|(cert_file, key_file)| Identity {
            cert_file,
            key_file,
        }),
    });
    options.websocket = broker.websocket;
    options.max_payload_bytes = config.mqtt.max_payload_bytes;
    options.frame_expiry_s = config.mqtt.frame_expiry_s;
    options.login = config.mqtt.login();
    Ok(options)
}

/// The topics of all settings.
fn settings(config: &Config, topics: &Topics) -> anyhow::Result<Vec<(String, SettingTopics)>> {
    let of_node = NODE_SETTINGS.iter().map(|name| {
        let topics = topics.setting(name)?;
        Ok(((*name).to_owned(), topics))
    });
    let of_cameras = config.cameras.iter().flat_map(|camera| {
        CAMERA_SETTINGS.iter().map(|name| {
            let topics = topics.camera(&camera.name)?.setting(name)?;
            Ok((format!("{}/{name}", camera.name), topics))
        })
    });
    of_node.chain(of_cameras).collect()
}

/// Names the daemon to the broker, over restarts too. A broker that still holds the connection of a
/// daemon that died (a power cut, a cable) then ends it when the new one connects, and publishes its
/// last will before the new one says `online`. Under another name the old will would come later, and
/// hide a living daemon.
pub(crate) fn client_id(config: &Config) -> String {
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
