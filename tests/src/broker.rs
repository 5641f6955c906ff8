//! A real mosquitto on a free port.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::DEADLINE;

/// A port of the loopback interface that nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

/// A mosquitto process; killed when dropped.
pub struct Mosquitto {
    child: Option<Child>,
    port: u16,
    folder: TempDir,
}

impl Mosquitto {
    /// Starts a broker on a free port.
    pub fn start() -> Self {
        loop {
            let mut broker = Self::prepare();
            broker.launch();
            // Another program may have taken the port in between; then this broker has ended.
            let child = broker.child.as_mut().expect("a started broker");
            if child.try_wait().expect("a child").is_none() {
                return broker;
            }
        }
    }

    /// A broker that is not running yet, with its port chosen.
    pub fn prepare() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let config =
            format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n");
        fs::write(folder.path().join("mosquitto.conf"), config).expect("a written file");
        Self {
            child: None,
            port,
            folder,
        }
    }

    /// Starts it, on the same port each time, and waits until it listens.
    pub fn launch(&mut self) {
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
        self.child = Some(child);
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(started.elapsed() < DEADLINE, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills it at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a running broker");
            child.wait().expect("an ended broker");
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, as `--mqtt` takes them.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
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
    Command::new(if packaged.exists() {
        packaged
    } else {
        Path::new("mosquitto")
    })
}
