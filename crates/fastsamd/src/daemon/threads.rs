//! The daemon's threads: named, watched over, and never silently gone.

use std::thread::{self, JoinHandle};

use anyhow::Context;

use super::{
    service::{Heartbeat, Service},
    shutdown::Shutdown,
};

/// Starts threads whose failure or panic ends the daemon.
#[derive(Clone, Debug)]
pub(super) struct Threads {
    pub(super) shutdown: Shutdown,
    pub(super) service: Service,
}

impl Threads {
    /// Starts a thread with a heartbeat of its own.
    pub(super) fn spawn(
        &self,
        name: &str,
        body: impl FnOnce(&Heartbeat) -> anyhow::Result<()> + Send + 'static,
    ) -> anyhow::Result<JoinHandle<()>> {
        let shutdown = self.shutdown.clone();
        let heartbeat = self.service.heartbeat(name);
        let named = name.to_owned();
        let guarded = move || {
            // What the body held is dropped with it; nothing is used after a panic.
            let body = std::panic::AssertUnwindSafe(|| body(&heartbeat));
            match std::panic::catch_unwind(body) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => shutdown.fail(error),
                Err(_) => shutdown.fail(anyhow::anyhow!("the {named} thread met a bug and ended")),
            }
        };
        let spawned = thread::Builder::new().name(name.to_owned()).spawn(guarded);
        // Those that run already end by themselves.
        spawned
            .inspect_err(|_| self.shutdown.request())
            .with_context(|| format!("no {name} thread"))
    }
}

/// Waits for the end of threads.
pub(super) fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    for thread in threads {
        // A panic has been turned into the daemon's failure where it happened.
        let _ = thread.join();
    }
}
