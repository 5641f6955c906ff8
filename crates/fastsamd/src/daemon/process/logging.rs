//! Log lines on standard error, where systemd's journal and people look.
//!
//! The form follows from who reads: a terminal gets colours unless NO_COLOR is set, journald gets
//! priorities, `log.format: json` gives an object a line. Lines that repeat are summed up
//! ([`repeats`]), and a reader that stops reading holds nobody up ([`writer`]).

mod line;
mod repeats;
mod writer;

use std::{
    env, io,
    io::IsTerminal,
    os::unix::fs::MetadataExt,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use time::OffsetDateTime;
use tracing::{Event, Subscriber, error};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    layer::{Context, SubscriberExt},
    reload,
    util::SubscriberInitExt,
};

use configuration::{Level, Log, LogFormat};

use self::{
    line::{Form, Line},
    repeats::Repeats,
    writer::Writer,
};

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

/// The lines on their way. Dropped, it writes what is left, within a second.
pub(crate) struct Lines(Arc<Core>);

impl Drop for Lines {
    fn drop(&mut self) {
        let rest = self.0.repeats().rest(Instant::now());
        self.0.write(&rest);
        self.0.writer.flush();
    }
}

struct Core {
    form: Form,
    repeats: Mutex<Repeats>,
    writer: Writer,
}

impl Core {
    fn repeats(&self) -> std::sync::MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, lines: &[Line]) {
        let now = OffsetDateTime::now_utc();
        let lost = self.writer.take_lost();
        if lost > 0 {
            let line = Line {
                level: tracing::Level::WARN,
                message: format!("{lost} lines were lost: nobody read standard error"),
                fields: Vec::new(),
                again: None,
            };
            self.writer.write(line.written(self.form, now));
        }
        for line in lines {
            self.writer.write(line.written(self.form, now));
        }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let lines = self.0.repeats().sift(Line::of(event), Instant::now());
        self.0.write(&lines);
    }
}

/// Starts logging.
pub(crate) fn start(settings: &Log) -> anyhow::Result<(LogLevel, Lines)> {
    let core = Arc::new(Core {
        form: form(settings.format),
        repeats: Mutex::default(),
        writer: Writer::start(io::stderr())?,
    });
    let (filter, handle) = reload::Layer::new(filter(settings.level));
    tracing_subscriber::registry()
        .with(filter)
        .with(Lines(Arc::clone(&core)))
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging can't start: {error}"))?;
    Ok((LogLevel { filter: handle }, Lines(core)))
}

fn form(format: LogFormat) -> Form {
    // https://no-color.org: set and not empty.
    let no_colour = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match format {
        LogFormat::Json => Form::Json,
        LogFormat::Text if is_the_journal() => Form::Journal,
        LogFormat::Text => Form::Text {
            colour: io::stderr().is_terminal() && !no_colour,
        },
    }
}

/// Whether standard error is journald's: systemd.exec(5) says to compare its device and inode.
fn is_the_journal() -> bool {
    let Ok(stream) = env::var("JOURNAL_STREAM") else {
        return false;
    };
    let Ok(own) = std::fs::metadata("/proc/self/fd/2") else {
        return false;
    };
    stream == format!("{}:{}", own.dev(), own.ino())
}

/// The embedded broker's own lines are left out but for errors of its start: it reports each client
/// that goes without a word.
fn filter(level: Level) -> EnvFilter {
    EnvFilter::new(format!("{},rumqttd=off,rumqttc=off", level.name()))
}
