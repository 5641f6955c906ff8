//! Log lines on standard error, where systemd's journal and people look.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Level;

/// Starts logging from this level on. The embedded broker's own lines are left out but for errors of
/// its start: it reports each client that goes without a word.
pub(super) fn start(level: Level) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{},rumqttd=off,rumqttc=off", level.name()))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging can't start: {error}"))
}
