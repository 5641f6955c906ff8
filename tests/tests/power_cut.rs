//! A power cut: the daemon is gone at once, and the broker does not notice, since nothing closes the
//! connection. What the broker still holds of it must not hide the daemon that comes back.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    path::Path,
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use fastsamd_tests::{DEADLINE, Daemon, Mosquitto, Subscriber};

/// Carries one connection to the broker, and keeps the broker's end open when the daemon's is gone:
/// as a cable does that leads to a machine without power.
struct DeadEnd {
    port: u16,
    /// Told when the broker ends the connection.
    ended: Receiver<()>,
}

impl DeadEnd {
    fn to(broker: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound port").port();
        let (ended_in, ended) = channel();
        thread::spawn(move || {
            let (daemon, _) = listener.accept().expect("the daemon");
            let broker = TcpStream::connect((Ipv4Addr::LOCALHOST, broker)).expect("the broker");
            let (mut up, mut down) = (
                daemon.try_clone().expect("a socket"),
                broker.try_clone().expect("a socket"),
            );
            let mut to_broker = broker.try_clone().expect("a socket");
            thread::spawn(move || forward(&mut up, &mut to_broker));
            let mut to_daemon = daemon;
            // The daemon may be gone: what the broker says is read all the same.
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = down.read(&mut buffer) {
                let _ = to_daemon.write_all(&buffer[..count]);
            }
            let _ = broker.shutdown(Shutdown::Both);
            let _ = ended_in.send(());
        });
        Self { port, ended }
    }
}

fn forward(from: &mut TcpStream, to: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

fn start(folder: &Path, port: u16) -> Daemon {
    let config = folder.join(format!("{port}.yaml"));
    // A keep-alive so long that the broker does not notice by itself within this test.
    let text = format!(
        "node: cut\n\
         accelerator: {{backend: mock}}\n\
         mqtt: {{port: {port}, keep_alive_s: 3600}}\n\
         cameras: [{{name: cam0, source: {{synthetic: {{fps: 20}}}}}}]\n"
    );
    fs::write(&config, text).expect("a written file");
    Daemon::start([Path::new("run"), Path::new("--config"), &config])
}

#[test]
fn an_old_will_does_not_hide_the_daemon_that_came_back() {
    let broker = Mosquitto::start();
    let folder = tempfile::tempdir().expect("a folder");
    let watcher = Subscriber::connect(broker.port(), "fastsam/cut/#");
    let cable = DeadEnd::to(broker.port());
    let before = start(folder.path(), cable.port);
    watcher.wait_for_text("availability", "online");
    watcher.wait_for("a frame", |message| message.topic.ends_with("/masks"));
    before.signal("KILL");
    drop(before);
    assert!(
        cable.ended.try_recv().is_err(),
        "the broker must not have noticed"
    );

    let _after = start(folder.path(), broker.port());
    cable
        .ended
        .recv_timeout(DEADLINE)
        .expect("the broker ends the old connection when the daemon comes back");
    // Whatever the broker still said for the old connection has been said by now.
    watcher.wait_for_text("availability", "online");
    watcher.wait_for("a frame", |message| message.topic.ends_with("/masks"));
    let retained = Subscriber::connect(broker.port(), "fastsam/cut/availability");
    let kept = retained
        .next(Duration::from_secs(10))
        .expect("a retained message");
    assert_eq!((kept.retained, kept.text().as_str()), (true, "online"));
}
