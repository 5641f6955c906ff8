//! The broker.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use schemars::{JsonSchema, Schema, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::{
    ConfigError, Secret,
    broker::{self, Broker, PORT, TLS_PORT, WEBSOCKET_PORTS},
    check::{self, Section, bounded},
    file,
    quote::quoted,
};

/// What stands for the whole section where the broker is to be the daemon's own.
const EMBEDDED: &str = "embedded";

/// The systemd credential that holds the password: `LoadCredential=` in `systemd/fastsamd.service`.
const CREDENTIAL: &str = "mqtt-password";

/// The MQTT broker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// Host name or address, or both with the port as `mqtt://HOST:PORT`; `mqtts://HOST` for TLS, `ws://HOST/PATH` and
    /// `wss://HOST/PATH` for WebSockets. Default: this machine, where most brokers of a single Pi run.
    #[serde(deserialize_with = "broker::host")]
    #[schemars(regex(pattern = r"^((mqtts?|wss?)://)?[A-Za-z0-9._%:\[\]-]+(/[!-~]*)?$"))]
    pub host: String,
    /// TCP port. Default: 1883, MQTT's registered port; with `mqtts://` 8883, with `ws://` 80, with `wss://` 443.
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
    /// Where a broker inside the daemon listens, for those who have none: an address with a port. Clients need
    /// `username` and `password`, if they are set; without them it has to be an address of this machine alone. Default:
    /// null, none. `mqtt: embedded` means `127.0.0.1:1883`.
    #[serde(deserialize_with = "embedded")]
    #[schemars(with = "Option<String>")]
    pub embedded: Option<SocketAddr>,
    /// File with the certificates, as PEM, of those who may vouch for the broker. Default: null, those of the system.
    /// Needs `mqtts://` or `wss://`.
    #[serde(deserialize_with = "check::optional_file")]
    pub ca_file: Option<PathBuf>,
    /// File with this node's certificate, as PEM, for brokers that ask for one; its chain may follow. Needs `key_file`.
    #[serde(deserialize_with = "check::optional_file")]
    pub cert_file: Option<PathBuf>,
    /// File with the private key of that certificate, as PEM.
    #[serde(deserialize_with = "check::optional_file")]
    pub key_file: Option<PathBuf>,
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
    /// without MQTT 5 properties, for brokers that can't pass them on. Brokers of MQTT 3.1.1 know none.
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
            embedded: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
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
        if let Some(listen) = self.embedded {
            return self.check_embedded(listen);
        }
        let parts = broker::parts(&self.host)?;
        if parts
            .port
            .is_some_and(|port| self.port != PORT && self.port != port)
        {
            return Err("'host' and 'port' name two ports: expected one of them".into());
        }
        let files = [
            ("ca_file", &self.ca_file),
            ("cert_file", &self.cert_file),
            ("key_file", &self.key_file),
        ];
        if let Some((name, _)) = files.iter().find(|(_, file)| file.is_some() && !parts.tls) {
            return Err(format!(
                "'{name}' without TLS: expected 'host: mqtts://HOST' or 'host: wss://HOST'"
            ));
        }
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Err("'cert_file' and 'key_file' belong together: expected both".into());
        }
        if !parts.tls && self.broker().port == TLS_PORT {
            // A password would go there in clear.
            return Err(format!(
                "{TLS_PORT} is the port for TLS: expected 'host: mqtts://{}'",
                parts.host
            ));
        }
        Ok(())
    }
}

impl Mqtt {
    fn check_embedded(&self, listen: SocketAddr) -> Result<(), String> {
        let default = Self::default();
        if self.host != default.host || self.port != default.port {
            return Err(
                "'embedded' beside 'host' or 'port': expected one broker, the daemon's own or \
                 another"
                    .into(),
            );
        }
        let files = [&self.ca_file, &self.cert_file, &self.key_file];
        if files.into_iter().any(Option::is_some) {
            return Err(
                "the embedded broker speaks no TLS: expected no 'ca_file', 'cert_file' or \
                        'key_file'"
                    .into(),
            );
        }
        let has_password = self.password.is_some() || self.password_file.is_some();
        let has_login = self.username.is_some() && has_password;
        if !listen.ip().is_loopback() && !has_login {
            return Err(format!(
                "everybody who can reach {listen} could see and set everything: set 'username' and \
                 'password' or 'password_file', or listen on 127.0.0.1"
            ));
        }
        Ok(())
    }

    /// A section for a broker given as `HOST:PORT` or as an address like those of `host`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn at(address: &str) -> Result<Self, String> {
        let section = if address.contains("://") {
            broker::check_address(address)?;
            Self {
                host: address.to_owned(),
                ..Self::default()
            }
        } else {
            let (host, port) = address
                .rsplit_once(':')
                .and_then(|(host, port)| Some((host, port.parse().ok().filter(|port| *port != 0)?)))
                .filter(|(host, _)| !host.is_empty())
                .ok_or("expected HOST:PORT, such as 192.0.2.7:1883")?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            broker::check_host(host)?;
            Self {
                host: host.to_owned(),
                port,
                ..Self::default()
            }
        };
        section.check()?;
        Ok(section)
    }

    /// Whom to connect to.
    pub fn broker(&self) -> Broker {
        if let Some(listen) = self.embedded {
            let host = match listen.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
                ip => ip,
            };
            return Broker {
                host: host.to_string(),
                port: listen.port(),
                tls: false,
                websocket: None,
            };
        }
        // It was checked when it was read.
        let parts = broker::parts(&self.host).unwrap_or(broker::Parts {
            host: &self.host,
            ..broker::Parts::default()
        });
        let usual = match (self.port, parts.tls, parts.path.is_some()) {
            (PORT, tls, true) => WEBSOCKET_PORTS[usize::from(tls)],
            (PORT, true, false) => TLS_PORT,
            (port, ..) => port,
        };
        Broker {
            host: parts.host.to_owned(),
            port: parts.port.unwrap_or(usual),
            tls: parts.tls,
            websocket: parts.path.map(ToOwned::to_owned),
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

fn embedded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let address: Option<SocketAddr> = text.parse().ok();
    let address = address.filter(|address| address.port() != 0);
    address.map(Some).ok_or_else(|| {
        D::Error::custom(format_args!(
            "{} is no address to listen on: expected one with a port, such as 127.0.0.1:1883 or \
             0.0.0.0:1883",
            quoted(&text)
        ))
    })
}

/// Reads the section, or the one word that stands for it.
pub(crate) fn section<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mqtt, D::Error> {
    struct Either;

    impl fmt::Display for Either {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "the broker's keys, or the word {EMBEDDED}")
        }
    }

    impl<'de> Visitor<'de> for Either {
        type Value = Mqtt;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Display::fmt(self, f)
        }

        // An error that is made here gets the place of the value; the derived one that of the document.
        fn visit_i64<E: Error>(self, number: i64) -> Result<Mqtt, E> {
            Err(E::custom(format_args!("{number}: expected {self}")))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Mqtt, E> {
            Err(E::custom(format_args!("{number}: expected {self}")))
        }

        fn visit_bool<E: Error>(self, truth: bool) -> Result<Mqtt, E> {
            Err(E::custom(format_args!("{truth}: expected {self}")))
        }

        fn visit_unit<E: Error>(self) -> Result<Mqtt, E> {
            Err(E::custom(format_args!("expected {self}, found nothing")))
        }

        fn visit_str<E: Error>(self, word: &str) -> Result<Mqtt, E> {
            if word != EMBEDDED {
                return Err(E::custom(format_args!(
                    "{} is no broker: expected its keys, such as 'host', or {EMBEDDED}",
                    quoted(word)
                )));
            }
            Ok(Mqtt {
                embedded: Some(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)),
                ..Mqtt::default()
            })
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Mqtt, A::Error> {
            let section = Mqtt::deserialize(MapAccessDeserializer::new(map))?;
            section.check().map_err(A::Error::custom)?;
            Ok(section)
        }
    }

    deserializer.deserialize_any(Either)
}

/// The schema of either form.
pub(crate) fn schema(generator: &mut schemars::SchemaGenerator) -> Schema {
    let section = generator.subschema_for::<Mqtt>();
    json_schema!({ "anyOf": [section, { "const": EMBEDDED }] })
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
                "{host: 'mqtt://[fe80::1%eth0]:1884'}",
                "fe80::1%eth0",
                1884,
                false,
            ),
            ("{host: 'mqtts://[::1]'}", "::1", 8883, true),
            ("{host: '::1'}", "::1", 1883, false),
            ("{host: 'fe80::1%eth0'}", "fe80::1%eth0", 1883, false),
            ("{host: 'ws://broker.lan'}", "broker.lan", 80, false),
            ("{host: 'wss://broker.lan/mqtt'}", "broker.lan", 443, true),
            ("{host: 'ws://[::1]:9001/'}", "::1", 9001, false),
            ("embedded", "127.0.0.1", 1883, false),
            ("{embedded: '[::1]:1885'}", "::1", 1885, false),
            (
                "{embedded: '0.0.0.0:1885', username: u, password: p}",
                "127.0.0.1",
                1885,
                false,
            ),
        ] {
            let broker = read(text).unwrap().broker();
            let found = (broker.host.as_str(), broker.port, broker.tls);
            assert_eq!(found, (host, port, tls), "{text}");
        }
        for (text, cause) in [
            (
                "{host: 'http://broker.lan'}",
                "expected mqtt://, mqtts://, ws:// or wss://",
            ),
            ("{host: 'mqtt://broker.lan:0'}", "a port from 1 to 65535"),
            ("{host: 'mqtt://'}", "is no host"),
            ("{host: 'mqtt://broker.lan:1885', port: 1886}", "two ports"),
            ("{host: 'broker.lan:1883'}", "the port as 'port'"),
            ("{host: 'mqtt://user:hunter2@broker.lan'}", "'username'"),
            ("{host: 'mqtt://broker.lan/a/b'}", "is no host"),
            ("{ca_file: /etc/hostname}", "'host: mqtts://HOST'"),
            ("{host: 'mqtts://h', cert_file: /etc/hostname}", "both"),
            ("{host: h, port: 8883}", "'host: mqtts://h'"),
            ("{host: 'mqtt://h:8883'}", "'host: mqtts://h'"),
            ("{host: 'ws://h/a b'}", "is no path"),
            ("{host: 'wss://[fe80::1%eth0]/'}", "zone"),
            ("{host: 'mqtts://[fe80::1%eth0]'}", "zone"),
            ("embeded", "expected its keys, such as 'host', or embedded"),
            ("{embedded: 127.0.0.1}", "such as 127.0.0.1:1883"),
            ("{embedded: '127.0.0.1:0'}", "such as 127.0.0.1:1883"),
            ("{embedded: '127.0.0.1:1883', host: h}", "one broker"),
            ("{embedded: '0.0.0.0:1883'}", "everybody who can reach"),
            (
                "{embedded: '0.0.0.0:1883', username: u}",
                "everybody who can reach",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(cause), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn an_address_on_the_command_line_is_a_host_and_a_port_or_as_in_the_file() {
        for (address, expected) in [
            ("broker.lan:1883", Some("broker.lan:1883")),
            ("192.0.2.7:1", Some("192.0.2.7:1")),
            ("[::1]:1884", Some("[::1]:1884")),
            ("mqtts://broker.lan", Some("mqtts://broker.lan:8883")),
            ("ws://broker.lan:9001", Some("ws://broker.lan:9001/mqtt")),
            ("broker.lan", None),
            ("broker.lan:", None),
            ("broker.lan:0", None),
            ("broker.lan:65536", None),
            ("broker.lan:8883", None),
            ("http://broker.lan", None),
            ("mqtt://user:hunter2@broker.lan", None),
            (":1883", None),
            ("", None),
        ] {
            let found = Mqtt::at(address).map(|mqtt| mqtt.broker().to_string());
            assert_eq!(found.as_deref().ok(), expected, "{address}: {found:?}");
            assert!(!format!("{found:?}").contains("hunter2"));
        }
    }
}
