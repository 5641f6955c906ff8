//! Starting a child, reading from it, and ending it with all that it started.

use std::{
    io::{self, ErrorKind, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    path::Path,
    process::{self, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_setfl},
    pipe::fcntl_setpipe_size,
    process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid},
};

use super::{
    redaction::Redaction,
    words::{Listener, Log, Words},
};
use crate::CameraError;

/// How long a child may take to end itself when it is asked to.
const GRACE: Duration = Duration::from_millis(300);

/// How long a killed child may take to vanish; one that doesn't hangs in the kernel.
const REAPING: Duration = Duration::from_millis(500);

/// Between two looks at whether a child has ended.
const GLANCE: Duration = Duration::from_millis(2);

/// Bytes that a pipe should hold: fewer changes between child and reader than with the usual 64 KiB.
const PIPE_BYTES: usize = 1 << 20;

/// What reading from a child brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing in time.
    Nothing,
    /// It has closed its output.
    End,
}

/// A running child.
pub(crate) struct Child {
    program: String,
    process: process::Child,
    stdout: process::ChildStdout,
    stderr: Option<process::ChildStderr>,
    words: Words,
    /// Once it was reaped; its number may be anybody's from then on.
    status: Option<ExitStatus>,
}

/// A program that is to be run, and what to say where it can't.
pub(crate) struct Program<'a> {
    pub path: &'a Path,
    /// What brings it.
    pub package: &'static str,
    /// Who listens to what it says.
    pub listener: Listener,
    /// What it finds on standard input: at most a pipe's 64 KiB, as nobody waits until it was read.
    pub input: Vec<u8>,
}

impl Child {
    /// Starts `command`, whose program is `program`.
    pub(crate) fn start(
        program: Program<'_>,
        mut command: Command,
        redaction: Redaction,
        log: Log,
    ) -> Result<Self, CameraError> {
        let name = program.path.display().to_string();
        let failed = |error: io::Error| CameraError::Program {
            program: program.path.display().to_string(),
            cause: format!("can't be started: {error}"),
        };
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| match error.kind() {
                ErrorKind::NotFound => CameraError::ProgramMissing {
                    program: name.clone(),
                    package: program.package,
                },
                _ => failed(error),
            })?;
        let pipes = (
            process.stdin.take(),
            process.stdout.take(),
            process.stderr.take(),
        );
        let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(failed(ErrorKind::BrokenPipe.into()));
        };
        let child = Self {
            program: name,
            process,
            stdout,
            stderr: Some(stderr),
            words: Words::new(redaction, program.listener, log),
            status: None,
        };
        // From here on an error drops, and so kills, the child.
        let nonblocking = |fd| fcntl_setfl(fd, OFlags::NONBLOCK).map_err(io::Error::from);
        nonblocking(child.stdout.as_fd()).map_err(failed)?;
        if let Some(stderr) = &child.stderr {
            nonblocking(stderr.as_fd()).map_err(failed)?;
        }
        // A child that has ended without reading says why itself.
        let _ = stdin.write_all(&program.input);
        // A smaller pipe works too.
        let _ = fcntl_setpipe_size(&child.stdout, PIPE_BYTES);
        Ok(child)
    }

    /// Reads what is there into `buffer`, which is not empty, or waits for something until
    /// `deadline`.
    pub(crate) fn read(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<Brought, CameraError> {
        loop {
            match self.stdout.read(buffer) {
                Ok(0) => return Ok(Brought::End),
                Ok(bytes) => return Ok(Brought::Bytes(bytes)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !self.wait(deadline)? {
                        return Ok(Brought::Nothing);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.failure(format!("can't be read from: {error}"))),
            }
        }
    }

    /// Waits until there is something to read, or says `false` at the deadline. Listens meanwhile.
    fn wait(&mut self, deadline: Instant) -> Result<bool, CameraError> {
        loop {
            self.listen();
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).unwrap_or(Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            });
            let ready = PollFlags::IN;
            let mut fds = [
                PollFd::new(&self.stdout, ready),
                PollFd::new(&self.stdout, PollFlags::empty()),
            ];
            if let Some(stderr) = &self.stderr {
                fds[1] = PollFd::new(stderr, ready);
            }
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return Ok(false),
                Ok(_) if !fds[0].revents().is_empty() => return Ok(true),
                // It said something, or a signal came.
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(self.failure(format!("can't be waited for: {error}"))),
            }
            if left.is_zero() {
                return Ok(false);
            }
        }
    }

    /// Takes what it has said on standard error.
    pub(crate) fn listen(&mut self) {
        if let Some(stderr) = &mut self.stderr
            && !self.words.read(stderr)
        {
            self.stderr = None;
        }
    }

    /// How it ended, once it has closed its output; it is given [`GRACE`] to do the rest.
    pub(crate) fn end(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() && self.has_ended_within(GRACE) {
            self.reap();
        }
        self.listen();
        self.status
    }

    /// Kills what is left of the group, and takes the child's status; it must have ended.
    fn reap(&mut self) {
        self.signal(Signal::KILL);
        self.status = self.process.wait().ok();
    }

    /// An error of this program, with its last words.
    pub(crate) fn failure(&mut self, cause: String) -> CameraError {
        self.listen();
        CameraError::Program {
            program: self.program.clone(),
            cause: match self.words.last() {
                "" => cause,
                last => format!("{cause}: {last}"),
            },
        }
    }

    /// Waits without reaping: until that is done, nobody else can be given its number.
    fn has_ended_within(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        loop {
            match waitid(WaitId::Pid(Pid::from_child(&self.process)), options) {
                Ok(None) if Instant::now() < deadline => thread::sleep(GLANCE),
                Ok(None) => return false,
                // An error says that it was reaped before.
                Ok(Some(_)) | Err(_) => return true,
            }
        }
    }

    /// Signals the whole group. Only before the child is reaped: its number is its own till then.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(Pid::from_child(&self.process), signal);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.status.is_some() {
            return;
        }
        self.signal(Signal::TERM);
        self.has_ended_within(GRACE);
        self.signal(Signal::KILL);
        if self.has_ended_within(REAPING) {
            self.reap();
        }
    }
}
