//! SIGINT and SIGTERM end the daemon, a second one at once; SIGHUP has the configuration read again.

use std::{path::PathBuf, thread};

use anyhow::Context;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use tracing::{info, warn};

use super::{live::Reload, shutdown::Shutdown};
use crate::config::Config;

/// Starts the thread that acts on signals; it lives as long as the process.
pub(super) fn act(
    shutdown: &Shutdown,
    reload: Reload,
    file: Option<PathBuf>,
    mut in_force: Config,
) -> anyhow::Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals can't be handled")?;
    let shutdown = shutdown.clone();
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                match (signal, &file) {
                    (SIGHUP, Some(file)) => reload.read_again(file, &mut in_force),
                    (SIGHUP, None) => warn!("there is no configuration file to read again"),
                    _ if shutdown.is_requested() => std::process::exit(128 + signal),
                    _ => {
                        info!(signal, "stopping");
                        shutdown.request();
                    }
                }
            }
        })?;
    Ok(())
}
