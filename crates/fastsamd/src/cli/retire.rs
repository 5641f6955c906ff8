//! `retire`: clears what a node has retained, so that nothing of it is shown any more.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use configuration::Config;
use message::{State, Topics, discovery};

use super::exit;
use crate::daemon::{client_id, connection_options};

/// How long the broker may take for all of it.
const LONGEST: Duration = Duration::from_secs(30);

/// Whose traces are to go.
#[derive(Debug, Args)]
pub(super) struct RetireArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = configuration::DEFAULT_PATH)]
    config: PathBuf,
}

pub(super) fn run(arguments: &RetireArgs) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let topics = Topics::new(&config.mqtt.prefix, &config.node)?;
    // Not the daemon's own id: the broker would end its connection.
    let id = format!("{}-retire-{}", client_id(&config), std::process::id());
    let options = connection_options(&config, &id)?;
    let filters = [
        topics.all(),
        format!("{}/device/+/config", config.mqtt.homeassistant.prefix),
    ];
    let mut is_online = false;
    let swept = mqtt::sweep(&options, &filters, LONGEST, |kept| {
        let availability = topics.availability();
        is_online = kept.iter().any(|kept| {
            kept.topic == availability.as_str() && kept.payload == State::Online.payload()
        });
        if is_online {
            return Vec::new();
        }
        let is_ours = |kept: &mqtt::Kept| {
            topics.retained(&kept.topic).is_some()
                || discovery::topic_of(&kept.topic).is_some()
                    && serde_json::from_slice(&kept.payload)
                        .is_ok_and(|message| discovery::is_of(&message, &topics))
        };
        let ours = kept.into_iter().filter(is_ours);
        ours.map(|kept| kept.topic).collect()
    });
    let address = config.mqtt.broker().to_string();
    let swept = swept?
        .map_err(anyhow::Error::msg)
        .with_context(|| address.clone())?;
    if is_online {
        bail!(
            "node '{}' is online at {address}: stop it first (systemctl stop fastsamd), or it \
             publishes everything again",
            config.node
        );
    }
    for topic in &swept.cleared {
        exit::say(&format!("cleared {topic}"))?;
    }
    let not_allowed = swept.hidden.iter().chain(&swept.refused);
    let not_allowed: Vec<&str> = not_allowed.map(String::as_str).collect();
    if !not_allowed.is_empty() {
        bail!(
            "the broker does not allow '{}' to clear {}",
            options
                .login
                .map_or("this client".to_owned(), |(name, _)| name),
            not_allowed.join(", ")
        );
    }
    exit::say(&format!(
        "node '{}' has nothing retained at {address}",
        config.node
    ))
}
