//! How the cameras and the accelerator are: told by their threads, read by the publishing one.
//!
//! A change of state is published at once, by the thread that sees it; counts are read when the
//! next `status` is due.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use accelerator::{AcceleratorError, Description, hailo::Monitor};
use mqtt::{
    Delivery, Publisher, Topic,
    message::{AcceleratorStatus, DeviceStatus, Info, State},
};
use tracing::warn;

use super::{
    counters::Counter,
    stages::{AcceleratorWatcher, CameraWatcher},
};

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
    }
}

impl StateOfCamera {
    fn set(&mut self, online: bool) {
        if self.health.online.swap(online, Ordering::Relaxed) != online {
            publish(&self.publisher, &self.topic, online);
        }
    }
}

/// Publishes the accelerator's state when it changes, and what it is.
pub(super) struct StateOfAccelerator {
    pub(super) publisher: Publisher,
    pub(super) topic: Topic,
    pub(super) info_topic: Topic,
    pub(super) info: Info,
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
        &mut self,
        description: &Description,
        monitor: Option<Monitor>,
    ) -> anyhow::Result<()> {
        description.network.clone_into(&mut self.info.network);
        if let Some(monitor) = monitor {
            let device = monitor.device();
            let versions = &mut self.info.versions;
            versions.insert("libhailort".into(), device.library_version.to_string());
            if let Some(driver) = &device.driver_version {
                versions.insert("hailo_pci".into(), driver.clone());
            }
            if let Some(firmware) = device.firmware {
                versions.insert("firmware".into(), firmware.to_string());
            }
            // There is one opening in the life of a daemon.
            let _ = self.health.monitor.set(monitor);
        }
        let info = serde_json::to_vec(&self.info)?;
        self.publisher
            .state(&self.info_topic, &info, Delivery::AtLeastOnce)?;
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
