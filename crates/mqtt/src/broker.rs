//! A broker inside the process, for demonstrations and tests: rumqttd.
//!
//! It listens twice, because rumqttd gives each protocol version a port of its own: MQTT 3.1.1 on
//! the address that users are told, which their `mosquitto_sub` speaks unless asked otherwise, and
//! MQTT 5 on a free port of the same interface for the daemon's own client. Both see the same
//! messages. There is no authentication. Messages with MQTT 5 properties must not be published to it: it would end the
//! connections of MQTT 3.1.1 subscribers ([`crate::Options::frame_expiry_s`]).
//!
//! rumqttd can't be stopped: its threads live as long as the process. It logs through `tracing`
//! and reports every client that just closes its socket as an error, so logs are better filtered
//! by its target, `rumqttd`.

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use tracing::error;

use crate::MqttError;

/// How long it may take until both ports answer.
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
    v4: SocketAddr,
    v5: SocketAddr,
}

impl EmbeddedBroker {
    /// Starts a broker for MQTT 3.1.1 on `address`, whose port may be 0 for a free one, and for
    /// MQTT 5 on a free port beside it.
    ///
    /// # Errors
    /// [`MqttError::Listen`] when the port is taken or the address is not this machine's.
    pub fn start(address: SocketAddr) -> Result<Self, MqttError> {
        // rumqttd would only log that a port is taken. Both are held until both are known.
        let (v4_held, v4) = hold(address)?;
        let (v5_held, v5) = hold(SocketAddr::new(address.ip(), 0))?;
        drop((v4_held, v5_held));
        let mut broker = Broker::new(config(v4, v5));
        thread::Builder::new()
            .name("broker".into())
            .spawn(move || {
                if let Err(error) = broker.start() {
                    error!("the embedded broker ended: {error}");
                }
            })
            .map_err(MqttError::Runtime)?;
        for address in [v4, v5] {
            wait_for(address)?;
        }
        Ok(Self { v4, v5 })
    }

    /// Where it speaks MQTT 3.1.1.
    pub fn v4_address(&self) -> SocketAddr {
        self.v4
    }

    /// Where it speaks MQTT 5, as [`crate::connect`] does.
    pub fn v5_address(&self) -> SocketAddr {
        self.v5
    }
}

fn hold(address: SocketAddr) -> Result<(TcpListener, SocketAddr), MqttError> {
    let bind = || {
        let listener = TcpListener::bind(address)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    };
    bind().map_err(|source| MqttError::Listen { address, source })
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

fn config(v4: SocketAddr, v5: SocketAddr) -> Config {
    let server = |name: &str, listen| {
        let settings = ServerSettings {
            name: name.into(),
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
        };
        Some(HashMap::from([(name.to_owned(), settings)]))
    };
    Config {
        router: RouterConfig {
            max_connections: MAX_CONNECTIONS,
            max_outgoing_packet_count: 200,
            max_segment_size: SEGMENT_BYTES,
            max_segment_count: SEGMENTS,
            ..RouterConfig::default()
        },
        v4: server("broker-v4", v4),
        v5: server("broker-v5", v5),
        ..Config::default()
    }
}
