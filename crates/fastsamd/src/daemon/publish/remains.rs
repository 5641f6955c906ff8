//! What an earlier daemon of the node left behind on the broker: found once, at the start.
//!
//! Retained topics of cameras, zones and prompts that the node has no more would be shown for ever. They are looked for
//! on a connection of their own, since subscribing to all of the node's topics would bring every frame. A node that was
//! called otherwise before clears all that it left under its old name, unless somebody is online there.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use anyhow::Context;
use message::{State, Topic, Topics, discovery};
use mqtt::{Kept, Options, Publisher};
use tracing::debug;

use crate::daemon::process::threads::{PATIENCE, Threads};

/// How long looking may take.
const LONGEST: Duration = Duration::from_secs(10);

/// What the broker is asked about, under way.
pub(crate) struct Remains {
    found: Receiver<Found>,
}

/// What is retained.
#[derive(Debug)]
pub(crate) struct Found {
    topics: Topics,
    former: Option<Topics>,
    kept: Vec<Kept>,
}

/// What the node has now.
#[derive(Debug)]
pub(crate) struct Now {
    pub(crate) cameras: Vec<OfCamera>,
}

/// What a camera has now.
#[derive(Debug)]
pub(crate) struct OfCamera {
    pub(crate) name: String,
    pub(crate) zones: Vec<String>,
    pub(crate) prompts: Vec<String>,
}

impl Remains {
    /// Starts to look, once there is a connection. `former` is what the node was called before.
    pub(crate) fn look(
        threads: &Threads,
        publisher: Publisher,
        options: Options,
        topics: Topics,
        former: Option<Topics>,
        home_assistant: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut filters = vec![topics.all()];
        filters.extend(former.as_ref().map(Topics::all));
        filters.extend(home_assistant.map(|prefix| format!("{prefix}/device/+/config")));
        let (found_in, found) = sync_channel(1);
        let shutdown = threads.shutdown.clone();
        threads.spawn_unwatched("remains", move || {
            while !publisher.is_connected() {
                if shutdown.wait(PATIENCE) {
                    return Ok(());
                }
            }
            let mut kept = Vec::new();
            let swept = mqtt::sweep(&options, &filters, LONGEST, |all| {
                kept = all;
                Vec::new()
            });
            match swept.context("looking for what was left behind")? {
                Ok(_) => {
                    // Nobody waits for it any more where the daemon ends.
                    let _ = found_in.send(Found {
                        topics,
                        former,
                        kept,
                    });
                }
                Err(cause) => debug!("what an earlier daemon left behind is not known: {cause}"),
            }
            Ok(())
        })?;
        Ok(Self { found })
    }

    /// What was found, once that is known; nothing if it never will be.
    pub(crate) fn found(&self) -> Option<Found> {
        self.found.try_recv().ok()
    }
}

impl Found {
    /// The topics that are to be cleared. `owns` says whether a discovery topic is of a device that there is.
    pub(crate) fn left_behind(&self, now: &Now, owns: impl Fn(&str) -> bool) -> Vec<Topic> {
        let is_online = |topics: &Topics| {
            let availability = topics.availability();
            let mut kept = self.kept.iter();
            kept.any(|kept| {
                kept.topic == availability.as_str() && kept.payload == State::Online.payload()
            })
        };
        let former = self.former.as_ref().filter(|topics| !is_online(topics));
        let mut left = Vec::new();
        for Kept { topic, payload } in &self.kept {
            if let Some(retained) = self.topics.retained(topic) {
                if !now.has(&retained) {
                    left.extend(self.topics.retained_topic(topic));
                }
            } else if let Some(former) = former
                && let Some(topic) = former.retained_topic(topic)
            {
                left.push(topic);
            } else if let Ok(message) = serde_json::from_slice(payload) {
                let is_of = |topics: &Topics| discovery::is_of(&message, topics);
                if (is_of(&self.topics) || former.is_some_and(is_of)) && !owns(topic) {
                    left.extend(discovery::topic_of(topic));
                }
            }
        }
        left
    }
}

impl Now {
    fn has(&self, retained: &message::Retained) -> bool {
        let Some(name) = &retained.camera else {
            return true;
        };
        let camera = self.cameras.iter().find(|camera| camera.name == *name);
        camera.is_some_and(|camera| {
            let has = |names: &[String], name: &Option<String>| {
                name.as_ref().is_none_or(|name| names.contains(name))
            };
            has(&camera.zones, &retained.zone) && has(&camera.prompts, &retained.prompt)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(topic: &str, payload: &str) -> Kept {
        Kept {
            topic: topic.to_owned(),
            payload: payload.as_bytes().to_vec(),
        }
    }

    fn device(state_topic: &str) -> String {
        format!(
            r#"{{"origin": {{"name": "fastsamd"}}, "components": {{"a": {{"state_topic": "{state_topic}"}}}}}}"#
        )
    }

    #[test]
    fn what_the_node_has_no_more_is_left_behind() {
        let found = |availability: &str| Found {
            topics: Topics::new("fastsam", "garden").unwrap(),
            former: Some(Topics::new("fastsam", "yard").unwrap()),
            kept: vec![
                kept("fastsam/garden/info", "{}"),
                kept("fastsam/garden/cam0/count", "1"),
                kept("fastsam/garden/cam0/zones/porch/count", "1"),
                kept("fastsam/garden/cam0/zones/gate/occupied", "ON"),
                kept("fastsam/garden/cam0/prompts/cup/count", "1"),
                kept("fastsam/garden/cam1/state", "online"),
                kept("fastsam/garden/confidence/set", "0.5"),
                kept("fastsam/garden/note", "mine"),
                kept("fastsam/yard/availability", availability),
                kept("fastsam/yard/cam0/count", "3"),
                kept(
                    "homeassistant/device/gone/config",
                    &device("fastsam/garden/cam1/count"),
                ),
                kept(
                    "homeassistant/device/here/config",
                    &device("fastsam/garden/cam0/count"),
                ),
                kept(
                    "homeassistant/device/other/config",
                    &device("fastsam/shed/cam0/count"),
                ),
            ],
        };
        let now = Now {
            cameras: vec![OfCamera {
                name: "cam0".into(),
                zones: vec!["porch".into()],
                prompts: Vec::new(),
            }],
        };
        let left = |availability: &str| -> Vec<String> {
            let left = found(availability).left_behind(&now, |topic| topic.contains("here"));
            left.iter().map(ToString::to_string).collect()
        };
        let own = [
            "fastsam/garden/cam0/zones/gate/occupied",
            "fastsam/garden/cam0/prompts/cup/count",
            "fastsam/garden/cam1/state",
        ];
        let former = ["fastsam/yard/availability", "fastsam/yard/cam0/count"];
        let gone = ["homeassistant/device/gone/config"];
        assert_eq!(left("offline"), [&own[..], &former, &gone].concat());
        // Somebody lives there now.
        assert_eq!(left("online"), [&own[..], &gone].concat());
    }
}
