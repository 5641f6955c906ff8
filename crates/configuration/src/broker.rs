//! Addresses of brokers: a host alone, or `mqtt://`, `mqtts://`, `ws://`, `wss://` with host, port and path.

use std::fmt;

use serde::{Deserializer, de::Error};

use crate::{check, quote::quoted};

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The path of a WebSocket, where MQTT is spoken over one.
    pub websocket: Option<String>,
}

/// As people write it.
impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.tls, &self.websocket) {
            (false, None) => "",
            (true, None) => "mqtts://",
            (false, Some(_)) => "ws://",
            (true, Some(_)) => "wss://",
        })?;
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)?;
        } else {
            write!(f, "{}:{}", self.host, self.port)?;
        }
        f.write_str(self.websocket.as_deref().unwrap_or_default())
    }
}

/// MQTT's registered ports, without and with TLS.
pub(crate) const PORT: u16 = 1883;
pub(crate) const TLS_PORT: u16 = 8883;

/// HTTP's ports, without and with TLS.
pub(crate) const WEBSOCKET_PORTS: [u16; 2] = [80, 443];

/// Where brokers expect WebSockets unless told otherwise; those that don't care take any path.
const PATH: &str = "/mqtt";

/// The parts of an address.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts<'a> {
    pub(crate) tls: bool,
    pub(crate) host: &'a str,
    pub(crate) port: Option<u16>,
    /// Of a WebSocket.
    pub(crate) path: Option<&'a str>,
}

/// Takes an address of a broker apart.
pub(crate) fn parts(address: &str) -> Result<Parts<'_>, String> {
    let Some((scheme, rest)) = address.split_once("://") else {
        return Ok(Parts {
            host: address,
            ..Parts::default()
        });
    };
    let (tls, is_websocket) = match scheme {
        "mqtt" => (false, false),
        "mqtts" => (true, false),
        "ws" => (false, true),
        "wss" => (true, true),
        scheme => {
            let scheme: String = scheme.chars().take(16).collect();
            return Err(format!(
                "{} is no way to a broker: expected mqtt://, mqtts://, ws:// or wss://",
                quoted(&scheme)
            ));
        }
    };
    let (rest, path) = match rest.split_once('/') {
        Some((host, path)) if is_websocket && !path.is_empty() => (host, Some(&rest[host.len()..])),
        Some((host, "")) => (host, is_websocket.then_some(PATH)),
        _ => (rest, is_websocket.then_some(PATH)),
    };
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
    let port = port.transpose()?;
    if host.contains('%') && (tls || is_websocket) {
        return Err(format!(
            "{} has a zone, which neither certificates nor WebSockets know: expected a name, or \
             mqtt://",
            quoted(host)
        ));
    }
    Ok(Parts {
        tls,
        host,
        port,
        path,
    })
}

/// A name or an address, or an address of a broker: what else that may have has keys of its own.
pub(crate) fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let written = check::filled(deserializer)?;
    check_address(&written).map_err(D::Error::custom)?;
    Ok(written)
}

/// Refuses what is no address of a broker.
pub(crate) fn check_address(written: &str) -> Result<(), String> {
    if written.contains('@') {
        // Not repeated: it holds a password.
        return Err(
            "an address with a user: user and password have keys of their own, 'username' and \
             'password'"
                .to_owned(),
        );
    }
    let parts = parts(written)?;
    let is_of_a_path = |c: char| c.is_ascii_graphic() && !"#\"<>\\^`{}".contains(c);
    if let Some(path) = parts.path
        && !path.chars().all(is_of_a_path)
    {
        return Err(format!("{} is no path of a WebSocket", quoted(path)));
    }
    check_host(parts.host)
}

/// Refuses what is no name or address.
pub(crate) fn check_host(host: &str) -> Result<(), String> {
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
