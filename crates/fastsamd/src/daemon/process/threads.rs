//! The daemon's threads: named, watched over, and never silently gone.
//!
//! Invariant: once the end is asked for, no thread is waited for longer than [`LEAVE_TIME`]. One that
//! is held up in a library, or in a long computation, is left behind and told.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::Context;
use tracing::warn;

use super::{
    shutdown::Shutdown,
    systemd::{Heartbeat, Service},
};
use crate::bug::guarded;

/// The longest any blocking call of the daemon waits before it looks around.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

/// How long threads may take to end once the end was asked for.
const LEAVE_TIME: Duration = Duration::from_millis(1600);

/// How often the end of a thread is looked for while nobody has asked for it, and once somebody has. The first goes on
/// for months.
const LOOK_SELDOM: Duration = Duration::from_millis(100);
const LOOK_OFTEN: Duration = Duration::from_millis(5);

/// Threads that were not waited for.
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// Threads of the daemon that did not end in time, in the whole process.
pub(crate) fn left_behind() -> usize {
    LEFT_BEHIND.load(Ordering::Relaxed)
}

/// Starts threads whose failure or panic ends the daemon.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    pub(crate) shutdown: Shutdown,
    pub(crate) service: Service,
}

impl Threads {
    /// Starts a thread with a heartbeat of its own.
    pub(crate) fn spawn(
        &self,
        name: &str,
        body: impl FnOnce(&Heartbeat) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<()>> {
        let heartbeat = self.service.heartbeat(name);
        self.spawn_unwatched(name, move || body(&heartbeat))
    }

    /// Starts a thread that may stand still as long as it likes.
    pub(crate) fn spawn_unwatched(
        &self,
        name: &str,
        body: impl FnOnce() -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<()>> {
        let shutdown = self.shutdown.clone();
        let named = name.to_owned();
        let guarded = move || match guarded(body) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => shutdown.fail(error),
            Err(bug) => shutdown.fail(bug.context(format!("the {named} thread ended"))),
        };
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(guarded);
        // Those that run already end by themselves.
        spawned
            .inspect_err(|_| self.shutdown.request())
            .with_context(|| format!("no {name} thread"))
    }
}

/// Notes a thread that is not waited for.
pub(crate) fn leave_behind() {
    LEFT_BEHIND.fetch_add(1, Ordering::Relaxed);
}

/// Waits for the end of threads. After the end was asked for, those that hang are left behind.
pub(crate) fn join(threads: impl IntoIterator<Item = JoinHandle<()>>, shutdown: &Shutdown) {
    join_with_grace(threads, shutdown, Duration::ZERO);
}

/// The same, but each thread has so much time in any case.
pub(crate) fn join_with_grace(
    threads: impl IntoIterator<Item = JoinHandle<()>>,
    shutdown: &Shutdown,
    grace: Duration,
) {
    for thread in threads {
        let started = Instant::now();
        while !thread.is_finished() {
            if shutdown
                .requested_at()
                .is_some_and(|at| at.elapsed() > LEAVE_TIME && started.elapsed() >= grace)
            {
                break;
            }
            if shutdown.wait(LOOK_SELDOM) {
                thread::sleep(LOOK_OFTEN);
            }
        }
        if thread.is_finished() {
            // A panic has been turned into the daemon's failure where it happened.
            let _ = thread.join();
        } else {
            leave_behind();
            let name = thread.thread().name().unwrap_or("unnamed").to_owned();
            warn!("the {name} thread has not ended within {LEAVE_TIME:?}, and is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_thread_that_hangs_is_left_behind_once_the_end_is_asked_for() {
        let (let_go, wait) = mpsc::channel::<()>();
        let hangs = thread::spawn(move || {
            let _ = wait.recv();
        });
        let ends = thread::spawn(|| ());
        let shutdown = Shutdown::new();
        shutdown.request();
        let started = Instant::now();
        join([hangs, ends], &shutdown);
        assert!(started.elapsed() >= LEAVE_TIME);
        assert_eq!(left_behind(), 1);
        drop(let_go);
    }
}
