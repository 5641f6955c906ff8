//! The MQTT broker: whether it takes us, and messages as large as ours may be.

use std::{net::TcpStream, time::Duration};

use message::Topics;
use mqtt::{Echo, EmbeddedBroker, MqttError, Probe, Version};

use super::{advice, finding::Finding};
use crate::daemon::connection_options;
use configuration::Config;

/// How long the broker may take. As long as a daemon's first attempt.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const CHECK: &str = "broker";

pub(super) fn examine(config: &Config) -> Finding {
    let broker = config.mqtt.broker();
    let address = broker.to_string();
    if let Err(error) = stand_in(config) {
        return Finding::failed(CHECK, error.to_string(), None);
    }
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

/// Starts the embedded broker of a daemon that does not run, if it has one: the same as it would.
fn stand_in(config: &Config) -> Result<(), MqttError> {
    match config.mqtt.embedded {
        Some(listen) if TcpStream::connect(listen).is_err() => {
            EmbeddedBroker::start(listen, config.mqtt.login()).map(drop)
        }
        _ => Ok(()),
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
    if !probe.retains {
        return Finding::failed(
            CHECK,
            format!("{address} keeps no retained messages, and states are retained"),
            "turn retained messages on in the broker's configuration (mosquitto: \
             `retain_available true`); until then subscribers miss states that they were not there for"
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
        _ if !probe.acknowledges => Finding::warning(
            CHECK,
            format!("{address} takes no messages of QoS 1: events are lost with a connection"),
            "allow it in the broker's configuration (mosquitto: `max_qos 2`)".to_owned(),
        ),
        _ => Finding::ok(
            CHECK,
            format!(
                "{address} takes us{}, and messages of {ours} bytes come back whole",
                match probe.version {
                    Version::V3 => " (in MQTT 3.1.1, it knows no 5)",
                    Version::V5 => "",
                }
            ),
        ),
    }
}
