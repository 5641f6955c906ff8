//! The real binary, as a user runs it.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, OnceLock},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crate::DEADLINE;

/// What runs programs of another architecture, with its options: `qemu-aarch64-static -cpu max`.
const RUNNER: &str = "FASTSAMD_TEST_RUNNER";

/// Says that the binary has been built by the run of cargo that runs the tests, as `cargo test
/// --workspace` does: building it by itself would compile half of it again, with other features.
const BUILT: &str = "FASTSAMD_TEST_BUILT";

/// Where the binary lies, built first if need be.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("the test's own path");
        // target/[TRIPLE/]PROFILE/deps/TEST
        let profile = test.ancestors().nth(2).expect("the profile's folder");
        if std::env::var_os(BUILT).is_some() {
            return profile.join("fastsamd");
        }
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            "fastsamd",
            "--bin",
            "fastsamd",
        ]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let mut target = profile.parent().expect("the target folder");
        // Built for a named target, and so must the binary be.
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with("-linux-gnu") {
            build.args(["--target", &name]);
            target = target.parent().expect("the target folder");
        }
        let status = build
            .arg("--target-dir")
            .arg(target)
            .status()
            .expect("cargo");
        assert!(status.success(), "fastsamd does not build");
        profile.join("fastsamd")
    })
}

/// A command that runs the binary, without the environment's overrides.
pub fn fastsamd() -> Command {
    let runner = std::env::var(RUNNER).unwrap_or_default();
    let mut words = runner.split_whitespace();
    let mut command = match words.next() {
        Some(program) => {
            let mut command = Command::new(program);
            command.args(words).arg(binary());
            command
        }
        None => Command::new(binary()),
    };
    command
        .env_remove("FASTSAMD_LOG")
        .env_remove("FASTSAMD_UNTRIED_HAILORT")
        .env_remove("FASTSAMD_MQTT_PASSWORD");
    command
}

/// A running daemon whose output is collected; killed when dropped.
pub struct Daemon {
    child: Child,
    output: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Daemon {
    /// Runs the binary with these arguments.
    pub fn start<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::spawn(fastsamd().args(arguments))
    }

    /// Runs a command made from [`fastsamd()`].
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a started daemon");
        let output = Arc::new(Mutex::new(Vec::new()));
        let readers = vec![
            collect_lines(child.stdout.take().expect("a pipe"), Arc::clone(&output)),
            collect_lines(child.stderr.take().expect("a pipe"), Arc::clone(&output)),
        ];
        Self {
            child,
            output,
            readers,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        // The shell's own kill: a bare machine has no other.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status()
            .expect("sh");
        assert!(status.success(), "no such process");
    }

    /// Waits for the end and says how it came, and after how long.
    pub fn wait(&mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                let took = started.elapsed();
                for reader in self.readers.drain(..) {
                    reader.join().expect("a reader");
                }
                return (status, took);
            }
            assert!(
                started.elapsed() < DEADLINE,
                "the daemon does not end; it said:\n{}",
                self.output()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it as a service manager does, and expects it to end well.
    pub fn stop(mut self) {
        self.signal("TERM");
        assert!(self.wait().0.success(), "{}", self.output());
    }

    /// Waits until it has written this, on one line. What it says elsewhere, on MQTT or to systemd,
    /// may be heard before what it has written is read.
    pub fn wait_until_it_said(&self, words: &str) {
        let started = Instant::now();
        while !self.output().lines().any(|line| line.contains(words)) {
            assert!(
                started.elapsed() < DEADLINE,
                "no '{words}'; the daemon said:\n{}",
                self.output()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All it has written so far, both streams.
    pub fn output(&self) -> String {
        self.output.lock().expect("a whole list").join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect_lines(
    stream: impl std::io::Read + Send + 'static,
    lines: Arc<Mutex<Vec<String>>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().expect("a whole list").push(line);
        }
    })
}
