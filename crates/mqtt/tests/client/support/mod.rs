//! Brokers, a cable that can be cut, a subscriber, and a node with its session on a thread.

use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use message::Topics;
use mqtt::{Backoff, EmbeddedBroker, Incoming, Options, Publisher};
use rumqttc::{Client, Event, MqttOptions, Packet, QoS};
use rumqttd::{
    ConnectionSettings, LinkType, Router, RouterConfig, Server, ServerSettings, protocol::v4::V4,
};
use tempfile::TempDir;

/// Longer than anything here takes, on a machine that does other things too: a client that is blocked
/// in a write gives up after twice its keep-alive, a minute.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// Waits until `condition` gives a value.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "{what}: not within {DEADLINE:?}"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// The port of an embedded broker.
pub(crate) fn embedded() -> u16 {
    let broker = EmbeddedBroker::start((Ipv4Addr::LOCALHOST, 0).into(), None).expect("a broker");
    broker.address().port()
}

/// The port of a broker that knows MQTT 3.1.1 alone: it closes connections of MQTT 5.
pub(crate) fn older() -> u16 {
    let listen = nobody();
    let router = RouterConfig {
        max_connections: 20,
        max_outgoing_packet_count: 200,
        max_segment_size: 4 << 20,
        max_segment_count: 2,
        ..RouterConfig::default()
    };
    let settings = ServerSettings {
        name: "older".into(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 5_000,
            max_payload_size: 16 << 20,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    let mut server = Server::new(settings, Router::new(0, router).spawn(), V4);
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        // It works until the process ends.
        let _ = runtime.block_on(server.start(LinkType::Remote));
    });
    eventually("it listens", || TcpStream::connect(listen).ok());
    listen.port()
}

/// A mosquitto process; killed when dropped.
pub(crate) struct Mosquitto {
    child: Option<Child>,
    address: IpAddr,
    port: u16,
    folder: TempDir,
}

impl Mosquitto {
    /// A broker that is not running yet, with its port chosen and these lines in its
    /// configuration.
    pub(crate) fn prepare(lines: &str) -> Self {
        Self::prepare_on(Ipv4Addr::LOCALHOST.into(), lines)
    }

    /// The same for everybody, on another address.
    pub(crate) fn prepare_at(address: IpAddr) -> Self {
        Self::prepare_on(address, "allow_anonymous true")
    }

    fn prepare_on(address: IpAddr, lines: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        // Started by root it would become another user, who can't read what lies in the folder; where anybody
        // else starts it, this says nothing.
        let config = format!("listener {port} {address}\npersistence false\nuser root\n{lines}\n");
        fs::write(folder.path().join("mosquitto.conf"), config).expect("a written file");
        Self {
            child: None,
            address,
            port,
            folder,
        }
    }

    /// Adds a line to its configuration.
    pub(crate) fn configure(&self, line: &str) {
        let path = self.folder.path().join("mosquitto.conf");
        let config = fs::read_to_string(&path).expect("a configuration");
        fs::write(&path, format!("{config}{line}\n")).expect("a written file");
    }

    /// A running broker for everybody.
    pub(crate) fn start() -> Self {
        let mut broker = Self::prepare("allow_anonymous true");
        broker.launch();
        broker
    }

    /// Starts it, on the same port each time, and waits until it listens.
    pub(crate) fn launch(&mut self) {
        let child = mosquitto()
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("mosquitto does not start ({error}): `scripts/setup test` installs it")
            });
        let child = self.child.insert(child);
        eventually("mosquitto listens", || {
            let ended = child.try_wait().expect("a child that can be waited for");
            assert!(ended.is_none(), "mosquitto ended at its start: {ended:?}");
            TcpStream::connect((self.address, self.port)).ok()
        });
    }

    /// Kills it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a running broker");
            child.wait().expect("an ended broker");
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Debian keeps the broker where only root's PATH leads.
fn mosquitto() -> Command {
    let packaged = Path::new("/usr/sbin/mosquitto");
    if packaged.exists() {
        Command::new(packaged)
    } else {
        Command::new("mosquitto")
    }
}

/// What a cable does with what comes in.
const PLUGGED: u8 = 0;
const CUT: u8 = 1;
const DEAD: u8 = 2;
const JAMMED: u8 = 3;

/// A cable between our client and a broker.
pub(crate) struct Cable {
    port: u16,
    state: Arc<AtomicU8>,
    sockets: Arc<Mutex<Vec<TcpStream>>>,
}

impl Cable {
    pub(crate) fn to(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let state = Arc::new(AtomicU8::new(PLUGGED));
        let sockets = Arc::new(Mutex::new(Vec::new()));
        let (seen, held) = (Arc::clone(&state), Arc::clone(&sockets));
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if seen.load(Ordering::SeqCst) == CUT {
                    continue;
                }
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)) else {
                    continue;
                };
                let copy = |socket: &TcpStream| socket.try_clone().expect("a copy");
                held.lock()
                    .expect("a lock")
                    .extend([copy(&near), copy(&far)]);
                for (from, to) in [(copy(&near), copy(&far)), (far, near)] {
                    let seen = Arc::clone(&seen);
                    thread::spawn(move || forward(from, to, &seen));
                }
            }
        });
        Self {
            port,
            state,
            sockets,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Breaks the connections, and lets none through.
    pub(crate) fn cut(&self) {
        self.state.store(CUT, Ordering::SeqCst);
        for socket in self.sockets.lock().expect("a lock").drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections through again.
    pub(crate) fn plug(&self) {
        self.state.store(PLUGGED, Ordering::SeqCst);
    }

    /// Connections stay, but nothing is taken any more.
    pub(crate) fn jam(&self) {
        self.state.store(JAMMED, Ordering::SeqCst);
    }

    /// Connections stay, but what is taken does not get through.
    pub(crate) fn die(&self) {
        self.state.store(DEAD, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, state: &AtomicU8) {
    let mut buffer = [0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        while state.load(Ordering::SeqCst) == JAMMED {
            thread::sleep(Duration::from_millis(5));
        }
        if state.load(Ordering::SeqCst) == DEAD {
            continue;
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// A message that came to a subscriber.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) retained: bool,
    pub(crate) payload: Vec<u8>,
}

/// An ordinary MQTT 3.1.1 client, as any user's program is one.
pub(crate) struct Subscriber {
    client: Client,
    messages: Receiver<Message>,
}

impl Subscriber {
    /// Subscribes to everything below `fastsam/`; returns once that is acknowledged.
    pub(crate) fn connect(port: u16) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let id = format!(
            "subscriber-{port}-{}",
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_keep_alive(Duration::from_secs(30));
        options.set_max_packet_size(16 << 20, 16 << 20);
        let (client, mut connection) = Client::new(options, 64);
        let (sender, messages) = channel();
        let (ready_in, ready) = channel();
        client
            .subscribe("fastsam/#", QoS::AtLeastOnce)
            .expect("a subscription");
        thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::SubAck(_))) => {
                        let _ = ready_in.send(());
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        let message = Message {
                            topic: publish.topic,
                            retained: publish.retain,
                            payload: publish.payload.to_vec(),
                        };
                        if sender.send(message).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        ready
            .recv_timeout(DEADLINE)
            .expect("an acknowledged subscription");
        Self { client, messages }
    }

    /// The next message on a topic that ends so; others are passed over.
    pub(crate) fn next(&self, topic: &str) -> Message {
        let started = Instant::now();
        while let Some(left) = DEADLINE.checked_sub(started.elapsed()) {
            match self.messages.recv_timeout(left) {
                Ok(message) if message.topic.ends_with(topic) => return message,
                Ok(_) => {}
                Err(error) => panic!("nothing on {topic}: {error}"),
            }
        }
        panic!("nothing on {topic}");
    }

    /// Waits for this text on a topic that ends so.
    pub(crate) fn wait_for(&self, topic: &str, text: &str) -> Message {
        loop {
            let message = self.next(topic);
            if message.payload == text.as_bytes() {
                return message;
            }
        }
    }

    /// Publishes something itself.
    pub(crate) fn publish(&self, topic: &str, retain: bool, payload: &str) {
        self.client
            .publish(topic, QoS::AtLeastOnce, retain, payload)
            .expect("a request");
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.client.disconnect();
    }
}

/// Options with short pauses, for a node that is called `test`.
pub(crate) fn options(port: u16) -> Options {
    let mut options = Options::new("127.0.0.1", port, "fastsamd-test", topics().availability());
    options.backoff = Backoff {
        first: Duration::from_millis(20),
        longest: Duration::from_millis(200),
    };
    options
}

pub(crate) fn topics() -> Topics {
    Topics::new("fastsam", "test").expect("topics")
}

/// A client whose session runs on a thread; stopped when dropped.
pub(crate) struct Node {
    pub(crate) publisher: Publisher,
    pub(crate) inbox: Receiver<Incoming>,
    stop: Arc<AtomicBool>,
    /// Hears of the session's end, even of one by a panic.
    ended: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    pub(crate) fn start(options: Options) -> Self {
        let (publisher, session, inbox) = mqtt::connect(options).expect("a client");
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let (running, ended) = channel();
        let thread = thread::spawn(move || {
            session.run(|| asked.load(Ordering::SeqCst));
            drop(running);
        });
        Self {
            publisher,
            inbox,
            stop,
            ended,
            thread: Some(thread),
        }
    }

    pub(crate) fn wait_until_connected(&self) {
        eventually("a connection", || {
            self.publisher.is_connected().then_some(())
        });
    }

    /// Ends the session. Fails where it hangs, which is the one thing the deadline is for.
    pub(crate) fn stop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let ended = self.ended.recv_timeout(DEADLINE);
            assert_eq!(ended, Err(RecvTimeoutError::Disconnected), "the session");
            thread.join().expect("a session without a panic");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address where nobody answers.
pub(crate) fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound port")
}
