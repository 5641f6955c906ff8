//! A real mosquitto on a free port.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
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
    /// Starts a broker on a free port, or says why there is none: `None` where mosquitto is not
    /// installed and `FASTSAMD_REQUIRE_MOSQUITTO` does not ask for it.
    pub fn start() -> Option<Self> {
        let mut broker = Self::prepare();
        match broker.launch() {
            Ok(()) => Some(broker),
            Err(error) if std::env::var_os("FASTSAMD_REQUIRE_MOSQUITTO").is_some() => {
                panic!("mosquitto is required, but did not start: {error}")
            }
            Err(error) => {
                eprintln!("skipped: mosquitto did not start: {error}");
                None
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
    pub fn launch(&mut self) -> std::io::Result<()> {
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(self.folder.path().join("mosquitto.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.child = Some(child);
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(started.elapsed() < DEADLINE, "mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
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
