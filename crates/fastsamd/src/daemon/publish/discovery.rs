//! Home Assistant is told what there is: at the start, when it changes, and when Home Assistant has started anew.
//!
//! What Home Assistant was ever told of is kept, so that what is no more is taken back: a component by its platform
//! alone, a camera by an empty message. Invariant: every discovery message goes out before states are sent again.

use std::{
    collections::BTreeMap,
    fs,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, Instant},
};

use configuration::{Camera, Config};
use message::{
    Setting, Topic, TopicError, Topics,
    discovery::{self, CameraFacts, Item, NodeFacts},
    discovery_topic,
};
use mqtt::{Delivery, Publisher};
use tracing::{debug, warn};

use super::{
    identity::{Identity, Known, assign, mark},
    status::Vitals,
};
use crate::daemon::{
    clock::Clock, objects::areas::Watched, prompts::desk::Desk, settings::registry::Registry,
    store::Store,
};

/// The file of ids, and of what Home Assistant was told of.
const IDENTITY: &str = "identity.json";

/// The longest pause between Home Assistant's start and our answer: all nodes of a house answer it.
const LONGEST_DELAY: Duration = Duration::from_secs(4);

/// How long Home Assistant has to listen to the states of what it was just told of.
const UNTIL_STATES: Duration = Duration::from_secs(1);

/// Components that are gone and still named, at most, for each device.
const MOST_GONE: usize = 128;

/// A summary that is older than this many of its intervals is not of now.
const MISSED_SUMMARIES: f64 = 3.0;

/// Tells Home Assistant what there is.
pub(crate) struct Discovery {
    /// Home Assistant's prefix; `None` where it is not to be told.
    prefix: Option<String>,
    topics: Topics,
    identity: Identity,
    /// What stood in the identity's place before the start.
    before: Identity,
    sources: Sources,
    store: Option<Store>,
    /// The state of the sources that was told last.
    told: Option<[u64; 4]>,
    /// What each device was told with.
    messages: BTreeMap<Topic, String>,
    again_at: Option<Instant>,
    states_at: Option<Instant>,
}

/// Where it is known what there is.
pub(crate) struct Sources {
    pub(crate) cameras: Vec<Camera>,
    pub(crate) settings: Arc<Registry>,
    pub(crate) watched: Arc<Watched>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) vitals: Vitals,
    pub(crate) publisher: Publisher,
    pub(crate) clock: Clock,
    pub(crate) backend: &'static str,
    pub(crate) summary_interval_s: f64,
    pub(crate) can_restart: bool,
    pub(crate) has_doctor: bool,
}

impl Discovery {
    /// Of a node of which nothing was told since the start.
    pub(crate) fn new(
        config: &Config,
        topics: Topics,
        sources: Sources,
        store: Option<Store>,
    ) -> Self {
        let kept = store.as_ref().map(|store| store.read::<Identity>(IDENTITY));
        let before = match kept {
            Some(Ok(kept)) => kept.unwrap_or_default(),
            Some(Err(error)) => {
                warn!("the kept ids are left out: {error:#}");
                Identity::default()
            }
            None => Identity::default(),
        };
        let mqtt = &config.mqtt;
        let is_usual = mqtt.prefix == configuration::Mqtt::default().prefix;
        let identity = before
            .clone()
            .now(&machine(), &mqtt.prefix, &config.node, is_usual);
        let home_assistant = &mqtt.homeassistant;
        Self {
            prefix: home_assistant
                .discovery
                .then(|| home_assistant.prefix.clone()),
            topics,
            identity,
            before,
            sources,
            store,
            told: None,
            messages: BTreeMap::new(),
            again_at: None,
            states_at: None,
        }
    }

    /// The topics of the same node, if it was called otherwise before this start.
    pub(crate) fn former_topics(&self) -> Option<Topics> {
        let (before, now) = (&self.before, &self.identity);
        let is_same = before.machine == now.machine;
        let is_renamed = before.node.name != now.node.name || before.prefix != now.prefix;
        (is_same && is_renamed)
            .then(|| Topics::new(&before.prefix, &before.node.name).ok())
            .flatten()
    }

    /// Whether a discovery topic is one of this node's that it has now.
    pub(crate) fn owns(&self, topic: &str) -> bool {
        let Some(prefix) = &self.prefix else {
            return false;
        };
        devices_of(&self.identity)
            .filter_map(|(id, _)| discovery_topic(prefix, &id).ok())
            .any(|own| own.as_str() == topic)
    }

    /// Home Assistant has started: it is told again, a while later.
    pub(crate) fn note_birth(&mut self) {
        let share = RandomState::new().hash_one(()) as f64 / u64::MAX as f64;
        self.again_at = Some(self.sources.clock.now() + LONGEST_DELAY.mul_f64(share));
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self) {
        let now = self.sources.clock.now();
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.states_at) {
            self.states_at = None;
            self.sources.publisher.repeat();
        }
        let is_again = is_due(self.again_at);
        if is_again {
            self.again_at = None;
            self.messages.clear();
            self.states_at = Some(now + UNTIL_STATES);
        }
        let versions = self.sources.versions();
        if is_again || self.told != Some(versions) {
            self.told = Some(versions);
            if let Err(error) = self.tell() {
                warn!("Home Assistant is not told: {error}");
            }
        }
    }

    /// Tells all devices, and takes back what is no more.
    fn tell(&mut self) -> Result<(), TopicError> {
        let before =
            if self.identity.discovery.is_none() && self.before.machine == self.identity.machine {
                self.before.clone()
            } else {
                self.identity.clone()
            };
        self.know_what_there_is();
        let settings = self.sources.settings.list();
        if let Some(prefix) = self.prefix.clone() {
            let devices = self.devices(&settings)?;
            let ids: Vec<String> = devices_of(&self.identity).map(|(id, _)| id).collect();
            let node = &mut self.identity.node;
            let of_cameras = node.parts.iter_mut().map(|camera| &mut camera.components);
            let known = std::iter::once(&mut node.components).chain(of_cameras);
            for ((id, components), device) in ids.iter().zip(known).zip(devices) {
                let platforms = device.platforms();
                components.retain(|key, _| !platforms.contains_key(key));
                while components.len() > MOST_GONE {
                    components.pop_first();
                }
                let payload = device.message(components).to_string();
                components.extend(platforms);
                let topic = discovery_topic(&prefix, id)?;
                if self.messages.get(&topic) == Some(&payload) {
                    continue;
                }
                debug!("Home Assistant is told of {id}");
                let sent =
                    self.sources
                        .publisher
                        .state(&topic, payload.as_bytes(), Delivery::AtLeastOnce);
                if let Err(not_sent) = sent {
                    warn!("Home Assistant is not told of {id}: {not_sent}");
                }
                self.messages.insert(topic, payload);
            }
        }
        self.identity.discovery.clone_from(&self.prefix);
        if self.prefix.is_none() {
            self.identity.node.components.clear();
        }
        for topic in told_and_gone(&before, &self.identity)? {
            self.sources.publisher.clear(&topic);
        }
        if self.identity != before
            && let Some(store) = &self.store
            && let Err(error) = store.write(IDENTITY, &self.identity)
        {
            warn!("ids are not kept over a restart: {error:#}");
        }
        Ok(())
    }

    /// Gives ids to the cameras and zones there are now.
    fn know_what_there_is(&mut self) {
        let cameras: Vec<(&str, u32)> = self
            .sources
            .cameras
            .iter()
            .map(|camera| (camera.name.as_str(), mark(&camera.source)))
            .collect();
        let node = &mut self.identity.node;
        node.parts = assign(&node.parts, &cameras);
        for (index, camera) in node.parts.iter_mut().enumerate() {
            let zones = self.sources.watched.in_force(index).0.zones;
            let zones: Vec<(&str, u32)> = zones
                .iter()
                .map(|zone| (zone.name.as_str(), mark(&zone.polygon)))
                .collect();
            camera.parts = assign(&camera.parts, &zones);
        }
    }

    /// The node, then its cameras.
    fn devices(&self, settings: &[Setting]) -> Result<Vec<discovery::Device>, TopicError> {
        let Known {
            id, name, parts, ..
        } = &self.identity.node;
        let ids: Vec<String> = devices_of(&self.identity).map(|(id, _)| id).collect();
        let of_node: Vec<Setting> = settings
            .iter()
            .filter(|setting| !setting.name.contains('/'))
            .cloned()
            .collect();
        let has_snapshot = of_node
            .iter()
            .any(|setting| setting.name == "snapshot_interval_s" && setting.value != "0");
        let temperatures = self.sources.temperatures();
        let facts = NodeFacts {
            id,
            name,
            version: env!("CARGO_PKG_VERSION"),
            backend: self.sources.backend,
            topics: &self.topics,
            temperatures: &temperatures,
            settings: &of_node,
            can_restart: self.sources.can_restart,
            has_doctor: self.sources.has_doctor,
        };
        let mut devices = vec![discovery::node(&facts)?];
        let prompts = self.sources.desk.standing();
        for (camera, id) in parts.iter().zip(&ids[1..]) {
            let below = format!("{}/", camera.name);
            let of_camera: Vec<Setting> = settings
                .iter()
                .filter(|setting| setting.name.starts_with(&below))
                .cloned()
                .collect();
            let zones = camera.parts.iter().map(|zone| Item {
                id: &zone.id,
                name: &zone.name,
            });
            let here = |prompt: &&configuration::StandingPrompt| {
                prompt.camera.as_ref() == Some(&camera.name)
            };
            let prompts = prompts.iter().filter(here).map(|prompt| Item {
                id: &prompt.name,
                name: &prompt.name,
            });
            devices.push(discovery::camera(
                &facts,
                &CameraFacts {
                    id,
                    name: &camera.name,
                    zones: zones.collect(),
                    prompts: prompts.collect(),
                    settings: &of_camera,
                    has_snapshot,
                    summary_expires_s: self.sources.summary_expires_s(),
                },
            )?);
        }
        Ok(devices)
    }
}

/// The devices of a node: itself, then its cameras, each with its id. A camera's begins with the node's.
fn devices_of(identity: &Identity) -> impl Iterator<Item = (String, &Known)> {
    let node = &identity.node;
    let of_camera = |camera: &'_ Known| format!("{}_{}", node.id, camera.id);
    let cameras = node
        .parts
        .iter()
        .map(move |camera| (of_camera(camera), camera));
    std::iter::once((node.id.clone(), node)).chain(cameras)
}

/// Topics of devices that Home Assistant was told of and that are no more.
fn told_and_gone(before: &Identity, now: &Identity) -> Result<Vec<Topic>, TopicError> {
    let topics = |identity: &Identity| {
        let Some(prefix) = &identity.discovery else {
            return Ok(Vec::new());
        };
        let told = devices_of(identity).filter(|(_, device)| !device.components.is_empty());
        told.map(|(id, _)| discovery_topic(prefix, &id))
            .collect::<Result<Vec<Topic>, _>>()
    };
    let kept = topics(now)?;
    let mut gone = topics(before)?;
    gone.retain(|topic| !kept.contains(topic));
    Ok(gone)
}

impl Sources {
    /// Whoever has seen these has seen everything.
    fn versions(&self) -> [u64; 4] {
        [
            self.settings.version(),
            self.watched.version(),
            self.desk.version(),
            // The chip's comes with the chip.
            u64::from(self.vitals.accelerator.temperature().is_some()),
        ]
    }

    fn temperatures(&self) -> Vec<String> {
        let measured: BTreeMap<_, f64> = self.vitals.temperatures();
        measured.into_keys().map(Into::into).collect()
    }

    fn summary_expires_s(&self) -> u64 {
        ((self.summary_interval_s * MISSED_SUMMARIES) as u64).max(60)
    }
}

/// What tells this machine from others; nothing where it is not known.
fn machine() -> String {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    // The id itself is not to be shown to others: machine-id(5).
    mark(&id.trim()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(cameras: &[&str], prefix: Option<&str>) -> Identity {
        let told = BTreeMap::from([("count".to_owned(), "sensor".to_owned())]);
        let known = |id: &str| Known {
            id: id.to_owned(),
            components: told.clone(),
            ..Known::default()
        };
        Identity {
            node: Known {
                parts: cameras.iter().map(|id| known(id)).collect(),
                ..known("node")
            },
            discovery: prefix.map(str::to_owned),
            ..Identity::default()
        }
    }

    #[test]
    fn devices_that_are_gone_are_taken_back() {
        let before = identity(&["yard", "door"], Some("ha"));
        let gone = |now: &Identity| -> Vec<String> {
            let topics = told_and_gone(&before, now).unwrap();
            topics.iter().map(ToString::to_string).collect()
        };
        assert!(gone(&before).is_empty());
        let one_left = identity(&["door"], Some("ha"));
        assert_eq!(gone(&one_left), ["ha/device/node_yard/config"]);
        assert_eq!(gone(&identity(&["door"], None)).len(), 3);
        assert_eq!(gone(&identity(&["yard", "door"], Some("home"))).len(), 3);
    }
}
