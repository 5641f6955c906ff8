//! The broker.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ConfigError, Secret,
    check::{self, Section, bounded},
    file,
};

/// The systemd credential that holds the password: `LoadCredential=` in `systemd/fastsamd.service`.
const CREDENTIAL: &str = "mqtt-password";

/// The MQTT broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// Host name or address. Default: this machine, where most brokers of a single Pi run.
    #[serde(deserialize_with = "check::filled")]
    pub host: String,
    /// TCP port. Default: 1883, MQTT's registered port.
    #[serde(deserialize_with = "port")]
    #[schemars(range(min = 1))]
    pub port: u16,
    /// User name, where the broker asks for one.
    pub username: Option<String>,
    /// Password. Better kept in `password_file`, in the credential `mqtt-password` that systemd
    /// hands over where neither is set, or in FASTSAMD_MQTT_PASSWORD, which overrides all.
    pub password: Option<Secret>,
    /// File whose first line is the password; it must exist when the daemon starts.
    #[serde(deserialize_with = "check::optional_secret_file")]
    pub password_file: Option<PathBuf>,
    /// First levels of every topic: `PREFIX/NODE/...`.
    #[serde(deserialize_with = "check::topic_prefix")]
    pub prefix: String,
    /// Seconds without traffic after which both sides ask whether the other is there. Default:
    /// 30, so that a dead connection is noticed within a minute.
    #[serde(deserialize_with = "keep_alive_s")]
    #[schemars(range(min = 5, max = 3600))]
    pub keep_alive_s: u16,
    /// Largest message to publish; a larger one is reduced. Default: 1900000, as Mosquitto 2.1
    /// refuses packets above 2000000 bytes.
    #[serde(deserialize_with = "max_payload_bytes")]
    #[schemars(range(min = 10_000, max = 268_000_000))]
    pub max_payload_bytes: usize,
}

bounded!(port: u16, 1..=u16::MAX);
bounded!(keep_alive_s: u16, 5..=3600);
// Up to MQTT's own limit on a packet, less room for the topic.
bounded!(max_payload_bytes: usize, 10_000..=268_000_000);

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 1883,
            username: None,
            password: None,
            password_file: None,
            prefix: "fastsam".into(),
            keep_alive_s: 30,
            max_payload_bytes: 1_900_000,
        }
    }
}

impl Section for Mqtt {
    fn check(&self) -> Result<(), String> {
        if self.password.is_some() && self.password_file.is_some() {
            return Err("'password' and 'password_file' are both set: expected one of them".into());
        }
        if self.username.is_none() && (self.password.is_some() || self.password_file.is_some()) {
            return Err("a password without 'username': MQTT sends none without a name".into());
        }
        Ok(())
    }
}

impl Mqtt {
    /// Name and password for the broker, where it asks for them.
    pub fn login(&self) -> Option<(String, Secret)> {
        let name = self.username.clone()?;
        let password = self.password.clone();
        Some((name, password.unwrap_or_else(|| Secret::new(""))))
    }

    /// Takes the password from its file, where there is one, or from the service's credentials, where
    /// a name is set and no password.
    pub(crate) fn read_password(&mut self, credentials: Option<&Path>) -> Result<(), ConfigError> {
        let Some(path) = self.password_path(credentials) else {
            return Ok(());
        };
        let text = file::read(&path)?;
        let password = text.lines().next().unwrap_or_default();
        if password.is_empty() {
            return Err(ConfigError::File {
                path,
                cause: "expected the password in the first line, found none".into(),
            });
        }
        self.password = Some(Secret::new(password));
        Ok(())
    }

    fn password_path(&self, credentials: Option<&Path>) -> Option<PathBuf> {
        if self.password_file.is_some() {
            return self.password_file.clone();
        }
        if self.username.is_none() || self.password.is_some() {
            return None;
        }
        let path = credentials?.join(CREDENTIAL);
        path.exists().then_some(path)
    }
}
