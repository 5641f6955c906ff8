//! Whom to connect to, and how.

use std::time::Duration;

use message::{Secret, Topic};
use rumqttc::{MqttOptions, NetworkOptions, Transport, v5};

use super::{backoff::Backoff, exchange::Refuse, tls::Tls};
use crate::MqttError;

/// The largest payload that can be asked for: MQTT's limit on a packet is 268435455 bytes, and
/// the topic needs room too.
const MAX_PAYLOAD_BYTES: usize = 268_000_000;

/// Room for the topic and the header of a packet beside its payload.
pub(super) const OVERHEAD: usize = 1024;

/// Messages that wait to be written: a frame with the answers of all the prompts that stand. How old they grow there is
/// bounded by [`super::window`].
pub(crate) const QUEUE: usize = 128;

/// Acknowledged publishes under way. Mosquitto allows 20; rumqttc reserves room for each, and
/// never lowers its packet ids again after a broker that allowed more.
const IN_FLIGHT: u16 = 16;

/// Whom to connect to, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is encrypted, if it is.
    pub tls: Option<Tls>,
    /// The path of a WebSocket, where MQTT is spoken over one.
    pub websocket: Option<String>,
    /// Names this client to the broker, which allows one connection per id.
    pub client_id: String,
    /// User name and password, where the broker asks for them.
    pub login: Option<(String, Secret)>,
    /// Where `online` and `offline` are published.
    pub availability: Topic,
    /// Topics to receive.
    pub subscriptions: Vec<Topic>,
    /// What requests are answered with that there is no room for; without it they are lost, and counted.
    pub refuse: Option<Refuse>,
    /// Time without traffic after which both sides ask whether the other is there.
    pub keep_alive: Duration,
    /// Largest payload in either direction; the broker may allow less.
    pub max_payload_bytes: usize,
    /// Seconds after which nobody gets a frame any more that the broker still has (MQTT 5). 0 sends frames without
    /// properties.
    pub frame_expiry_s: u32,
    /// Pauses between attempts to connect.
    pub backoff: Backoff,
}

impl Options {
    /// Options with the defaults: no login, no subscriptions, 30 s keep-alive (a dead connection
    /// is noticed within a minute), payloads up to 1900000 bytes (Mosquitto 2.1 refuses packets
    /// above 2000000), pauses of 1 to 30 s.
    pub fn new(host: &str, port: u16, client_id: &str, availability: Topic) -> Self {
        Self {
            host: host.into(),
            port,
            tls: None,
            websocket: None,
            client_id: client_id.into(),
            login: None,
            availability,
            subscriptions: Vec::new(),
            refuse: None,
            keep_alive: Duration::from_secs(30),
            max_payload_bytes: 1_900_000,
            frame_expiry_s: 1,
            backoff: Backoff::default(),
        }
    }

    pub(crate) fn validate(&self) -> Result<(), MqttError> {
        if self.host.trim().is_empty() {
            return Err(MqttError::NoHost);
        }
        let usable = |id: &str| id.chars().all(|c| !c.is_control());
        if !(1..=128).contains(&self.client_id.len()) || !usable(&self.client_id) {
            return Err(MqttError::ClientId(self.client_id.clone()));
        }
        if !(5..=65535).contains(&self.keep_alive.as_secs()) {
            return Err(MqttError::KeepAlive(self.keep_alive));
        }
        if !(1..=MAX_PAYLOAD_BYTES).contains(&self.max_payload_bytes) {
            return Err(MqttError::MaxPayload {
                bytes: self.max_payload_bytes,
                limit: MAX_PAYLOAD_BYTES,
            });
        }
        Ok(())
    }

    /// The same for rumqttc's client of MQTT 5, without a last will.
    pub(super) fn for_v5(&self) -> Result<v5::MqttOptions, MqttError> {
        let mut options = v5::MqttOptions::new(&self.client_id, self.target(), self.port);
        let max_packet = u32::try_from(self.max_packet()).unwrap_or(u32::MAX);
        options
            .set_keep_alive(self.keep_alive)
            .set_clean_start(true)
            .set_max_packet_size(Some(max_packet))
            .set_outgoing_inflight_upper_limit(IN_FLIGHT);
        options.set_network_options(network());
        if let Some((username, password)) = &self.login {
            options.set_credentials(username, password.expose());
        }
        options.set_transport(self.transport()?);
        Ok(options)
    }

    /// The same for rumqttc's client of MQTT 3.1.1.
    pub(super) fn for_v3(&self) -> Result<MqttOptions, MqttError> {
        let mut options = MqttOptions::new(&self.client_id, self.target(), self.port);
        options
            .set_keep_alive(self.keep_alive)
            .set_clean_session(true)
            .set_max_packet_size(self.max_packet(), self.max_packet())
            .set_inflight(IN_FLIGHT);
        if let Some((username, password)) = &self.login {
            options.set_credentials(username, password.expose());
        }
        options.set_transport(self.transport()?);
        Ok(options)
    }

    fn max_packet(&self) -> usize {
        self.max_payload_bytes.saturating_add(OVERHEAD)
    }

    /// What rumqttc connects to: a host, or the URL of a WebSocket.
    fn target(&self) -> String {
        let Some(path) = &self.websocket else {
            // Without brackets: the port behind the last colon is split off before the name is looked up.
            return self.host.clone();
        };
        let scheme = if self.tls.is_some() { "wss" } else { "ws" };
        format!("{scheme}://{}{path}", self.address())
    }

    fn transport(&self) -> Result<Transport, MqttError> {
        let tls = self.tls.as_ref().map(Tls::configuration).transpose()?;
        Ok(match (tls, self.websocket.is_some()) {
            (None, false) => Transport::Tcp,
            (None, true) => Transport::Ws,
            (Some(tls), false) => Transport::tls_with_config(tls),
            (Some(tls), true) => Transport::wss_with_config(tls),
        })
    }

    /// What is being connected to, for people.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Settings of the socket.
pub(super) fn network() -> NetworkOptions {
    let mut network = NetworkOptions::new();
    // Frames are small and must not wait for each other.
    network.set_tcp_nodelay(true);
    network
}

#[cfg(test)]
mod tests {
    use super::*;
    use message::Topics;

    fn options() -> Options {
        let topics = Topics::new("fastsam", "test").unwrap();
        Options::new("localhost", 1883, "fastsamd-test", topics.availability())
    }

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        type Change = fn(&mut Options);
        let cases: [(&str, Change); 8] = [
            ("host", |o| o.host = " ".into()),
            ("client id", |o| o.client_id = String::new()),
            ("client id", |o| o.client_id = "a\0".into()),
            ("client id", |o| o.client_id = "a".repeat(129)),
            ("keep-alive", |o| o.keep_alive = Duration::from_secs(4)),
            ("keep-alive", |o| o.keep_alive = Duration::from_secs(65536)),
            ("payload", |o| o.max_payload_bytes = 0),
            ("payload", |o| o.max_payload_bytes = MAX_PAYLOAD_BYTES + 1),
        ];
        for (named, change) in cases {
            let mut options = options();
            change(&mut options);
            let error = options.validate().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        assert!(options().validate().is_ok());
    }

    #[test]
    fn debug_output_holds_no_password() {
        let mut options = options();
        options.login = Some(("user".into(), Secret::new("hunter2")));
        let shown = format!("{options:?}");
        assert!(
            shown.contains("user") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
