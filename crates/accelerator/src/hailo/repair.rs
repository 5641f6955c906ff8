//! The reader's chip: running, being made anew, or given up; and the steps between these.
//!
//! ```text
//! Running ──fault──► Waiting ──due──► Making ──made──► Running
//!    └──fault that costs the vdevice──► Releasing ──released, or left behind──► Waiting
//! ```
//!
//! A library whose release of a device never came back takes no other one (seen on 4.23): then the
//! only thing that helps is a new process, once there is a device again.
//!
//! Whatever may not come back runs as an [`Errand`]; so each call here has a bound, and the end of
//! the writer is noticed meanwhile.

use std::{
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use hailort::{Alarms, DeviceId, Hef, InputVStream, Library, Status};

use super::{
    chip::{self, Chip, check_layout},
    errand::{Errand, Progress, within},
    error::HailoError,
    flow::Flow,
    monitor::Monitor,
    recovery::{Decision, Ladder},
    settings::HailoSettings,
    step::Step,
};
use crate::AcceleratorError;
use tensors::{Layout, NamesError};

/// Taking a device and loading the network; a second or so where all is well.
const START_LIMIT: Duration = Duration::from_secs(5);
/// Releasing a device. What hangs is released after the input's timeouts of all that is under way,
/// half a second together; what was removed is never released.
const RELEASE_LIMIT: Duration = Duration::from_secs(1);
/// A write that is under way when everything stops.
const WRITE_LIMIT: Duration = Duration::from_millis(200);
/// Looking for what went wrong.
const LOOK_LIMIT: Duration = Duration::from_millis(200);
/// The driver waits 5 s for an answer of the chip's firmware.
const MEASURE_LIMIT: Duration = Duration::from_secs(6);
/// How often the temperature is measured.
const MEASURE_EVERY: Duration = Duration::from_secs(5);
/// How often the end of the writer is looked for while an errand is under way.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a chip is started with, as often as it takes.
pub(super) struct Plant {
    pub(super) settings: Arc<HailoSettings>,
    pub(super) hef: Hef,
    pub(super) library: Library,
    pub(super) alarms: Alarms,
}

type Made = Result<(Chip, InputVStream), HailoError>;

impl Plant {
    /// Begins to take a device.
    pub(super) fn start(&self) -> Result<Errand<Made>, HailoError> {
        let (library, hef) = (self.library.clone(), self.hef.clone());
        let (settings, alarms) = (Arc::clone(&self.settings), self.alarms.clone());
        Errand::begin("taking the Hailo device", START_LIMIT, move || {
            Chip::start(&library, &hef, &settings, &alarms)
        })
    }
}

/// What is to be released: in this order.
#[derive(Default)]
struct Remains {
    input: Option<InputVStream>,
    chip: Option<Chip>,
}

impl Remains {
    fn are_none(&self) -> bool {
        self.input.is_none() && self.chip.is_none()
    }

    fn release(self) -> Result<Errand<()>, HailoError> {
        Errand::begin("releasing the Hailo device", RELEASE_LIMIT, move || {
            let Self { input, chip } = self;
            drop(input);
            drop(chip);
        })
    }
}

enum Condition {
    Running(Chip),
    /// A step is decided, and due then.
    Waiting {
        step: Step,
        at: Instant,
        remains: Remains,
    },
    /// The vdevice is held no longer than needed: a device that comes back is a new one.
    Releasing {
        errand: Errand<()>,
        at: Instant,
    },
    Making {
        errand: Errand<Made>,
    },
    GivenUp {
        attempts: u32,
        cause: Arc<HailoError>,
    },
    /// Between two conditions; never seen from outside.
    Changing,
}

/// The chip, whatever its condition.
pub(super) struct Repair {
    condition: Condition,
    ladder: Ladder,
    flow: Arc<Flow>,
    monitor: Monitor,
    layout: Layout,
    plant: Plant,
    /// A release was left behind.
    stuck: bool,
    measuring: Option<Errand<Option<f32>>>,
    measure_at: Instant,
}

impl Repair {
    pub(super) fn new(chip: Chip, flow: Arc<Flow>, monitor: Monitor, plant: Plant) -> Self {
        Self {
            layout: chip.layout.clone(),
            condition: Condition::Running(chip),
            ladder: Ladder::default(),
            flow,
            monitor,
            plant,
            stuck: false,
            measuring: None,
            measure_at: Instant::now(),
        }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn name_classes(&mut self, names: Vec<String>) -> Result<(), NamesError> {
        self.layout.name_classes(names)
    }

    pub(super) fn settings(&self) -> &HailoSettings {
        &self.plant.settings
    }

    /// The chip, if it runs.
    pub(super) fn chip(&mut self) -> Option<&mut Chip> {
        match &mut self.condition {
            Condition::Running(chip) => Some(chip),
            _ => None,
        }
    }

    /// An answer came.
    pub(super) fn answered(&mut self) {
        self.monitor.answered();
        self.ladder.answered();
        self.measure();
    }

    /// Goes on with what is to be done until the chip runs, at most `timeout`.
    pub(super) fn go_on(&mut self, timeout: Duration) -> Result<(), AcceleratorError> {
        let deadline = Instant::now() + timeout;
        loop {
            match mem::replace(&mut self.condition, Condition::Changing) {
                Condition::Running(chip) => {
                    self.condition = Condition::Running(chip);
                    return Ok(());
                }
                Condition::Waiting { step, at, remains } => {
                    self.flow.pause(at.min(deadline));
                    if Instant::now() < at || self.flow.is_writer_gone() {
                        self.condition = Condition::Waiting { step, at, remains };
                        return Err(self.not_yet(timeout));
                    }
                    self.take(step, remains)?;
                }
                Condition::Releasing { errand, at } => match self.watch(&errand, deadline) {
                    Progress::Done(()) => self.condition = restart_vdevice(at),
                    Progress::UnderWay => {
                        self.condition = Condition::Releasing { errand, at };
                        return Err(self.not_yet(timeout));
                    }
                    Progress::Overdue(error) => {
                        self.condition = restart_vdevice(at);
                        self.stuck = true;
                        let cause = Arc::new(error);
                        self.monitor.left_behind(&cause.to_string());
                        let (lost, step) = (0, Step::RestartVDevice);
                        return Err(HailoError::Fault { cause, lost, step }.into());
                    }
                },
                Condition::Making { errand } => match self.watch(&errand, deadline) {
                    Progress::Done(made) => return self.made(made),
                    Progress::UnderWay => {
                        self.condition = Condition::Making { errand };
                        return Err(self.not_yet(timeout));
                    }
                    Progress::Overdue(error) => {
                        self.monitor.left_behind(&error.to_string());
                        return Err(self.decide(Arc::new(error), 0, Remains::default()).into());
                    }
                },
                Condition::GivenUp { attempts, cause } => {
                    let error = HailoError::GaveUp {
                        attempts,
                        cause: Arc::clone(&cause),
                    };
                    self.condition = Condition::GivenUp { attempts, cause };
                    return Err(error.into());
                }
                Condition::Changing => return Err(AcceleratorError::Closed),
            }
        }
    }

    fn not_yet(&self, timeout: Duration) -> AcceleratorError {
        if self.flow.is_writer_gone() {
            AcceleratorError::Closed
        } else {
            AcceleratorError::Timeout(timeout)
        }
    }

    /// Waits for an errand until the deadline, or the end of the writer.
    fn watch<T: Send + 'static>(&self, errand: &Errand<T>, deadline: Instant) -> Progress<T> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match errand.wait(left.min(LOOK_EVERY)) {
                Progress::UnderWay if left > LOOK_EVERY && !self.flow.is_writer_gone() => {}
                progress => return progress,
            }
        }
    }

    /// Begins a step that is due.
    fn take(&mut self, step: Step, remains: Remains) -> Result<(), AcceleratorError> {
        self.monitor.took(step);
        if self.stuck {
            let error = match self.devices() {
                Some(devices) if devices.is_empty() => HailoError::NoDevice {
                    driver: self.plant.settings.sysfs.driver_version(),
                },
                _ => HailoError::Stuck,
            };
            return Err(self.decide(Arc::new(error), 0, remains).into());
        }
        let begun = match (step, remains) {
            (
                Step::RestartVStreams,
                Remains {
                    input,
                    chip: Some(mut chip),
                },
            ) => {
                let settings = Arc::clone(&self.plant.settings);
                // The old vstreams are released first.
                let limit = RELEASE_LIMIT + START_LIMIT;
                Errand::begin("making the vstreams anew", limit, move || {
                    drop(input);
                    let input = chip.restart_vstreams(&settings)?;
                    Ok((chip, input))
                })
            }
            _ => self.plant.start(),
        };
        match begun {
            Ok(errand) => {
                self.condition = Condition::Making { errand };
                Ok(())
            }
            Err(error) => Err(self.decide(Arc::new(error), 0, Remains::default()).into()),
        }
    }

    /// Takes over what was made.
    fn made(&mut self, made: Made) -> Result<(), AcceleratorError> {
        match made.and_then(|(chip, input)| {
            check_layout(&self.layout, &chip.layout)?;
            Ok((chip, input))
        }) {
            Ok((chip, input)) => {
                self.condition = Condition::Running(chip);
                self.flow.resume(input);
                Ok(())
            }
            Err(error) => Err(self.decide(Arc::new(error), 0, Remains::default()).into()),
        }
    }

    /// Stops everything after a fault, and decides what to do.
    pub(super) fn fail(&mut self, cause: Arc<HailoError>) -> HailoError {
        let (input, lost) = self.flow.stop(WRITE_LIMIT);
        self.end_measuring();
        let chip = match mem::replace(&mut self.condition, Condition::Changing) {
            Condition::Running(chip) => Some(chip),
            _ => None,
        };
        let cause = self.examine(&cause, chip.as_ref()).map_or(cause, Arc::new);
        self.decide(cause, lost, Remains { input, chip })
    }

    /// What was behind an error that says little: the device may be gone, or too hot.
    fn examine(&self, error: &HailoError, chip: Option<&Chip>) -> Option<HailoError> {
        let device = chip.and_then(|chip| chip.device.device.as_deref());
        if let Some(found) = self.devices()
            && !found
                .iter()
                .any(|id| device.is_none_or(|device| id.as_str() == device))
        {
            let device = device.map(str::to_owned);
            return Some(HailoError::Removed { device });
        }
        match (error, chip) {
            (HailoError::Runtime(runtime), Some(chip))
                if runtime.status() == Some(Status::STREAM_ABORT) =>
            {
                let measure = chip.thermometer();
                let temperature = within(LOOK_LIMIT, "measuring the temperature", measure);
                let temperature = temperature.ok().flatten();
                self.monitor.measured(temperature);
                Some(HailoError::Aborted { temperature })
            }
            _ => None,
        }
    }

    /// The devices on the bus, if the library says.
    fn devices(&self) -> Option<Vec<DeviceId>> {
        let library = self.plant.library.clone();
        let found = within(LOOK_LIMIT, "looking for devices", move || library.scan());
        found.ok()?.ok()
    }

    fn decide(&mut self, cause: Arc<HailoError>, lost: usize, remains: Remains) -> HailoError {
        self.monitor.failed(&cause.to_string(), lost);
        match self
            .ladder
            .failed(&cause, self.plant.settings.vdevice_attempts)
        {
            Decision::GiveUp => self.give_up(cause, remains),
            Decision::Take(step, wait) => {
                let at = Instant::now() + wait;
                self.condition = match step {
                    Step::RestartVDevice if remains.are_none() => restart_vdevice(at),
                    Step::RestartVDevice => match remains.release() {
                        Ok(errand) => Condition::Releasing { errand, at },
                        Err(_) => restart_vdevice(at),
                    },
                    _ => Condition::Waiting { step, at, remains },
                };
                HailoError::Fault { cause, lost, step }
            }
        }
    }

    fn give_up(&mut self, cause: Arc<HailoError>, remains: Remains) -> HailoError {
        let attempts = self.ladder.attempts();
        self.condition = Condition::GivenUp {
            attempts,
            cause: Arc::clone(&cause),
        };
        self.monitor.gave_up();
        self.flow.reader_leaves();
        release_in_time(remains);
        HailoError::GaveUp { attempts, cause }
    }

    /// Waits for a measurement: it keeps the vdevice, and would have to release it.
    fn end_measuring(&mut self) {
        if let Some(errand) = self.measuring.take()
            && let Progress::Done(temperature) = errand.wait(LOOK_LIMIT)
        {
            self.monitor.measured(temperature);
        }
    }

    /// Measures the temperature now and then, on another thread: the chip may take its time.
    fn measure(&mut self) {
        if let Some(errand) = &self.measuring {
            match errand.wait(Duration::ZERO) {
                Progress::UnderWay => return,
                Progress::Done(temperature) => self.monitor.measured(temperature),
                Progress::Overdue(_) => self.monitor.measured(None),
            }
            self.measuring = None;
        }
        if Instant::now() < self.measure_at {
            return;
        }
        self.measure_at = Instant::now() + MEASURE_EVERY;
        if let Condition::Running(chip) = &self.condition {
            let measure = chip.thermometer();
            // Without a thread there is no reading this time.
            self.measuring =
                Errand::begin("measuring the temperature", MEASURE_LIMIT, measure).ok();
        }
    }
}

impl Drop for Repair {
    fn drop(&mut self) {
        self.flow.reader_leaves();
        self.end_measuring();
        match mem::replace(&mut self.condition, Condition::Changing) {
            Condition::Running(chip) => {
                let (input, _) = self.flow.stop(WRITE_LIMIT);
                let chip = Some(chip);
                release_in_time(Remains { input, chip });
            }
            Condition::Waiting { remains, .. } => release_in_time(remains),
            Condition::Releasing { errand, .. } => drop(errand.finish()),
            Condition::Making { errand } => {
                if let Progress::Done(Ok((chip, input))) = errand.wait(RELEASE_LIMIT) {
                    let (input, chip) = (Some(input), Some(chip));
                    release_in_time(Remains { input, chip });
                }
            }
            Condition::GivenUp { .. } | Condition::Changing => {}
        }
    }
}

fn restart_vdevice(at: Instant) -> Condition {
    Condition::Waiting {
        step: Step::RestartVDevice,
        at,
        remains: Remains::default(),
    }
}

/// Releases, or leaves that to its thread.
fn release_in_time(remains: Remains) {
    if !remains.are_none() {
        drop(remains.release().and_then(Errand::finish));
    }
}

impl Chip {
    /// Measures its temperature, on whatever thread.
    fn thermometer(&self) -> impl FnOnce() -> Option<f32> + Send + 'static + use<> {
        let vdevice = self.vdevice().clone();
        move || chip::temperature(&vdevice)
    }
}
