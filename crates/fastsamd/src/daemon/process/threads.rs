//! The daemon's threads: named, watched over, and never silently gone.

use std::{
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::Context;

use super::{
    shutdown::Shutdown,
    systemd::{Heartbeat, Service},
};
use crate::bug::guarded;

/// The longest any blocking call of the daemon waits before it looks around.
pub(crate) const PATIENCE: Duration = Duration::from_millis(500);

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

/// Waits for the end of threads.
pub(crate) fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        // A panic has been turned into the daemon's failure where it happened.
        let _ = thread.join();
    }
}
