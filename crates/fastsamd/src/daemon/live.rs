//! The settings that may change while the daemon runs, and how SIGHUP changes them.
//!
//! The stages read them through a [`Reader`], which costs one atomic load a frame while nothing
//! changes. What needs other cameras, another connection or another network needs a restart, and a
//! reload says so.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use mqtt::MaskFormat;
use tracing::{error, info, warn};

use super::{health::Announcement, logging::LogLevel, service::Service};
use crate::config::Config;

/// What the stages take from the configuration for each frame.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub(super) segmentation: fastsam::Settings,
    pub(super) format: MaskFormat,
    pub(super) summary_interval: Duration,
    pub(super) status_interval: Duration,
}

impl From<&Config> for Values {
    fn from(config: &Config) -> Self {
        Self {
            segmentation: (&config.segmentation).into(),
            format: config.publish.format(),
            summary_interval: Duration::from_secs_f64(config.publish.summary_interval_s),
            status_interval: Duration::from_secs_f64(config.publish.status_interval_s),
        }
    }
}

/// The values in force.
#[derive(Debug)]
pub(super) struct Live {
    values: Mutex<Values>,
    version: AtomicU64,
}

impl Live {
    pub(super) fn new(values: Values) -> Arc<Self> {
        Arc::new(Self {
            values: Mutex::new(values),
            version: AtomicU64::new(0),
        })
    }

    fn values(&self) -> MutexGuard<'_, Values> {
        // The values are replaced as a whole.
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other values in force, from each stage's next frame on.
    pub(super) fn replace(&self, values: Values) {
        *self.values() = values;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// A stage's view.
    pub(super) fn reader(self: &Arc<Self>) -> Reader {
        Reader {
            seen: self.version.load(Ordering::Acquire),
            values: self.values().clone(),
            live: Arc::clone(self),
        }
    }
}

/// One stage's view of the values.
#[derive(Debug)]
pub(super) struct Reader {
    live: Arc<Live>,
    seen: u64,
    values: Values,
}

impl Reader {
    /// The values in force now.
    pub(super) fn now(&mut self) -> &Values {
        let version = self.live.version.load(Ordering::Acquire);
        if version != self.seen {
            self.values = self.live.values().clone();
            self.seen = version;
        }
        &self.values
    }
}

/// What a reload needs.
pub(super) struct Reload {
    pub(super) live: Arc<Live>,
    pub(super) log_level: LogLevel,
    pub(super) announcement: Arc<Announcement>,
    pub(super) service: Service,
}

impl Reload {
    /// Reads the file again and puts in force what can be. What is wrong with it, or can't be put
    /// in force, is logged; the daemon goes on either way.
    pub(super) fn read_again(&self, path: &Path, in_force: &mut Config) {
        self.service.reloading();
        match Config::load(path) {
            Ok(new) => self.apply(new, in_force),
            Err(wrong) => error!("{wrong}; the configuration in force stays"),
        }
        self.service.reloaded();
    }

    fn apply(&self, new: Config, in_force: &mut Config) {
        let fixed = [
            ("node", new.node == in_force.node),
            ("mqtt", new.mqtt == in_force.mqtt),
            ("accelerator", new.accelerator == in_force.accelerator),
            ("cameras", new.cameras == in_force.cameras),
            ("prompts", new.prompts == in_force.prompts),
            ("text", new.text == in_force.text),
            (
                "state_directory",
                new.state_directory == in_force.state_directory,
            ),
        ];
        let changed: Vec<_> = fixed
            .into_iter()
            .filter_map(|(section, same)| (!same).then_some(section))
            .collect();
        if !changed.is_empty() {
            warn!(
                "changed, but in force only after a restart: {}",
                changed.join(", ")
            );
        }
        in_force.segmentation = new.segmentation;
        in_force.publish = new.publish;
        in_force.log = new.log;
        self.live.replace((&*in_force).into());
        self.log_level.set(in_force.log.level);
        match self.announcement.configured(in_force) {
            Ok(()) => info!("configuration read again"),
            Err(error) => error!("info was not published: {error:#}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_sees_a_change_at_its_next_look() {
        let live = Live::new((&Config::default()).into());
        let mut reader = live.reader();
        assert_eq!(reader.now().status_interval, Duration::from_secs(30));
        let mut config = Config::default();
        config.publish.status_interval_s = 2.0;
        config.segmentation.confidence = 0.5;
        live.replace((&config).into());
        assert_eq!(reader.now().status_interval, Duration::from_secs(2));
        assert_eq!(reader.now().segmentation.confidence, 0.5);
    }
}
