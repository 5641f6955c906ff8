//! The topics of a node, `PREFIX/NODE/...`.
//!
//! What a name in a topic may hold is decided here, for the configuration as for everything that is
//! published: a [`Topic`] can always be published to, and no camera can take the place of another
//! topic. MQTT 5.0, section 4.7, reserves `+`, `#`, `/` and a leading `$`; blanks, control characters
//! and letters beyond ASCII only make trouble in other people's programs.

use std::{fmt, sync::Arc};

/// Levels that the node itself uses and no camera may be named after.
const RESERVED: [&str; 7] = [
    "accelerator",
    "availability",
    "info",
    "request",
    "response",
    "set",
    "status",
];

/// Settings of the node: each has topics below its name, and no camera may be named after one.
pub const NODE_SETTINGS: [&str; 11] = [
    "cleanup",
    "confidence",
    "detection",
    "iou",
    "labelmap",
    "log_level",
    "mask_format",
    "masks",
    "max_segments",
    "min_area",
    "snapshot_interval_s",
];

/// Settings of a camera.
pub const CAMERA_SETTINGS: [&str; 2] = ["enabled", "prompt"];

/// Bytes of a prefix at most, and of any other name. MQTT itself ends at 65535 for a whole topic.
const MAX_PREFIX: usize = 256;
const MAX_LEVEL: usize = 64;

/// Bytes of a topic that somebody wants an answer on, at most.
const MAX_ANSWER: usize = 512;

/// Why a name can't be part of a topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// It is empty, too long, or has a character that a level can't have.
    #[error(
        "'{0}' can't be part of a topic: expected 1 to {MAX_LEVEL} letters, digits, '-', '_' or '.'"
    )]
    Level(String),
    /// One of its levels can't be one, or it is too long.
    #[error(
        "'{0}' can't start a topic: expected levels of letters, digits, '-', '_' or '.', with '/' \
         between them, {MAX_PREFIX} characters at most"
    )]
    Prefix(String),
    /// A camera has the name of another topic.
    #[error("a camera can't be named '{0}': the daemon has a topic of that name")]
    Reserved(String),
}

impl TopicError {
    /// The name that is wrong.
    pub fn name(&self) -> &str {
        match self {
            Self::Level(name) | Self::Prefix(name) | Self::Reserved(name) => name,
        }
    }
}

/// Passes on what can be one level of a topic.
///
/// # Errors
/// [`TopicError::Level`] where it can't.
pub fn topic_level(name: &str) -> Result<&str, TopicError> {
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=MAX_LEVEL).contains(&name.len()) && name.bytes().all(usable) {
        Ok(name)
    } else {
        Err(TopicError::Level(name.to_owned()))
    }
}

/// Passes on what all topics can begin with: one or more levels with `/` between them.
///
/// # Errors
/// [`TopicError::Prefix`] where they can't.
pub fn topic_prefix(prefix: &str) -> Result<&str, TopicError> {
    let are_levels = prefix.split('/').all(|name| topic_level(name).is_ok());
    if prefix.len() <= MAX_PREFIX && are_levels {
        Ok(prefix)
    } else {
        Err(TopicError::Prefix(prefix.to_owned()))
    }
}

/// Passes on what a camera can be named.
///
/// # Errors
/// As [`topic_level`], and [`TopicError::Reserved`] for a name that the node itself uses.
pub fn camera_name(name: &str) -> Result<&str, TopicError> {
    if RESERVED.contains(&name) || NODE_SETTINGS.contains(&name) {
        return Err(TopicError::Reserved(name.to_owned()));
    }
    topic_level(name)
}

/// A topic without wildcards, cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The topic as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The topics of one node.
#[derive(Clone, Debug)]
pub struct Topics {
    base: String,
}

impl Topics {
    /// Topics below `prefix`, one or more levels with `/` between them, and `node`, one level.
    ///
    /// # Errors
    /// [`TopicError::Prefix`] or [`TopicError::Level`] for what can't be one.
    pub fn new(prefix: &str, node: &str) -> Result<Self, TopicError> {
        Ok(Self {
            base: format!("{}/{}", topic_prefix(prefix)?, topic_level(node)?),
        })
    }

    /// `online` or `offline`: the daemon. Also the last will's.
    pub fn availability(&self) -> Topic {
        self.below("availability")
    }

    /// Versions, backend and configuration.
    pub fn info(&self) -> Topic {
        self.below("info")
    }

    /// Temperatures, drops, queues, memory.
    pub fn status(&self) -> Topic {
        self.below("status")
    }

    /// `online` or `offline`: the accelerator.
    pub fn accelerator_state(&self) -> Topic {
        self.below("accelerator/state")
    }

    /// Where requests of a kind come in.
    ///
    /// # Errors
    /// As [`Topics::new`].
    pub fn request(&self, what: &str) -> Result<Topic, TopicError> {
        Ok(self.below(&format!("request/{}", topic_level(what)?)))
    }

    /// Where they are answered, unless they name a topic themselves.
    ///
    /// # Errors
    /// As [`Topics::new`].
    pub fn response(&self, what: &str) -> Result<Topic, TopicError> {
        Ok(self.below(&format!("response/{}", topic_level(what)?)))
    }

    /// Where a setting of the node is set, and where its value is published.
    ///
    /// # Errors
    /// As [`Topics::new`].
    pub fn setting(&self, name: &str) -> Result<SettingTopics, TopicError> {
        let name = topic_level(name)?;
        Ok(SettingTopics {
            set: self.below(&format!("{name}/set")),
            state: self.below(&format!("{name}/state")),
        })
    }

    /// A filter for everything that the node publishes or receives.
    pub fn all(&self) -> String {
        format!("{}/#", self.base)
    }

    /// Whether an answer may go to a topic that somebody names: below the node's own `response/`, or anywhere outside
    /// the prefix that brokers let clients publish to. A broker ends the connection of a client that publishes to
    /// others, and other nodes' topics are theirs.
    pub fn may_answer_on(&self, topic: &str) -> bool {
        const MOST_LEVELS: usize = 32;
        let is_sound = (1..=MAX_ANSWER).contains(&topic.len())
            && !topic.starts_with('$')
            && !topic.contains(|c: char| c.is_control() || "+#".contains(c))
            && topic.split('/').count() <= MOST_LEVELS;
        let prefix = self.base.rsplit_once('/').map_or("", |(prefix, _)| prefix);
        let is_below = |base: &str| {
            topic == base
                || topic
                    .strip_prefix(base)
                    .is_some_and(|rest| rest.starts_with('/'))
        };
        let own = format!("{}/response", self.base);
        is_sound && (!is_below(prefix) || is_below(&own) && topic.len() > own.len() + 1)
    }

    /// What of the node a topic is of; `None` for one that is not the node's, or that is never retained.
    pub fn retained(&self, topic: &str) -> Option<Retained> {
        let below = topic.strip_prefix(&self.base)?.strip_prefix('/')?;
        let levels: Vec<&str> = below.split('/').collect();
        let of_camera = |camera: &str| camera_name(camera).is_ok();
        let owned = |camera: &str, zone: Option<&str>, prompt: Option<&str>| Retained {
            camera: Some(camera.to_owned()),
            zone: zone.map(str::to_owned),
            prompt: prompt.map(str::to_owned),
        };
        match levels[..] {
            ["availability" | "info" | "status"] | ["accelerator", "state"] => {
                Some(Retained::default())
            }
            [name, "state"] if NODE_SETTINGS.contains(&name) => Some(Retained::default()),
            [camera, "state" | "summary" | "count" | "snapshot"] if of_camera(camera) => {
                Some(owned(camera, None, None))
            }
            [camera, name, "state"] if of_camera(camera) && CAMERA_SETTINGS.contains(&name) => {
                Some(owned(camera, None, None))
            }
            [camera, "zones", zone, "count" | "occupied"] if of_camera(camera) => {
                Some(owned(camera, Some(zone), None))
            }
            [camera, "prompts", prompt, "count"] if of_camera(camera) => {
                Some(owned(camera, None, Some(prompt)))
            }
            _ => None,
        }
    }

    /// The topic of that name, if it is one that the node retains something on.
    pub fn retained_topic(&self, topic: &str) -> Option<Topic> {
        self.retained(topic).map(|_| Topic(topic.into()))
    }

    /// The topics of one camera.
    ///
    /// # Errors
    /// As [`Topics::new`], and a name that the node itself uses.
    pub fn camera(&self, name: &str) -> Result<CameraTopics, TopicError> {
        Ok(CameraTopics {
            camera: Self {
                base: format!("{}/{}", self.base, camera_name(name)?),
            },
        })
    }

    fn below(&self, rest: &str) -> Topic {
        Topic(format!("{}/{rest}", self.base).into())
    }
}

/// The topics of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingTopics {
    /// Where a new value comes in.
    pub set: Topic,
    /// Where the value in force is published, retained.
    pub state: Topic,
}

/// What a retained topic of a node is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// The camera, where it is not the node itself.
    pub camera: Option<String>,
    /// The camera's zone.
    pub zone: Option<String>,
    /// The camera's standing prompt.
    pub prompt: Option<String>,
}

/// The topic on which Home Assistant is told of a device, below its discovery prefix.
///
/// # Errors
/// [`TopicError`] for a prefix or an id that can't be part of a topic.
pub fn discovery_topic(prefix: &str, device: &str) -> Result<Topic, TopicError> {
    let (prefix, device) = (topic_prefix(prefix)?, topic_level(device)?);
    Ok(Topic(format!("{prefix}/device/{device}/config").into()))
}

/// The topic on which Home Assistant says `online` when it has started.
///
/// # Errors
/// [`TopicError::Prefix`] for what can't be one.
pub fn birth_topic(prefix: &str) -> Result<Topic, TopicError> {
    Ok(Topic(format!("{}/status", topic_prefix(prefix)?).into()))
}

/// The topics of one camera, `PREFIX/NODE/CAMERA/...`.
#[derive(Clone, Debug)]
pub struct CameraTopics {
    camera: Topics,
}

impl CameraTopics {
    /// `online` or `offline`: the camera.
    pub fn state(&self) -> Topic {
        self.camera.below("state")
    }

    /// One message per frame, with all segments.
    pub fn masks(&self) -> Topic {
        self.camera.below("masks")
    }

    /// The same in the binary form.
    pub fn masks_binary(&self) -> Topic {
        self.camera.below("masks/binary")
    }

    /// One PNG per frame, whose pixels number segments.
    pub fn labelmap(&self) -> Topic {
        self.camera.below("labelmap")
    }

    /// What happens to objects.
    pub fn events(&self) -> Topic {
        self.camera.below("events")
    }

    /// How many objects there are: a plain number.
    pub fn count(&self) -> Topic {
        self.camera.below("count")
    }

    /// How many objects are in a zone: a plain number.
    ///
    /// # Errors
    /// As [`Topics::new`].
    pub fn zone_count(&self, zone: &str) -> Result<Topic, TopicError> {
        Ok(self
            .camera
            .below(&format!("zones/{}/count", topic_level(zone)?)))
    }

    /// `ON` or `OFF`: whether an object is in a zone.
    ///
    /// # Errors
    /// As [`Topics::new`].
    pub fn zone_occupied(&self, zone: &str) -> Result<Topic, TopicError> {
        Ok(self
            .camera
            .below(&format!("zones/{}/occupied", topic_level(zone)?)))
    }

    /// Counts, rate and latency.
    pub fn summary(&self) -> Topic {
        self.camera.below("summary")
    }

    /// A JPEG of the frame with its segments.
    pub fn snapshot(&self) -> Topic {
        self.camera.below("snapshot")
    }

    /// Answers to a standing prompt.
    ///
    /// # Errors
    /// As [`Topics::new`].
    pub fn prompt(&self, name: &str) -> Result<Topic, TopicError> {
        Ok(self
            .camera
            .below(&format!("prompts/{}", topic_level(name)?)))
    }

    /// How many objects a standing prompt has found: a plain number.
    ///
    /// # Errors
    /// As [`Topics::new`].
    pub fn prompt_count(&self, name: &str) -> Result<Topic, TopicError> {
        Ok(self
            .camera
            .below(&format!("prompts/{}/count", topic_level(name)?)))
    }

    /// Where a setting of the camera is set, and where its value is published.
    ///
    /// # Errors
    /// As [`Topics::new`].
    pub fn setting(&self, name: &str) -> Result<SettingTopics, TopicError> {
        self.camera.setting(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_those_of_the_contract() {
        let node = Topics::new("fastsam", "garden").unwrap();
        let camera = node.camera("cam0").unwrap();
        let cases = [
            (node.availability(), "fastsam/garden/availability"),
            (node.info(), "fastsam/garden/info"),
            (node.status(), "fastsam/garden/status"),
            (node.accelerator_state(), "fastsam/garden/accelerator/state"),
            (
                node.request("segment").unwrap(),
                "fastsam/garden/request/segment",
            ),
            (
                node.response("segment").unwrap(),
                "fastsam/garden/response/segment",
            ),
            (camera.state(), "fastsam/garden/cam0/state"),
            (camera.masks(), "fastsam/garden/cam0/masks"),
            (camera.masks_binary(), "fastsam/garden/cam0/masks/binary"),
            (camera.labelmap(), "fastsam/garden/cam0/labelmap"),
            (camera.summary(), "fastsam/garden/cam0/summary"),
            (camera.snapshot(), "fastsam/garden/cam0/snapshot"),
            (camera.events(), "fastsam/garden/cam0/events"),
            (camera.count(), "fastsam/garden/cam0/count"),
            (
                camera.zone_count("porch").unwrap(),
                "fastsam/garden/cam0/zones/porch/count",
            ),
            (
                camera.zone_occupied("porch").unwrap(),
                "fastsam/garden/cam0/zones/porch/occupied",
            ),
            (
                camera.prompt("dog").unwrap(),
                "fastsam/garden/cam0/prompts/dog",
            ),
        ];
        for (topic, expected) in cases {
            assert_eq!(topic.as_str(), expected);
        }
    }

    #[test]
    fn a_prefix_may_have_several_levels() {
        let node = Topics::new("home/ground_floor/fastsam", "north.garden-1").unwrap();
        assert_eq!(
            node.info().as_str(),
            "home/ground_floor/fastsam/north.garden-1/info"
        );
    }

    #[test]
    fn names_that_are_no_level_are_refused() {
        let long = "n".repeat(65);
        for name in [
            "", "a/b", "/", "+", "a+", "#", "a#", "a b", "a\0", "a\n", "a\u{7f}", "gärten", "$SYS",
            &long,
        ] {
            assert!(Topics::new("fastsam", name).is_err(), "node {name:?}");
            let node = Topics::new("fastsam", "node").unwrap();
            assert!(node.camera(name).is_err(), "camera {name:?}");
            assert!(node.request(name).is_err(), "request {name:?}");
            assert!(
                node.camera("cam0").unwrap().prompt(name).is_err(),
                "prompt {name:?}"
            );
        }
        let many = ["p"; 129].join("/");
        for prefix in ["", "/a", "a/", "a//b", "$SYS", "a/#", "+/a", &many] {
            assert!(Topics::new(prefix, "node").is_err(), "prefix {prefix:?}");
        }
        assert!(Topics::new("fastsam", &"n".repeat(64)).is_ok());
    }

    #[test]
    fn a_camera_cannot_hide_another_topic() {
        let node = Topics::new("fastsam", "node").unwrap();
        for name in RESERVED.into_iter().chain(NODE_SETTINGS) {
            let error = node.camera(name).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn answers_go_where_they_harm_nobody() {
        let node = Topics::new("fastsam", "garden").unwrap();
        for topic in [
            "fastsam/garden/response/prompt",
            "fastsam/garden/response/me/7",
            "my/own/topic",
            "fastsamples/x",
        ] {
            assert!(node.may_answer_on(topic), "{topic}");
        }
        let deep = ["a"; 300].join("/");
        let long = "a".repeat(600);
        for topic in [
            "",
            "$SYS/x",
            "$share/group/x",
            "a/+/b",
            "a/#",
            "a\0",
            "a\nb",
            "fastsam",
            "fastsam/garden",
            "fastsam/garden/response",
            "fastsam/garden/response/",
            "fastsam/garden/availability",
            "fastsam/garden/responses/x",
            "fastsam/other/response/x",
            &deep,
            &long,
        ] {
            assert!(!node.may_answer_on(topic), "{topic}");
        }
    }

    #[test]
    fn what_a_node_retains_is_known_by_its_topic() {
        let node = Topics::new("home/fastsam", "garden").unwrap();
        let camera = node.camera("cam0").unwrap();
        let of = |topic: &Topic| node.retained(topic.as_str()).unwrap();
        let node_itself = [
            node.availability(),
            node.info(),
            node.status(),
            node.accelerator_state(),
            node.setting("confidence").unwrap().state,
        ];
        for topic in &node_itself {
            assert_eq!(of(topic), Retained::default(), "{topic}");
        }
        let cameras = [
            camera.state(),
            camera.summary(),
            camera.count(),
            camera.snapshot(),
            camera.setting("enabled").unwrap().state,
        ];
        for topic in &cameras {
            assert_eq!(of(topic).camera.as_deref(), Some("cam0"), "{topic}");
        }
        let zone = of(&camera.zone_occupied("porch").unwrap());
        assert_eq!(zone.zone.as_deref(), Some("porch"));
        let prompt = of(&camera.prompt_count("cup").unwrap());
        assert_eq!(prompt.prompt.as_deref(), Some("cup"));
        // Not the node's, or never retained: somebody else's matter.
        for topic in [
            "home/fastsam/garden",
            "home/fastsam/garden2/info",
            "home/fastsam/garden/cam0/masks",
            "home/fastsam/garden/cam0/events",
            "home/fastsam/garden/confidence/set",
            "home/fastsam/garden/request/prompt",
            "home/fastsam/garden/my/own/note",
            "other/garden/info",
        ] {
            assert_eq!(node.retained(topic), None, "{topic}");
        }
        assert_eq!(node.all(), "home/fastsam/garden/#");
        let discovery = discovery_topic("homeassistant", "fastsam_garden").unwrap();
        assert_eq!(
            discovery.as_str(),
            "homeassistant/device/fastsam_garden/config"
        );
    }
}
