//! A client that outlives its broker.
//!
//! A [`Publisher`] hands messages over and never blocks; the [`Session`], run by a thread of the
//! daemon, owns the connection. Frames are dropped while there is no connection or the queue is full,
//! and the caller is told why. Retained state is kept here, one value per topic, and published again
//! on every connect: whatever the broker has forgotten, it learns anew, and it is the current value.
//!
//! MQTT 5 through rumqttc. What it does by itself and what is made up for here: it forgets what was
//! under way when a connection ends (state is published again, old frames are of no use to anyone);
//! its largest packet is 10 kB unless set; a packet above the broker's limit ends the connection
//! (messages are measured before they are handed over).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Request,
        mqttbytes::{
            self,
            v5::{ConnectReturnCode, LastWill, Packet, Publish},
        },
    },
};
use tokio::{
    runtime::Runtime,
    sync::watch,
    time::{sleep, timeout},
};
use tracing::{debug, info, warn};

/// Messages that wait to be sent. Few: behind a slow connection they are only delay.
const QUEUE: usize = 16;
/// First and longest pause between two attempts to connect.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// How long the end waits for the broker to take `offline`.
const FAREWELL: Duration = Duration::from_millis(500);
/// Bytes of a PUBLISH packet beside topic and payload, generously.
const OVERHEAD: usize = 64;

/// Payload of a state topic while all is well.
pub const ONLINE: &str = "online";
/// Payload of a state topic otherwise.
pub const OFFLINE: &str = "offline";

/// How hard a message tries to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QoS {
    /// Once or not at all.
    AtMostOnce,
    /// Once or more often.
    AtLeastOnce,
}

impl From<QoS> for mqttbytes::QoS {
    fn from(qos: QoS) -> Self {
        match qos {
            QoS::AtMostOnce => Self::AtMostOnce,
            QoS::AtLeastOnce => Self::AtLeastOnce,
        }
    }
}

/// How to reach the broker, and as whom.
#[derive(Clone)]
pub struct Options {
    /// Name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Unique among the broker's clients.
    pub client_id: String,
    /// User name and password.
    pub credentials: Option<(String, String)>,
    /// After so long without traffic both sides ask whether the other is there.
    pub keep_alive: Duration,
    /// Largest payload to hand over.
    pub max_payload_bytes: usize,
    /// Topic of the last will, and of `online` after each connect.
    pub availability_topic: String,
}

/// Why a client can't be made.
#[derive(Debug, thiserror::Error)]
pub enum MqttError {
    /// No runtime for the connection.
    #[error("the MQTT client can't start: {0}")]
    Runtime(#[source] std::io::Error),
    /// The embedded broker's address is taken or not this machine's.
    #[error("no broker can listen on {address}: {cause}")]
    Listen {
        /// Where it was to listen.
        address: std::net::SocketAddr,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The embedded broker ended at once.
    #[error("the embedded broker does not start: {0}")]
    Broker(String),
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// There is no connection.
    #[error("the broker is not connected")]
    Offline,
    /// More messages wait than the connection carries.
    #[error("the connection is too slow")]
    QueueFull,
    /// Above the limit; see [`Publisher::payload_limit`].
    #[error("the message is too large for the broker")]
    TooLarge,
}

#[derive(Debug)]
struct State {
    payload: Vec<u8>,
    qos: QoS,
    sent: bool,
}

#[derive(Debug)]
struct Shared {
    connected: AtomicBool,
    connects: AtomicU64,
    stale: AtomicU64,
    payload_limit: AtomicUsize,
    /// Whether some state waits for room in the queue.
    unsent: AtomicBool,
    states: Mutex<BTreeMap<String, State>>,
}

impl Shared {
    fn states(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        // Nothing that holds this lock can panic half-way through a change.
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands messages over; clones share the connection.
#[derive(Clone, Debug)]
pub struct Publisher {
    client: AsyncClient,
    shared: Arc<Shared>,
}

impl Publisher {
    /// Sends a message that is of use only now: QoS 0, not retained.
    pub fn frame(&self, topic: &str, payload: &[u8]) -> Result<(), Dropped> {
        if !self.is_connected() {
            return Err(Dropped::Offline);
        }
        if payload.len() > self.payload_limit() {
            return Err(Dropped::TooLarge);
        }
        self.client
            .try_publish(topic, mqttbytes::QoS::AtMostOnce, false, payload.to_vec())
            .map_err(|_| Dropped::QueueFull)
    }

    /// Sets a retained topic: now if there is a connection, and again after every connect.
    pub fn state(&self, topic: &str, payload: impl Into<Vec<u8>>, qos: QoS) {
        let payload = payload.into();
        let sent = self.is_connected()
            && payload.len() <= self.payload_limit()
            && self
                .client
                .try_publish(topic, qos.into(), true, payload.clone())
                .is_ok();
        self.shared
            .states()
            .insert(topic.to_owned(), State { payload, qos, sent });
        if !sent {
            self.shared.unsent.store(true, Ordering::Release);
        }
    }

    /// Whether the broker has accepted the connection.
    pub fn is_connected(&self) -> bool {
        self.shared.connected.load(Ordering::Acquire)
    }

    /// How often it has.
    pub fn connects(&self) -> u64 {
        self.shared.connects.load(Ordering::Relaxed)
    }

    /// Messages that were taken and then lost with the connection.
    pub fn lost(&self) -> u64 {
        self.shared.stale.load(Ordering::Relaxed)
    }

    /// Bytes of the largest payload that can be handed over.
    pub fn payload_limit(&self) -> usize {
        self.shared.payload_limit.load(Ordering::Relaxed)
    }
}

/// Ends a session; clones end the same one.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<watch::Sender<bool>>);

impl Stopper {
    /// Has the session publish `offline`, disconnect and return, all within a second.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// The connection, to be run by a thread.
pub struct Session {
    runtime: Runtime,
    events: EventLoop,
    client: AsyncClient,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
    options: Options,
}

/// Makes a client; it connects once its session runs.
pub fn connect(options: Options) -> Result<(Publisher, Session, Stopper), MqttError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(MqttError::Runtime)?;
    let mut settings = MqttOptions::new(&options.client_id, &options.host, options.port);
    settings.set_keep_alive(options.keep_alive);
    settings.set_clean_start(true);
    // What others may send: a frame's worth is more than any request needs.
    settings.set_max_packet_size(Some(1 << 20));
    if let Some((name, password)) = &options.credentials {
        settings.set_credentials(name, password);
    }
    let topic = options.availability_topic.clone();
    settings.set_last_will(LastWill::new(
        topic,
        OFFLINE,
        mqttbytes::QoS::AtLeastOnce,
        true,
        None,
    ));
    let (client, events) = AsyncClient::new(settings, QUEUE);
    let shared = Arc::new(Shared {
        connected: AtomicBool::new(false),
        connects: AtomicU64::new(0),
        stale: AtomicU64::new(0),
        payload_limit: AtomicUsize::new(options.max_payload_bytes),
        unsent: AtomicBool::new(false),
        states: Mutex::default(),
    });
    let (stopper, stop) = watch::channel(false);
    let publisher = Publisher {
        client: client.clone(),
        shared: Arc::clone(&shared),
    };
    let session = Session {
        runtime,
        events,
        client,
        shared,
        stop,
        options,
    };
    Ok((publisher, session, Stopper(Arc::new(stopper))))
}

impl Session {
    /// Connects, and again after each loss, until stopped.
    pub fn run(self) {
        let Self {
            runtime,
            events,
            client,
            shared,
            stop,
            options,
        } = self;
        let mut connection = Connection {
            events,
            client,
            shared,
            options,
            reported: String::new(),
            pause: BACKOFF.0,
        };
        runtime.block_on(async {
            connection.run_until(stop).await;
            connection.say_farewell().await;
        });
        // A name look-up may still hang in a thread of the runtime: not waited for.
        runtime.shutdown_background();
    }
}

struct Connection {
    events: EventLoop,
    client: AsyncClient,
    shared: Arc<Shared>,
    options: Options,
    /// The last failure told, so that it is told once.
    reported: String,
    pause: Duration,
}

impl Connection {
    async fn run_until(&mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let event = tokio::select! {
                biased;
                // Also when the stopper has gone.
                _ = stop.wait_for(|stop| *stop) => return,
                event = self.events.poll() => event,
            };
            match event {
                Ok(event) => self.handle(event),
                Err(error) => {
                    self.lose(&error);
                    tokio::select! {
                        _ = stop.wait_for(|stop| *stop) => return,
                        () = sleep(self.pause) => {}
                    }
                    self.pause = (self.pause * 2).min(BACKOFF.1);
                }
            }
        }
    }

    fn handle(&mut self, event: Event) {
        if let Event::Incoming(Packet::ConnAck(answer)) = &event {
            let broker_limit = answer.properties.as_ref().and_then(|p| p.max_packet_size);
            let room = broker_limit.map_or(usize::MAX, |bytes| bytes as usize);
            let topics = 256 + OVERHEAD;
            let limit = self
                .options
                .max_payload_bytes
                .min(room.saturating_sub(topics));
            self.shared.payload_limit.store(limit, Ordering::Relaxed);
            self.greet();
        } else if self.shared.unsent.load(Ordering::Acquire) && self.is_connected() {
            self.send_states(|state| !state.sent);
        }
    }

    fn is_connected(&self) -> bool {
        self.shared.connected.load(Ordering::Acquire)
    }

    /// After a connect: `online`, and all state.
    fn greet(&mut self) {
        self.pause = BACKOFF.0;
        self.reported.clear();
        self.shared.connects.fetch_add(1, Ordering::Relaxed);
        info!(
            host = self.options.host,
            port = self.options.port,
            "connected to the MQTT broker"
        );
        let topic = self.options.availability_topic.clone();
        self.enqueue(&topic, ONLINE.as_bytes().to_vec(), QoS::AtLeastOnce);
        self.send_states(|_| true);
        self.shared.connected.store(true, Ordering::Release);
    }

    fn send_states(&mut self, wanted: impl Fn(&State) -> bool) {
        self.shared.unsent.store(false, Ordering::Release);
        let limit = self.shared.payload_limit.load(Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        for (topic, state) in shared
            .states()
            .iter_mut()
            .filter(|(_, state)| wanted(state))
        {
            if state.payload.len() <= limit {
                self.enqueue(topic, state.payload.clone(), state.qos);
            }
            state.sent = true;
        }
    }

    /// Past the queue, which may be full: states are few and bounded.
    fn enqueue(&mut self, topic: &str, payload: Vec<u8>, qos: QoS) {
        let mut publish = Publish::new(topic, qos.into(), payload, None);
        publish.retain = true;
        self.events.pending.push_back(Request::Publish(publish));
    }

    fn lose(&mut self, error: &ConnectionError) {
        self.shared.connected.store(false, Ordering::Release);
        // What was under way or waited: state is sent again anyway, and frames have grown old.
        let lost = self.events.pending.drain(..).filter(is_frame).count();
        self.shared.stale.fetch_add(lost as u64, Ordering::Relaxed);
        let reason = reason(error);
        let Options { host, port, .. } = &self.options;
        if reason == self.reported {
            debug!("still no MQTT broker at {host}:{port}: {reason}");
        } else {
            warn!("no MQTT broker at {host}:{port}: {reason}; trying again");
            self.reported = reason;
        }
    }

    /// Publishes `offline` and disconnects, if there is anyone to hear it.
    async fn say_farewell(&mut self) {
        if !self.shared.connected.swap(false, Ordering::AcqRel) {
            return;
        }
        let topic = self.options.availability_topic.clone();
        self.enqueue(&topic, OFFLINE.as_bytes().to_vec(), QoS::AtLeastOnce);
        let goodbye = async {
            // Acknowledgements come in order: the last one open is that of `offline`.
            let mut open = true;
            while open {
                let Ok(event) = self.events.poll().await else {
                    return;
                };
                open = !self.events.pending.is_empty() || self.events.state.inflight() > 0;
                let _ = event;
            }
            if self.client.try_disconnect().is_ok() {
                while let Ok(event) = self.events.poll().await {
                    if matches!(event, Event::Outgoing(Outgoing::Disconnect)) {
                        return;
                    }
                }
            }
        };
        if timeout(FAREWELL, goodbye).await.is_err() {
            warn!("the MQTT broker did not acknowledge the farewell in time");
        }
    }
}

fn is_frame(request: &Request) -> bool {
    matches!(request, Request::Publish(publish) if !publish.retain)
}

/// The cause in words a user can act on.
fn reason(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => match code {
            ConnectReturnCode::BadUserNamePassword => {
                "it refuses the user name or password (mqtt.username, mqtt.password_file)".into()
            }
            ConnectReturnCode::NotAuthorized => {
                "it does not let this user in (mqtt.username, mqtt.password_file)".into()
            }
            ConnectReturnCode::UnsupportedProtocolVersion => {
                "it does not speak MQTT 5, which is needed".into()
            }
            code => format!("it refuses the connection: {code:?}"),
        },
        ConnectionError::Io(error) => error.to_string(),
        ConnectionError::Timeout(_) => "no answer".into(),
        error => error.to_string(),
    }
}
