//! SIGINT and SIGTERM end the daemon, a second one at once; SIGHUP has something read again.

use anyhow::Context;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use tracing::info;

use super::threads::Threads;

/// Starts the thread that acts on signals; it lives as long as the process. Should it meet a bug,
/// the daemon ends: nobody would hear SIGTERM any more.
pub(crate) fn act(
    threads: &Threads,
    mut hang_up: impl FnMut() + Send + 'static,
) -> anyhow::Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals can't be handled")?;
    let shutdown = threads.shutdown.clone();
    threads.spawn_unwatched("signals", move || {
        for signal in signals.forever() {
            match signal {
                SIGHUP => hang_up(),
                _ if shutdown.is_requested() => std::process::exit(128 + signal),
                _ => {
                    info!(signal, "stopping");
                    shutdown.request();
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}
