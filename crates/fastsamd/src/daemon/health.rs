//! How the cameras and the accelerator are: told by their threads, read by the publishing one.
//!
//! A change of state is published at once, by the thread that sees it; counts are read when the
//! next `status` is due.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use accelerator::{
    AcceleratorError, Description,
    hailo::{DeviceReport, Monitor},
};
use mqtt::{
    Delivery, Publisher, Topic,
    message::{AcceleratorStatus, DeviceStatus, Info, State},
};
use tracing::warn;

use super::{
    counters::Counter,
    service::Service,
    stages::{AcceleratorWatcher, CameraWatcher},
};
use crate::config::Config;

/// What is known of a camera.
#[derive(Debug, Default)]
pub(super) struct CameraHealth {
    pub(super) online: AtomicBool,
    pub(super) captured: Counter,
    pub(super) opened: Counter,
}

/// What is known of the accelerator.
#[derive(Debug, Default)]
pub(super) struct AcceleratorHealth {
    online: AtomicBool,
    faults: Counter,
    failed_starts: Counter,
    last_fault: Mutex<Option<String>>,
    /// Set once it has been opened, where it is a chip.
    monitor: OnceLock<Monitor>,
    /// Something happened that a status should tell at once.
    news: AtomicBool,
}

impl AcceleratorHealth {
    /// Whether something has happened since this was last asked.
    pub(super) fn take_news(&self) -> bool {
        self.news.swap(false, Ordering::AcqRel)
    }

    /// The chip's temperature in degrees Celsius.
    pub(super) fn temperature(&self) -> Option<f64> {
        let temperature = self.monitor.get()?.health().temperature?;
        Some((f64::from(temperature) * 10.0).round() / 10.0)
    }

    /// The accelerator's part of the `status` message.
    pub(super) fn status(&self) -> AcceleratorStatus {
        let last_fault = self
            .last_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut steps = BTreeMap::from([("failed_starts".into(), self.failed_starts.get())]);
        if let Some(monitor) = self.monitor.get() {
            let health = monitor.health();
            steps.insert("frames_refused".into(), health.frames_refused);
            steps.insert("frames_lost".into(), health.frames_lost);
            steps.insert("vstream_restarts".into(), health.vstream_restarts);
            steps.insert("vdevice_restarts".into(), health.vdevice_restarts);
        }
        AcceleratorStatus {
            online: self.online.load(Ordering::Relaxed),
            faults: self.faults.get(),
            last_fault: last_fault.clone(),
            recovery: steps,
            device: self.monitor.get().map(|monitor| {
                let device = monitor.device();
                DeviceStatus {
                    address: device.device.clone(),
                    architecture: device.architecture.map(|a| a.to_string()),
                    firmware: device.firmware.map(|version| version.to_string()),
                    library: device.library_version.to_string(),
                    driver: device.driver_version.clone(),
                    pcie_gts: device.pcie_link.map(|link| f64::from(link.speed)),
                    pcie_lanes: device.pcie_link.map(|link| link.width),
                }
            }),
        }
    }
}

/// Publishes a camera's state when it changes.
pub(super) struct StateOfCamera {
    pub(super) publisher: Publisher,
    pub(super) topic: Topic,
    pub(super) health: Arc<CameraHealth>,
    pub(super) service: Service,
}

impl CameraWatcher for StateOfCamera {
    fn opened(&mut self) {
        self.health.opened.increment();
    }

    fn captured(&mut self) {
        self.health.captured.increment();
        self.set(true);
    }

    fn stopped(&mut self) {
        self.set(false);
        // It is tried again, and that may take a while.
        self.service.ready();
    }
}

impl StateOfCamera {
    fn set(&mut self, online: bool) {
        if self.health.online.swap(online, Ordering::Relaxed) != online {
            publish(&self.publisher, &self.topic, online);
        }
    }
}

/// What the daemon says that it is: the `info` message, which grows as more is known.
#[derive(Debug)]
pub(super) struct Announcement {
    publisher: Publisher,
    topic: Topic,
    info: Mutex<Info>,
}

impl Announcement {
    /// Publishes what is known at the start.
    pub(super) fn new(publisher: Publisher, topic: Topic, info: Info) -> anyhow::Result<Arc<Self>> {
        let announcement = Self {
            publisher,
            topic,
            info: Mutex::new(info),
        };
        announcement.change(|_| ())?;
        Ok(Arc::new(announcement))
    }

    /// Publishes a configuration that is in force now.
    pub(super) fn configured(&self, config: &Config) -> anyhow::Result<()> {
        let config = serde_json::to_value(config)?;
        self.change(|info| info.config = config)
    }

    fn change(&self, change: impl FnOnce(&mut Info)) -> anyhow::Result<()> {
        let mut info = self.info.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut info);
        let payload = serde_json::to_vec(&*info)?;
        self.publisher
            .state(&self.topic, &payload, Delivery::AtLeastOnce)?;
        Ok(())
    }
}

/// Publishes the accelerator's state when it changes, and what it is.
pub(super) struct StateOfAccelerator {
    pub(super) publisher: Publisher,
    pub(super) topic: Topic,
    pub(super) announcement: Arc<Announcement>,
    pub(super) health: Arc<AcceleratorHealth>,
}

impl StateOfAccelerator {
    /// It could not be opened, and it will be tried again or not.
    pub(super) fn not_opened(&self, error: &AcceleratorError) {
        self.health.failed_starts.increment();
        self.note(error);
    }

    /// It is ready.
    pub(super) fn opened(
        &self,
        description: &Description,
        monitor: Option<Monitor>,
    ) -> anyhow::Result<()> {
        self.announcement.change(|info| {
            description.network.clone_into(&mut info.network);
            if let Some(monitor) = &monitor {
                info.versions.extend(versions(monitor.device()));
            }
        })?;
        if let Some(monitor) = monitor {
            // There is one opening in the life of a daemon.
            let _ = self.health.monitor.set(monitor);
        }
        self.set(true);
        Ok(())
    }

    fn note(&self, error: &AcceleratorError) {
        let mut last_fault = self
            .health
            .last_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *last_fault = Some(error.to_string());
        drop(last_fault);
        self.health.news.store(true, Ordering::Release);
    }

    fn set(&self, online: bool) {
        if self.health.online.swap(online, Ordering::Relaxed) != online {
            publish(&self.publisher, &self.topic, online);
            self.health.news.store(true, Ordering::Release);
        }
    }
}

impl AcceleratorWatcher for StateOfAccelerator {
    fn answered(&mut self) {
        self.set(true);
    }

    fn failed(&mut self, error: &AcceleratorError) {
        warn!("accelerator: {error}");
        self.health.faults.increment();
        self.note(error);
        self.set(false);
    }
}

fn publish(publisher: &Publisher, topic: &Topic, online: bool) {
    // A state is refused only for its size.
    let _ = publisher.state(topic, State::from(online).payload(), Delivery::AtLeastOnce);
}

/// The versions of what drives a chip, and of what runs on it.
fn versions(device: &DeviceReport) -> Vec<(Cow<'static, str>, String)> {
    let library = ("libhailort".into(), device.library_version.to_string());
    let driver = device.driver_version.clone();
    let firmware = device.firmware.map(|version| version.to_string());
    std::iter::once(library)
        .chain(driver.map(|version| ("hailo_pci".into(), version)))
        .chain(firmware.map(|version| ("firmware".into(), version)))
        .collect()
}
