//! `watch`: counts and events of running daemons, as plain lines.
//!
//! A line begins with the time in UTC, then names node and camera. Lines are the same on a terminal and in a pipe, and each is
//! written at once.

use std::{ops::ControlFlow, path::PathBuf};

use clap::Args;
use configuration::{Config, WrongInput};
use message::{Crossing, Event, EventKind};
use mqtt::Heard;
use time::OffsetDateTime;

use super::{demo, exit};
use crate::daemon::connection_options;

/// Whom to watch.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// The broker. Default: 127.0.0.1:1883, or that of --config.
    #[arg(long, value_name = "HOST:PORT")]
    mqtt: Option<String>,
    /// Take broker, login, prefix and node from this configuration.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only this node. Default: that of --config, or all.
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// Only this camera.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
}

/// Watches until a signal comes, or nobody reads on.
pub(super) fn run(arguments: &WatchArgs) -> anyhow::Result<()> {
    let config = match &arguments.config {
        Some(file) => Some(Config::load(file)?),
        None => None,
    };
    let defaults = Config::default();
    let mqtt = &config.as_ref().unwrap_or(&defaults).mqtt;
    let at = match &arguments.mqtt {
        Some(address) => demo::broker_at(address)?,
        None => mqtt.clone(),
    };
    let address = at.broker().to_string();
    let node = arguments
        .node
        .as_deref()
        .or(config.as_ref().map(|config| &*config.node));
    let camera = arguments.camera.as_deref();
    for (flag, name) in [("--node", node), ("--camera", camera)] {
        if let Some(name) = name {
            message::topic_level(name)
                .map_err(|error| WrongInput::new(format_args!("{flag}: {error}")))?;
        }
    }
    // Every watcher needs a client id of its own; its process has one for as long as it watches.
    let client_id = format!("fastsamd-watch-{}", std::process::id());
    let mut broker = config.clone().unwrap_or_default();
    broker.mqtt.host = at.host;
    broker.mqtt.port = at.port;
    broker.mqtt.embedded = at.embedded;
    let options = connection_options(&broker, &client_id)?;
    let filters = filters(&mqtt.prefix, node, camera);
    let (mut connected, mut told) = (false, false);
    mqtt::listen(&options, &filters, |heard| {
        let said = match heard {
            Heard::Connected => {
                exit::note(&format!("watching {address}"));
                (connected, told) = (true, false);
                Ok(())
            }
            Heard::Lost(cause) if !connected => Err(anyhow::anyhow!(
                "{address}: {cause}; --mqtt HOST:PORT names another broker"
            )),
            Heard::Lost(cause) => {
                if !told {
                    exit::note(&format!("{address}: {cause}; trying again"));
                }
                told = true;
                Ok(())
            }
            Heard::Message { topic, payload } => {
                let now = OffsetDateTime::now_utc();
                line(&mqtt.prefix, topic, payload, now).map_or(Ok(()), |line| exit::say(&line))
            }
        };
        match said {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    })?
}

/// What is subscribed to.
fn filters(prefix: &str, node: Option<&str>, camera: Option<&str>) -> Vec<String> {
    let node = format!("{prefix}/{}", node.unwrap_or("+"));
    let of_camera = format!("{node}/{}", camera.unwrap_or("+"));
    vec![
        format!("{node}/availability"),
        format!("{of_camera}/state"),
        format!("{of_camera}/count"),
        format!("{of_camera}/zones/+/count"),
        format!("{of_camera}/events"),
    ]
}

/// What is said of a message; nothing of one that can't be read.
fn line(prefix: &str, topic: &str, payload: &[u8], now: OffsetDateTime) -> Option<String> {
    let path = topic.strip_prefix(prefix)?.strip_prefix('/')?;
    let text = str::from_utf8(payload).ok()?;
    let number = || text.parse::<u64>().ok();
    let time = format!("{:02}:{:02}:{:02}", now.hour(), now.minute(), now.second());
    let levels: Vec<_> = path.split('/').collect();
    let (place, said) = match levels[..] {
        [node, "availability"] => (node.to_owned(), text.to_owned()),
        [node, camera, "state"] => (format!("{node}/{camera}"), text.to_owned()),
        [node, camera, "count"] => (format!("{node}/{camera}"), objects(number()?)),
        [node, camera, "zones", zone, "count"] => (
            format!("{node}/{camera}"),
            format!("zone {zone}: {}", objects(number()?)),
        ),
        [node, camera, "events"] => {
            let event: Event = serde_json::from_str(text).ok()?;
            (format!("{node}/{camera}"), happened(&event))
        }
        _ => return None,
    };
    // Whoever publishes there may have sent anything.
    Some(exit::one_line(&format!("{time} {place}: {said}")))
}

fn objects(count: u64) -> String {
    format!("{count} object{}", if count == 1 { "" } else { "s" })
}

/// An event in words.
fn happened(event: &Event) -> String {
    let zone = event.zone.as_deref().unwrap_or("a zone");
    let what = match event.event {
        EventKind::Appeared => "appeared".to_owned(),
        EventKind::Left => "left".to_owned(),
        EventKind::Entered => format!("entered {zone}"),
        EventKind::Exited => format!("exited {zone}"),
        EventKind::Loitering => format!("loiters in {zone}"),
        EventKind::Still => "stands still".to_owned(),
        EventKind::Moving => "moves".to_owned(),
        EventKind::Crossed => {
            let line = event.line.as_deref().unwrap_or("a line");
            let way = match event.direction {
                Some(Crossing::LeftToRight) => " from left to right",
                Some(Crossing::RightToLeft) => " from right to left",
                None => "",
            };
            format!("crossed {line}{way}")
        }
        EventKind::Lost => return format!("{} events were lost", event.count.unwrap_or_default()),
    };
    let name = event
        .text
        .as_ref()
        .map_or_else(String::new, |text| format!(" ({})", text.text));
    match event.id {
        Some(id) => format!("#{id}{name} {what}"),
        None => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(topic: &str, payload: &str) -> Option<String> {
        line("a/b", topic, payload.as_bytes(), OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_message_is_a_line() {
        let event = |kind: &str, more: &str| {
            format!(
                r#"{{"schema":1,"node":"n","camera":"c","number":1,"event":"{kind}","at":"","since":"","sequence":1{more}}}"#
            )
        };
        let cases = [
            ("a/b/n/availability", "online".to_owned(), Some("n: online")),
            ("a/b/n/c/state", "offline".to_owned(), Some("n/c: offline")),
            ("a/b/n/c/count", "1".to_owned(), Some("n/c: 1 object")),
            (
                "a/b/n/c/zones/door/count",
                "12".to_owned(),
                Some("n/c: zone door: 12 objects"),
            ),
            (
                "a/b/n/c/events",
                event("appeared", r#","id":7"#),
                Some("n/c: #7 appeared"),
            ),
            (
                "a/b/n/c/events",
                event("entered", r#","id":7,"zone":"door"}"#).replace("}}", "}"),
                Some("n/c: #7 entered door"),
            ),
            (
                "a/b/n/c/events",
                event(
                    "crossed",
                    r#","id":7,"line":"gate","direction":"left_to_right""#,
                ),
                Some("n/c: #7 crossed gate from left to right"),
            ),
            (
                "a/b/n/c/events",
                event("lost", r#","count":3"#),
                Some("n/c: 3 events were lost"),
            ),
            (
                "a/b/n/c/state",
                "on\u{1b}[2Jline\n".to_owned(),
                Some("n/c: on [2Jline"),
            ),
            ("a/b/n/c/count", "many".to_owned(), None),
            ("a/b/n/c/events", "{}".to_owned(), None),
            ("a/b/n/c/masks", "{}".to_owned(), None),
            ("other/n/c/count", "1".to_owned(), None),
        ];
        for (topic, payload, expected) in cases {
            let expected = expected.map(|words| format!("00:00:00 {words}"));
            assert_eq!(said(topic, &payload), expected, "{topic} {payload}");
        }
    }
}
