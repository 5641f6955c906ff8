//! The broker.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    ConfigError, Secret,
    check::{self, Section, bounded},
    file,
    quote::quoted,
};

/// The systemd credential that holds the password: `LoadCredential=` in `systemd/fastsamd.service`.
const CREDENTIAL: &str = "mqtt-password";

/// The MQTT broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// Host name or address, or both with the port as `mqtt://HOST:PORT`; `mqtts://HOST` for TLS. Default: this
    /// machine, where most brokers of a single Pi run.
    #[serde(deserialize_with = "host")]
    #[schemars(regex(pattern = r"^(mqtts?://)?[A-Za-z0-9._%:\[\]-]+/?$"))]
    pub host: String,
    /// TCP port. Default: 1883, MQTT's registered port; with `mqtts://` 8883.
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
    /// File with the certificates, as PEM, of those who may vouch for the broker. Default: null, those of the system.
    /// Needs `mqtts://`.
    #[serde(deserialize_with = "check::optional_file")]
    pub ca_file: Option<PathBuf>,
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
    /// Seconds after which the broker gives a frame to nobody any more. Default: 1, MQTT's shortest time. 0 sends frames
    /// without MQTT 5 properties, for brokers that can't pass them on.
    #[serde(deserialize_with = "frame_expiry_s")]
    #[schemars(range(max = 3600))]
    pub frame_expiry_s: u32,
    /// What Home Assistant is told.
    pub homeassistant: HomeAssistant,
}

/// What Home Assistant is told, so that cameras, zones and settings show there by themselves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HomeAssistant {
    /// Whether it is told anything. Default: true; where there is no Home Assistant, nobody reads it.
    pub discovery: bool,
    /// Its discovery prefix. Default: homeassistant, which is its own default.
    #[serde(deserialize_with = "check::topic_prefix")]
    pub prefix: String,
}

impl Default for HomeAssistant {
    fn default() -> Self {
        Self {
            discovery: true,
            prefix: "homeassistant".into(),
        }
    }
}

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

/// MQTT's registered ports, without and with TLS.
const PORT: u16 = 1883;
const TLS_PORT: u16 = 8883;

/// The parts of an address of a broker: whether it is encrypted, the host, and the port where there is one.
fn parts(address: &str) -> Result<(bool, &str, Option<u16>), String> {
    let (tls, rest) = match address.split_once("://") {
        None => return Ok((false, address, None)),
        Some(("mqtt", rest)) => (false, rest),
        Some(("mqtts", rest)) => (true, rest),
        Some((scheme, _)) => {
            let scheme: String = scheme.chars().take(16).collect();
            return Err(format!(
                "{} is no way to a broker: expected mqtt:// or mqtts://",
                quoted(&scheme)
            ));
        }
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    // An IPv6 address stands in brackets where a port may follow.
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or("none"))),
        None => match rest.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    let port = port.map(|port| match port.parse() {
        Ok(0) | Err(_) => Err("expected a port from 1 to 65535 behind the host".to_owned()),
        Ok(port) => Ok(port),
    });
    Ok((tls, host, port.transpose()?))
}

/// A name or an address, or an address of a broker: what else that may have has keys of its own.
fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let written = check::filled(deserializer)?;
    if written.contains('@') {
        // Not repeated: it holds a password.
        return Err(D::Error::custom(
            "an address with a user: user and password have keys of their own, 'username' and \
             'password'",
        ));
    }
    if written.contains("://") {
        let (_, host, _) = parts(&written).map_err(D::Error::custom)?;
        check_host(host).map_err(D::Error::custom)?;
        return Ok(written);
    }
    check_host(&written).map_err(D::Error::custom)?;
    Ok(written)
}

fn check_host(host: &str) -> Result<(), String> {
    let is_of_a_host = |c: char| c.is_ascii_alphanumeric() || "._%:[]-".contains(c);
    if host.is_empty() || !host.chars().all(is_of_a_host) {
        return Err(format!(
            "{} is no host: expected a name or address alone; user, password and port have keys of \
             their own",
            quoted(host)
        ));
    }
    // An IPv6 address has more than one.
    if host.matches(':').count() == 1 {
        return Err(format!(
            "{} is a host with a port: expected the name or address alone, and the port as 'port'",
            quoted(host)
        ));
    }
    Ok(())
}

bounded!(port: u16, 1..=u16::MAX);
bounded!(keep_alive_s: u16, 5..=3600);
bounded!(frame_expiry_s: u32, 0..=3600);
// Up to MQTT's own limit on a packet, less room for the topic.
bounded!(max_payload_bytes: usize, 10_000..=268_000_000);

impl Default for Mqtt {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: PORT,
            username: None,
            password: None,
            password_file: None,
            prefix: "fastsam".into(),
            keep_alive_s: 30,
            max_payload_bytes: 1_900_000,
            ca_file: None,
            frame_expiry_s: 1,
            homeassistant: HomeAssistant::default(),
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
        let (tls, _, port) = parts(&self.host)?;
        if port.is_some_and(|port| self.port != PORT && self.port != port) {
            return Err("'host' and 'port' name two ports: expected one of them".into());
        }
        if self.ca_file.is_some() && !tls {
            return Err("'ca_file' without TLS: expected 'host: mqtts://HOST'".into());
        }
        Ok(())
    }
}

impl Mqtt {
    /// Whom to connect to.
    pub fn broker(&self) -> Broker {
        // It was checked when it was read.
        let (tls, host, port) = parts(&self.host).unwrap_or((false, &self.host, None));
        let usual = if tls && self.port == PORT {
            TLS_PORT
        } else {
            self.port
        };
        Broker {
            host: host.to_owned(),
            port: port.unwrap_or(usual),
            tls,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Mqtt, String> {
        let config = crate::Config::from_yaml(&format!("mqtt: {text}"), Path::new("c.yaml"));
        config
            .map(|config| config.mqtt)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn addresses_of_brokers_are_understood() {
        for (text, host, port, tls) in [
            ("{host: broker.lan}", "broker.lan", 1883, false),
            ("{host: broker.lan, port: 1884}", "broker.lan", 1884, false),
            ("{host: 'mqtt://broker.lan'}", "broker.lan", 1883, false),
            (
                "{host: 'mqtt://broker.lan:1885/'}",
                "broker.lan",
                1885,
                false,
            ),
            ("{host: 'mqtts://broker.lan'}", "broker.lan", 8883, true),
            (
                "{host: 'mqtts://broker.lan', port: 8884}",
                "broker.lan",
                8884,
                true,
            ),
            (
                "{host: 'mqtts://[fe80::1%eth0]:1883'}",
                "fe80::1%eth0",
                1883,
                true,
            ),
            ("{host: '::1'}", "::1", 1883, false),
        ] {
            let broker = read(text).unwrap().broker();
            let found = (broker.host.as_str(), broker.port, broker.tls);
            assert_eq!(found, (host, port, tls), "{text}");
        }
        for (text, cause) in [
            (
                "{host: 'http://broker.lan'}",
                "expected mqtt:// or mqtts://",
            ),
            ("{host: 'mqtt://broker.lan:0'}", "a port from 1 to 65535"),
            ("{host: 'mqtt://'}", "is no host"),
            ("{host: 'mqtt://broker.lan:1885', port: 1886}", "two ports"),
            ("{host: 'broker.lan:1883'}", "the port as 'port'"),
            ("{host: 'mqtt://user:hunter2@broker.lan'}", "'username'"),
            ("{host: 'mqtt://broker.lan/a/b'}", "is no host"),
            ("{ca_file: /etc/hostname}", "'host: mqtts://HOST'"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(cause), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
