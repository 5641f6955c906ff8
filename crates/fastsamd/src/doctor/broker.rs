//! The MQTT broker: whether it takes us, and messages as large as ours may be.

use std::time::Duration;

use message::Topics;
use mqtt::{Options, Probe};

use super::finding::Finding;
use configuration::Config;

/// How long the broker may take. As long as a daemon's first attempt.
const PATIENCE: Duration = Duration::from_secs(5);

const CHECK: &str = "broker";

pub(super) fn examine(config: &Config) -> Finding {
    let address = format!("{}:{}", config.mqtt.host, config.mqtt.port);
    match probe(config) {
        Ok(Ok(probe)) => judge(config, &address, &probe),
        Ok(Err(cause)) => Finding::failed(
            CHECK,
            format!("{address}: {cause}"),
            format!(
                "check mqtt.host, mqtt.port and the login in the configuration, and that the broker \
                 runs and listens there: `systemctl status mosquitto`; try \
                 `mosquitto_sub -V mqttv5 -h {} -p {} -t test`",
                config.mqtt.host, config.mqtt.port
            ),
        ),
        Err(error) => Finding::failed(CHECK, format!("{address}: {error}"), None),
    }
}

fn probe(config: &Config) -> anyhow::Result<Result<Probe, String>> {
    let topics = Topics::new(&config.mqtt.prefix, &config.node)?;
    // Not the daemon's own id: the broker would end its connection.
    let client_id = format!("fastsamd-doctor-{}", std::process::id());
    let mut options = Options::new(
        &config.mqtt.host,
        config.mqtt.port,
        &client_id,
        topics.availability(),
    );
    options.max_payload_bytes = config.mqtt.max_payload_bytes;
    options.login = config.mqtt.login();
    Ok(mqtt::probe(&options, PATIENCE)?)
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
        _ => Finding::ok(CHECK, format!("{address} takes us")),
    }
}
