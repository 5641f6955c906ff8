//! Log lines on standard error, where systemd's journal and people look.

use std::io::IsTerminal;

use tracing::error;
use tracing_subscriber::{
    EnvFilter, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use configuration::Level;

/// From which level on lines are written; may change.
pub(crate) struct LogLevel {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LogLevel {
    /// Writes lines from this level on.
    pub(crate) fn set(&self, level: Level) {
        if let Err(error) = self.filter.reload(filter(level)) {
            error!("the log level stays: {error}");
        }
    }
}

/// Starts logging from this level on.
pub(crate) fn start(level: Level) -> anyhow::Result<LogLevel> {
    let (filter, handle) = reload::Layer::new(filter(level));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging can't start: {error}"))?;
    Ok(LogLevel { filter: handle })
}

/// The embedded broker's own lines are left out but for errors of its start: it reports each client
/// that goes without a word.
fn filter(level: Level) -> EnvFilter {
    EnvFilter::new(format!("{},rumqttd=off,rumqttc=off", level.name()))
}
