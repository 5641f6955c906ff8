//! The settings that may change while the daemon runs.
//!
//! The stages read them through a [`Reader`], which costs one atomic load a frame while nothing
//! changes.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use configuration::Config;
use message::MaskFormat;

/// What the stages take from the configuration for each frame.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    pub(crate) segmentation: fastsam::Settings,
    pub(crate) format: MaskFormat,
    pub(crate) summary_interval: Duration,
    pub(crate) status_interval: Duration,
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
pub(crate) struct Live {
    values: Mutex<Values>,
    version: AtomicU64,
}

impl Live {
    pub(crate) fn new(values: Values) -> Arc<Self> {
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
    pub(crate) fn replace(&self, values: Values) {
        *self.values() = values;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// A stage's view.
    pub(crate) fn reader(self: &Arc<Self>) -> Reader {
        Reader {
            seen: self.version.load(Ordering::Acquire),
            values: self.values().clone(),
            live: Arc::clone(self),
        }
    }
}

/// One stage's view of the values.
#[derive(Debug)]
pub(crate) struct Reader {
    live: Arc<Live>,
    seen: u64,
    values: Values,
}

impl Reader {
    /// The values in force now.
    pub(crate) fn now(&mut self) -> &Values {
        let version = self.live.version.load(Ordering::Acquire);
        if version != self.seen {
            self.values = self.live.values().clone();
            self.seen = version;
        }
        &self.values
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
