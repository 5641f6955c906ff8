//! A HEF tried in another process, before this one hands it to the library.
//!
//! What is known to kill libhailort is found by reading the HEF ([`CheckedHef`]). This is the net
//! below: a program of ours opens the library, hands it the HEF, asks what is in it, and ends. If
//! the library takes it down or never comes back, one line says so, and this process goes on.
//!
//! The program is called as `PROGRAM try-hef [--library FILE] --sha256 SUM HEF`. It ends with 0, or
//! with a line on standard error and 2 where the HEF is at fault. It has the sum of the bytes that
//! were checked here, so that both look at the same file.
//!
//! Invariants: a trial takes no longer than its limit and a little, keeps [`MAX_SAID`] bytes of what
//! the program says, and leaves no running process behind.

use std::{
    io::{self, ErrorKind, Read},
    os::{fd::AsFd, unix::process::CommandExt, unix::process::ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::{CheckedHef, Error, TrialEnd, hef_file::hex};

/// What is kept of what the program says.
const MAX_SAID: usize = 4096;
/// How long a killed program may take to vanish; one that doesn't hangs in the kernel.
const REAPING: Duration = Duration::from_millis(500);
/// Between two looks at whether it has.
const GLANCE: Duration = Duration::from_millis(2);
/// How a program ends that finds the HEF at fault.
const HEF_AT_FAULT: i32 = 2;

/// How to try a HEF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    program: PathBuf,
    limit: Duration,
}

impl Trial {
    /// The verb that the program is called with.
    pub const VERB: &str = "try-hef";
    /// How long a trial may take where nobody says otherwise. With a HEF of 15 MB, one took less than
    /// 0.1 s on a PC.
    pub const LIMIT: Duration = Duration::from_secs(10);

    /// A trial by this program, of at most [`Trial::LIMIT`].
    pub fn by(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            limit: Self::LIMIT,
        }
    }

    /// The same with another limit.
    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Tries a HEF with the library at `library`, or the one that is found by its usual names.
    ///
    /// Fails with [`Error::Trial`]. Where the machine can't execute the program by itself, this
    /// process runs in an emulator, and there is no trial.
    pub fn run(&self, library: Option<&Path>, hef: &CheckedHef) -> Result<(), Error> {
        let mut command = Command::new(&self.program);
        command.arg(Self::VERB);
        if let Some(library) = library {
            command.arg("--library").arg(library);
        }
        command
            .args(["--sha256", &hex(hef.sha256()), "--"])
            .arg(hef.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // What is typed at a terminal is for this process.
            .process_group(0);
        let ended = match command.spawn() {
            Ok(child) => self.watch(child),
            Err(error) if is_for_another_machine(&error) => return Ok(()),
            Err(error) => Err(TrialEnd::Failed {
                said: format!("{} can't be started: {error}", self.program.display()),
            }),
        };
        ended.map_err(|end| Error::Trial {
            path: hef.path().to_owned(),
            end,
        })
    }

    /// Waits for the end, in time or forced.
    fn watch(&self, mut child: Child) -> Result<(), TrialEnd> {
        let deadline = Instant::now() + self.limit;
        let heard = match child.stderr.take() {
            Some(stderr) => listen(stderr, deadline),
            None => Ok(Heard::default()),
        };
        // It has ended, or must. What has ended can't be killed.
        let _ = child.kill();
        let status = reap(&mut child);
        let failed = |error: io::Error| TrialEnd::Failed {
            said: error.to_string(),
        };
        let heard = heard.map_err(failed)?;
        if !heard.to_its_end {
            return Err(TrialEnd::TimedOut { limit: self.limit });
        }
        judge(status.map_err(failed)?, heard.last_line())
    }
}

/// Whether a program is not one for this machine's processor.
fn is_for_another_machine(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error())
}

/// What a program said.
#[derive(Default)]
struct Heard {
    bytes: Vec<u8>,
    /// Whether it closed its standard error, as its end does.
    to_its_end: bool,
}

impl Heard {
    /// Its last line, without the program's name.
    fn last_line(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let last = text
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty());
        let last = last.unwrap_or("it said nothing");
        let last = last.strip_prefix("fastsamd: ").unwrap_or(last);
        last.replace(char::is_control, " ")
    }
}

/// Reads until the end or the deadline, and keeps the latest of it.
fn listen(mut stderr: impl Read + AsFd, deadline: Instant) -> io::Result<Heard> {
    let mut heard = Heard::default();
    let mut piece = [0; 1024];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut waited = [PollFd::new(&stderr, PollFlags::IN)];
        match poll(&mut waited, Some(&timeout)) {
            Ok(0) => return Ok(heard),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match stderr.read(&mut piece) {
            Ok(0) => {
                heard.to_its_end = true;
                return Ok(heard);
            }
            Ok(count) => {
                heard
                    .bytes
                    .extend_from_slice(piece.get(..count).unwrap_or_default());
                let too_many = heard.bytes.len().saturating_sub(MAX_SAID);
                heard.bytes.drain(..too_many);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Waits for a program that ends or was killed.
fn reap(child: &mut Child) -> io::Result<ExitStatus> {
    let deadline = Instant::now() + REAPING;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(status),
            None if Instant::now() >= deadline => {
                return Err(io::Error::other("its process does not end"));
            }
            None => thread::sleep(GLANCE),
        }
    }
}

fn judge(status: ExitStatus, said: String) -> Result<(), TrialEnd> {
    if let Some(signal) = status.signal() {
        return Err(TrialEnd::Killed { signal });
    }
    match status.code() {
        Some(0) => Ok(()),
        Some(HEF_AT_FAULT) => Err(TrialEnd::Refused { said }),
        _ => Err(TrialEnd::Failed { said }),
    }
}
