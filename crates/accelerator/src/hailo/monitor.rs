//! How the chip is, for any thread to see.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hailort::{AlarmReport, Alarms, Architecture, Version, host::PcieLink};

use super::step::Step;

/// What was found out about the device when it was opened.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceReport {
    /// Its PCIe address, if there is no doubt.
    pub device: Option<String>,
    /// The chip.
    pub architecture: Option<Architecture>,
    /// The firmware on it.
    pub firmware: Option<Version>,
    /// libhailort's version.
    pub library_version: Version,
    /// The kernel driver's version.
    pub driver_version: Option<String>,
    /// Speed and width of its link; below 8 GT/s, FastSAM is slower.
    pub pcie_link: Option<PcieLink>,
    /// Whether the chip slows down by itself when it gets hot or draws too much current.
    pub throttling: Option<bool>,
}

/// Whether answers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// They do.
    #[default]
    Running,
    /// Something failed, and steps are taken.
    Recovering,
    /// Nothing helped.
    GivenUp,
}

/// How the chip is doing. All counts grow from the start on.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Health {
    /// Whether answers come.
    pub state: State,
    /// Answers that came.
    pub frames: u64,
    /// Inputs that were taken and never answered.
    pub frames_lost: u64,
    /// Inputs that the chip did not take in time.
    pub frames_refused: u64,
    /// How often the vstreams were made anew.
    pub vstream_restarts: u64,
    /// How often the vdevice was made anew, failed attempts included.
    pub vdevice_restarts: u64,
    /// Calls into the library that did not come back, and were left to their threads.
    pub calls_left_behind: u64,
    /// What the chip told of heat and current.
    pub alarms: AlarmReport,
    /// The last thing that failed.
    pub last_fault: Option<String>,
    /// Degrees Celsius, by the warmer sensor, measured every five seconds.
    pub temperature: Option<f32>,
}

/// A window on the chip; clones share it.
#[derive(Clone, Debug)]
pub struct Monitor {
    device: DeviceReport,
    alarms: Alarms,
    health: Arc<Mutex<Health>>,
}

impl Monitor {
    pub(super) fn new(device: DeviceReport, alarms: Alarms) -> Self {
        Self {
            device,
            alarms,
            health: Arc::default(),
        }
    }

    /// What was found out about the device when it was opened.
    pub fn device(&self) -> &DeviceReport {
        &self.device
    }

    /// How it is doing now.
    pub fn health(&self) -> Health {
        let alarms = self.alarms.report();
        Health {
            alarms,
            ..self.lock().clone()
        }
    }

    pub(super) fn refused(&self, cause: &str) {
        let mut health = self.lock();
        health.frames_refused += 1;
        health.last_fault = Some(cause.to_owned());
    }

    pub(super) fn answered(&self) {
        let mut health = self.lock();
        health.frames += 1;
        health.state = State::Running;
    }

    pub(super) fn failed(&self, cause: &str, lost: usize) {
        let mut health = self.lock();
        health.frames_lost += lost as u64;
        health.last_fault = Some(cause.to_owned());
        health.state = State::Recovering;
    }

    pub(super) fn took(&self, step: Step) {
        let mut health = self.lock();
        match step {
            Step::DropFrame => {}
            Step::RestartVStreams => health.vstream_restarts += 1,
            Step::RestartVDevice => health.vdevice_restarts += 1,
        }
    }

    pub(super) fn left_behind(&self, cause: &str) {
        let mut health = self.lock();
        health.calls_left_behind += 1;
        health.last_fault = Some(cause.to_owned());
    }

    pub(super) fn gave_up(&self) {
        self.lock().state = State::GivenUp;
    }

    pub(super) fn measured(&self, temperature: Option<f32>) {
        self.lock().temperature = temperature;
    }

    fn lock(&self) -> MutexGuard<'_, Health> {
        // Each change is whole in itself.
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
