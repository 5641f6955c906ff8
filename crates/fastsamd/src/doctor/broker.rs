//! The MQTT broker: whether it takes us, and messages as large as ours may be.

use std::time::Duration;

use message::Topics;
use mqtt::{Echo, Probe};

use super::{advice, finding::Finding};
use crate::daemon::connection_options;
use configuration::Config;

/// How long the broker may take. As long as a daemon's first attempt.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const CHECK: &str = "broker";

pub(super) fn examine(config: &Config) -> Finding {
    let broker = config.mqtt.broker();
    let address = format!("{}:{}", broker.host, broker.port);
    match probe(config) {
        Ok(Ok(probe)) => judge(config, &address, &probe),
        Ok(Err(cause)) => Finding::failed(
            CHECK,
            format!("{address}: {cause}"),
            advice::for_broker(&broker.host, broker.port),
        ),
        Err(error) => Finding::failed(CHECK, format!("{address}: {error}"), None),
    }
}

fn probe(config: &Config) -> anyhow::Result<Result<Probe, String>> {
    let topics = Topics::new(&config.mqtt.prefix, &config.node)?;
    // Not the daemon's own id: the broker would end its connection.
    let client_id = format!("fastsamd-doctor-{}", std::process::id());
    let options = connection_options(config, &client_id)?;
    // Below the node's own topics, which its user may publish to where there is an ACL.
    let echo = topics.response(&client_id)?;
    Ok(mqtt::probe(&options, Some(&echo), PATIENCE)?)
}

fn judge(config: &Config, address: &str, probe: &Probe) -> Finding {
    if probe.retains == Some(false) {
        return Finding::failed(
            CHECK,
            format!("{address} keeps no retained messages, and states are retained"),
            "turn retained messages on in the broker's configuration (mosquitto: \
             `retain_available true`)"
                .to_owned(),
        );
    }
    let ours = config.mqtt.max_payload_bytes;
    let user = config.mqtt.username.as_deref().unwrap_or("this client");
    let below = format!("{}/{}/#", config.mqtt.prefix, config.node);
    match probe.echo.as_ref() {
        None | Some(Echo::Whole) => {}
        Some(Echo::Cut { lost, largest }) => {
            return Finding::failed(
                CHECK,
                format!(
                    "{address} loses messages of {lost} bytes without a word; one of {largest} arrived"
                ),
                format!(
                    "raise the broker's limit (mosquitto: `message_size_limit`) to {ours}, or lower \
                     mqtt.max_payload_bytes to what it takes: larger messages then leave segments out"
                ),
            );
        }
        Some(Echo::NoSubscription(cause)) => {
            return Finding::failed(
                CHECK,
                format!("{address} does not let {user} subscribe to {below}: {cause}"),
                format!(
                    "allow it in the broker's access list (mosquitto: `topic readwrite {below}`)"
                ),
            );
        }
        Some(Echo::Refused(cause)) => {
            return Finding::failed(
                CHECK,
                format!("{address} does not let {user} publish to {below}: {cause}"),
                format!(
                    "allow it in the broker's access list (mosquitto: `topic readwrite {below}`)"
                ),
            );
        }
        Some(Echo::Lost) => {
            return Finding::failed(
                CHECK,
                format!("{address} takes messages, and none comes back to {user} on {below}"),
                format!(
                    "allow it in the broker's access list (mosquitto: `topic readwrite {below}`)"
                ),
            );
        }
    }
    match probe.max_packet_bytes {
        Some(theirs) if u64::from(theirs) < ours as u64 => Finding::warning(
            CHECK,
            format!(
                "{address} takes messages up to {theirs} bytes: larger ones leave segments out"
            ),
            format!(
                "raise the broker's limit (mosquitto: `max_packet_size`) to {ours}, or choose \
                 `publish.mask_format: polygon`"
            ),
        ),
        _ => Finding::ok(
            CHECK,
            format!("{address} takes us, and messages of {ours} bytes come back whole"),
        ),
    }
}
