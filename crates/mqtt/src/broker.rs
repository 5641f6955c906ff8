//! A broker inside the process, for those who have none: rumqttd.
//!
//! It speaks MQTT 5 and MQTT 3.1.1 on one port. rumqttd gives each version a port of its own; but what it reads and
//! writes goes through its `Protocol`, one for each connection, and ours looks at the level that CONNECT names (MQTT
//! 5.0, section 3.1.2.2), and reads and writes as that version from then on. What MQTT 3.1.1 can't carry is left out
//! of what goes to its subscribers. A wrong login is answered: rumqttd alone would close the connection without a word.
//!
//! rumqttd can't be stopped: its threads live as long as the process. It logs through `tracing`
//! and reports every client that just closes its socket as an error, so logs are better filtered
//! by its target, `rumqttd`.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use message::Secret;
use rumqttd::{
    ConnectionSettings, LinkType, Router, RouterConfig, Server, ServerSettings,
    protocol::{ConnAck, ConnectReturnCode, Error, Packet, Protocol, v4::V4, v5::V5},
};
use tracing::error;

use crate::{MqttError, Version};

/// How long it may take until the port answers.
const START: Duration = Duration::from_secs(2);

/// Clients at a time.
const MAX_CONNECTIONS: usize = 100;

/// The largest packet it takes: far more than the client sends unless told to.
const MAX_PACKET_BYTES: usize = 16 << 20;

/// Messages are kept in segments of so many bytes until the last subscriber has read them; so
/// many segments per topic. A slow subscriber loses messages beyond.
const SEGMENT_BYTES: usize = 4 << 20;
const SEGMENTS: usize = 2;

/// A running broker.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedBroker {
    address: SocketAddr,
}

impl EmbeddedBroker {
    /// Starts a broker on `address`, whose port may be 0 for a free one. Clients need the login, where there is one.
    ///
    /// # Errors
    /// [`MqttError::Listen`] when the port is taken or the address is not this machine's.
    pub fn start(address: SocketAddr, login: Option<(String, Secret)>) -> Result<Self, MqttError> {
        // rumqttd would only log that the port is taken.
        let address = free(address)?;
        let router = Router::new(0, router()).spawn();
        let protocol = AnyVersion {
            login: login.map(Arc::new),
            version: None,
            is_refused: false,
        };
        let mut server = Server::new(server(address), router, protocol);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(MqttError::Runtime)?;
        thread::Builder::new()
            .name("broker".into())
            .spawn(move || {
                if let Err(error) = runtime.block_on(server.start(LinkType::Remote)) {
                    error!("the embedded broker ended: {error}");
                }
            })
            .map_err(MqttError::Runtime)?;
        wait_for(address)?;
        Ok(Self { address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The address itself, with a port that is free now.
fn free(address: SocketAddr) -> Result<SocketAddr, MqttError> {
    TcpListener::bind(address)
        .and_then(|listener| listener.local_addr())
        .map_err(|source| MqttError::Listen { address, source })
}

fn wait_for(address: SocketAddr) -> Result<(), MqttError> {
    let started = Instant::now();
    while TcpStream::connect(address).is_err() {
        if started.elapsed() > START {
            return Err(MqttError::BrokerSilent(address, START));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn server(listen: SocketAddr) -> ServerSettings {
    ServerSettings {
        name: "broker".into(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 5_000,
            max_payload_size: MAX_PACKET_BYTES,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    }
}

fn router() -> RouterConfig {
    RouterConfig {
        max_connections: MAX_CONNECTIONS,
        max_outgoing_packet_count: 200,
        max_segment_size: SEGMENT_BYTES,
        max_segment_count: SEGMENTS,
        ..RouterConfig::default()
    }
}

/// Reads and writes as the version that a connection begins with.
#[derive(Clone)]
struct AnyVersion {
    login: Option<Arc<(String, Secret)>>,
    /// Of this connection, once it has begun.
    version: Option<Version>,
    /// Whether this connection has the wrong login.
    is_refused: bool,
}

impl Protocol for AnyVersion {
    fn read_mut(&mut self, stream: &mut BytesMut, max_size: usize) -> Result<Packet, Error> {
        let version = match self.version {
            Some(version) => version,
            None => *self.version.insert(version_of(stream)?),
        };
        let packet = match version {
            Version::V3 => V4.read_mut(stream, max_size)?,
            Version::V5 => V5.read_mut(stream, max_size)?,
        };
        Ok(match packet {
            Packet::Connect(mut connect, properties, will, will_properties, login) => {
                let login = login.map(|login| (login.username, login.password));
                if !self.admits(login.as_ref()) {
                    self.is_refused = true;
                    // What rumqttd answers to is a client without a name that wants to be remembered.
                    connect.client_id.clear();
                    connect.clean_session = false;
                }
                if connect.keep_alive == 0 {
                    // No limit, for which rumqttd would close the connection.
                    connect.keep_alive = u16::MAX;
                }
                Packet::Connect(connect, properties, will, will_properties, None)
            }
            packet => packet,
        })
    }

    fn write(&self, packet: Packet, buffer: &mut BytesMut) -> Result<usize, Error> {
        let packet = match packet {
            Packet::ConnAck(ack, properties) => {
                let code = match ack.code {
                    ConnectReturnCode::ClientIdentifierNotValid if self.is_refused => {
                        ConnectReturnCode::BadUserNamePassword
                    }
                    code => code,
                };
                Packet::ConnAck(ConnAck { code, ..ack }, properties)
            }
            packet => packet,
        };
        match self.version {
            Some(Version::V5) => V5.write(packet, buffer),
            _ => V4.write(for_v3(packet), buffer),
        }
    }
}

impl AnyVersion {
    fn admits(&self, given: Option<&(String, String)>) -> bool {
        let Some(login) = &self.login else {
            return true;
        };
        let (username, password) = &**login;
        given.is_some_and(|(given_name, given_password)| {
            let is_right = is_same(password.expose(), given_password);
            is_same(username, given_name) && is_right
        })
    }
}

/// Compares in a time that says nothing of where texts differ.
fn is_same(ours: &str, theirs: &str) -> bool {
    let pairs = ours.bytes().zip(theirs.bytes());
    let differences = pairs.fold(0, |differences, (a, b)| differences | (a ^ b));
    ours.len() == theirs.len() && differences == 0
}

/// The version that a connection's first bytes name.
fn version_of(stream: &[u8]) -> Result<Version, Error> {
    const CONNECT: u8 = 0x10;
    if stream.first().is_some_and(|first| *first != CONNECT) {
        return Err(Error::InvalidProtocol);
    }
    // The length of what follows takes one to four bytes, the last of which is below 0x80.
    let length = stream.iter().skip(1).take(4).position(|byte| *byte < 0x80);
    let length = match length {
        Some(last) => last + 1,
        None if stream.len() >= 5 => return Err(Error::MalformedRemainingLength),
        None => return Err(Error::InsufficientBytes(1)),
    };
    // Then "MQTT" behind its length, and the level.
    let level = 1 + length + 2 + 4;
    match stream.get(level) {
        Some(5) => Ok(Version::V5),
        Some(_) => Ok(Version::V3),
        None => Err(Error::InsufficientBytes(level + 1 - stream.len())),
    }
}

/// A packet without what only MQTT 5 has, at which rumqttd would panic.
fn for_v3(packet: Packet) -> Packet {
    use ConnectReturnCode as Code;
    match packet {
        Packet::ConnAck(ack, _) => {
            let code = match ack.code {
                code @ (Code::Success
                | Code::RefusedProtocolVersion
                | Code::ClientIdentifierNotValid
                | Code::BadUserNamePassword
                | Code::NotAuthorized) => code,
                _ => Code::ServiceUnavailable,
            };
            Packet::ConnAck(ConnAck { code, ..ack }, None)
        }
        Packet::Publish(packet, _) => Packet::Publish(packet, None),
        Packet::PubAck(packet, _) => Packet::PubAck(packet, None),
        Packet::PubRec(packet, _) => Packet::PubRec(packet, None),
        Packet::PubRel(packet, _) => Packet::PubRel(packet, None),
        Packet::PubComp(packet, _) => Packet::PubComp(packet, None),
        Packet::SubAck(packet, _) => Packet::SubAck(packet, None),
        Packet::UnsubAck(packet, _) => Packet::UnsubAck(packet, None),
        Packet::Disconnect(packet, _) => Packet::Disconnect(packet, None),
        packet => packet,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_begins_with_its_version() {
        // CONNECT of paho, with a length of one byte and of two.
        let short = *b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
        assert!(matches!(version_of(&short), Ok(Version::V3)));
        let long = *b"\x10\x85\x01\x00\x04MQTT\x05\x02\x00\x3c\x00";
        assert!(matches!(version_of(&long), Ok(Version::V5)));
        for cut in 0..9 {
            let Err(Error::InsufficientBytes(more)) = version_of(&long[..cut]) else {
                panic!("{cut}");
            };
            assert!((1..=9).contains(&more));
        }
        assert!(version_of(b"GET / HTTP/1.1").is_err());
        assert!(version_of(b"\x10\xff\xff\xff\xff\x7f").is_err());
    }

    #[test]
    fn a_login_is_the_same_or_not() {
        for (given, expected) in [
            ("right", true),
            ("wrong", false),
            ("righ", false),
            ("", false),
        ] {
            assert_eq!(is_same("right", given), expected, "{given}");
        }
    }
}
