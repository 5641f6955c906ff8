//! How the cameras and the accelerator are: told by their threads, read by whoever reports it.
//!
//! Everything here is shared and only counts or remembers; it publishes nothing.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use accelerator::{AcceleratorError, hailo::Monitor};
use hailort::TemperatureZone;
use message::{AcceleratorStatus, AlarmStatus, CameraStatus, DeviceStatus};

use super::{pipeline::counters::Counter, rate::Rate};

/// What is known of a camera.
#[derive(Debug, Default)]
pub(crate) struct CameraHealth {
    pub(crate) online: AtomicBool,
    captured: Counter,
    pub(crate) opened: Counter,
    rate: Mutex<Rate>,
    /// Why the last frames were the last.
    stopped: Mutex<Option<String>>,
}

impl CameraHealth {
    /// A frame came.
    pub(crate) fn captured(&self, now: Instant) {
        self.captured.increment();
        self.rate().count(now);
    }

    /// No frames come any more.
    pub(crate) fn note_stop(&self, why: String) {
        *self.stopped() = Some(why);
    }

    /// Why no frames come, where they ever came or should have come.
    pub(crate) fn why_stopped(&self) -> Option<String> {
        self.stopped().clone()
    }

    fn stopped(&self) -> MutexGuard<'_, Option<String>> {
        // The text is replaced as a whole.
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rate(&self) -> MutexGuard<'_, Rate> {
        // Numbers alone: none is half-way through a change.
        self.rate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The camera's part of the `status` message.
    pub(crate) fn status(&self, now: Instant) -> CameraStatus {
        CameraStatus {
            online: self.online.load(Ordering::Relaxed),
            fps: self.rate().per_second(now),
            captured: self.captured.get(),
            reconnects: self.opened.get().saturating_sub(1),
        }
    }
}

/// What is known of the accelerator.
#[derive(Debug, Default)]
pub(crate) struct AcceleratorHealth {
    pub(crate) online: AtomicBool,
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
    pub(crate) fn take_news(&self) -> bool {
        self.news.swap(false, Ordering::AcqRel)
    }

    /// A status should be told at once.
    pub(crate) fn note_news(&self) {
        self.news.store(true, Ordering::Release);
    }

    /// It could not be opened.
    pub(crate) fn note_failed_start(&self, error: &AcceleratorError) {
        self.failed_starts.increment();
        self.note(error);
    }

    /// It failed at work.
    pub(crate) fn note_fault(&self, error: &AcceleratorError) {
        self.faults.increment();
        self.note(error);
    }

    fn note(&self, error: &AcceleratorError) {
        *self.last_fault() = Some(error.to_string());
        self.note_news();
    }

    fn last_fault(&self) -> MutexGuard<'_, Option<String>> {
        // The text is replaced as a whole.
        self.last_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// It is a chip that can be looked at. There is one opening in the life of a daemon.
    pub(crate) fn watch(&self, monitor: Monitor) {
        let _ = self.monitor.set(monitor);
    }

    /// The chip's temperature in degrees Celsius.
    pub(crate) fn temperature(&self) -> Option<f64> {
        let temperature = self.monitor.get()?.health().temperature?;
        Some((f64::from(temperature) * 10.0).round() / 10.0)
    }

    /// The accelerator's part of the `status` message.
    pub(crate) fn status(&self) -> AcceleratorStatus {
        let mut steps = BTreeMap::from([("failed_starts".into(), self.failed_starts.get())]);
        if let Some(monitor) = self.monitor.get() {
            let health = monitor.health();
            steps.insert("frames_refused".into(), health.frames_refused);
            steps.insert("frames_lost".into(), health.frames_lost);
            steps.insert("vstream_restarts".into(), health.vstream_restarts);
            steps.insert("vdevice_restarts".into(), health.vdevice_restarts);
            steps.insert("calls_left_behind".into(), health.calls_left_behind);
        }
        AcceleratorStatus {
            online: self.online.load(Ordering::Relaxed),
            faults: self.faults.get(),
            last_fault: self.last_fault().clone(),
            recovery: steps,
            device: self.monitor.get().map(device_status),
            alarms: self.monitor.get().map(alarm_status),
        }
    }
}

fn alarm_status(monitor: &Monitor) -> AlarmStatus {
    let alarms = monitor.health().alarms;
    AlarmStatus {
        temperature: match alarms.temperature_zone {
            TemperatureZone::Green => "none",
            TemperatureZone::Orange => "hot",
            TemperatureZone::Red => "too_hot",
        }
        .into(),
        temperature_alarms: alarms.temperature_alarms,
        overcurrent: alarms.is_overcurrent,
        overcurrent_alarms: alarms.overcurrent_alarms,
    }
}

fn device_status(monitor: &Monitor) -> DeviceStatus {
    let device = monitor.device();
    DeviceStatus {
        address: device.device.clone(),
        architecture: device.architecture.map(|a| a.to_string()),
        firmware: device.firmware.map(|version| version.to_string()),
        library: device.library_version.to_string(),
        driver: device.driver_version.clone(),
        pcie_gts: device.pcie_link.map(|link| f64::from(link.speed)),
        pcie_lanes: device.pcie_link.map(|link| link.width),
        throttling_enabled: device.throttling,
    }
}
