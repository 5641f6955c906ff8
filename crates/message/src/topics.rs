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

/// Bytes of a prefix at most, and of any other name. MQTT itself ends at 65535 for a whole topic.
const MAX_PREFIX: usize = 256;
const MAX_LEVEL: usize = 64;

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
    if RESERVED.contains(&name) {
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
        for name in RESERVED {
            let error = node.camera(name).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
    }
}
