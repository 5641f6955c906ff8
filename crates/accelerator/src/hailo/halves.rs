//! The backend and its halves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use frame::INPUT_BYTES;
use hailort::{Hef, InputVStream, Library};

use super::{
    chip::{Chip, check_layout},
    error::HailoError,
    flow::{Flow, Work, Written},
    monitor::Monitor,
    recovery::{Decision, Ladder},
    settings::HailoSettings,
    step::Step,
};
use crate::{Accelerator, AcceleratorError, Collect, Description, Submit, Ticket};
use tensors::{Layout, Role, Tensors};

/// How often the temperature is measured: it takes about a millisecond of the reader's time.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// A FastSAM network on a Hailo chip.
pub struct Hailo {
    description: Description,
    submit: SubmitHalf,
    collect: CollectHalf,
}

struct SubmitHalf {
    flow: Arc<Flow>,
    monitor: Monitor,
}

struct CollectHalf {
    /// `None` while the vdevice is made anew.
    chip: Option<Chip>,
    flow: Arc<Flow>,
    monitor: Monitor,
    layout: Layout,
    ladder: Ladder,
    /// A step that is decided, and from when it may be taken.
    pending: Option<(Step, Instant)>,
    given_up: Option<(u32, Arc<HailoError>)>,
    measure_at: Instant,
    settings: Arc<HailoSettings>,
    hef: Hef,
    library: Library,
}

impl Hailo {
    pub(super) fn new(
        settings: Arc<HailoSettings>,
        library: Library,
        hef: Hef,
        chip: Chip,
        input: InputVStream,
    ) -> Self {
        let batch_size = settings.batch_size.max(1);
        let in_flight = settings.in_flight.max(batch_size);
        let monitor = Monitor::new(chip.device.clone());
        let flow = Arc::new(Flow::new(input, in_flight, settings.drain_every));
        Self {
            description: Description {
                backend: "hailo",
                network: chip.network.clone(),
                in_flight,
                batch_size,
            },
            submit: SubmitHalf {
                flow: Arc::clone(&flow),
                monitor: monitor.clone(),
            },
            collect: CollectHalf {
                layout: chip.layout.clone(),
                chip: Some(chip),
                flow,
                monitor,
                ladder: Ladder::default(),
                pending: None,
                given_up: None,
                measure_at: Instant::now(),
                settings,
                hef,
                library,
            },
        }
    }

    /// A window on the chip that stays when the backend is parted.
    pub fn monitor(&self) -> Monitor {
        self.collect.monitor.clone()
    }
}

impl Accelerator for Hailo {
    fn description(&self) -> Description {
        self.description.clone()
    }

    fn layout(&self) -> &Layout {
        &self.collect.layout
    }

    fn split(self: Box<Self>) -> (Box<dyn Submit>, Box<dyn Collect>) {
        (Box::new(self.submit), Box::new(self.collect))
    }
}

impl Submit for SubmitHalf {
    /// Blocks at most `timeout`, and the settings' timeout where the library does not take it.
    fn submit(
        &mut self,
        ticket: Ticket,
        input: &[u8],
        timeout: Duration,
    ) -> Result<(), AcceleratorError> {
        if input.len() != INPUT_BYTES {
            return Err(AcceleratorError::InputSize {
                found: input.len(),
                expected: INPUT_BYTES,
            });
        }
        match self.flow.write(ticket, input, timeout) {
            Written::Yes => Ok(()),
            Written::Full => Err(AcceleratorError::Timeout(timeout)),
            Written::Ended => Err(AcceleratorError::Closed),
            Written::Refused(fault) => {
                self.monitor.refused(&fault.to_string());
                Err(fault.into())
            }
        }
    }
}

impl Drop for SubmitHalf {
    fn drop(&mut self) {
        self.flow.writer_leaves();
    }
}

impl Collect for CollectHalf {
    /// Blocks at most `timeout` while no input is under way; then at most twice the settings'
    /// timeout. After a fault, each call takes a step of the ladder, or waits for it.
    fn collect(
        &mut self,
        tensors: &mut Tensors,
        timeout: Duration,
    ) -> Result<Ticket, AcceleratorError> {
        if let Some((attempts, cause)) = &self.given_up {
            return Err(HailoError::GaveUp {
                attempts: *attempts,
                cause: Arc::clone(cause),
            }
            .into());
        }
        self.take_pending_step(timeout)?;
        match self.flow.work(timeout) {
            Work::None => Err(AcceleratorError::Timeout(timeout)),
            Work::Ended => Err(AcceleratorError::Closed),
            Work::WriteFault(fault) => Err(self.fail(fault).into()),
            Work::Read => {
                if let Err(error) = self.read(tensors) {
                    return Err(self.fail(Arc::new(error)).into());
                }
                self.monitor.answered();
                self.ladder.answered();
                self.measure();
                // There is one: only this half takes tickets off.
                self.flow.answered().ok_or(AcceleratorError::Closed)
            }
        }
    }
}

impl Drop for CollectHalf {
    fn drop(&mut self) {
        self.flow.reader_leaves();
    }
}

impl CollectHalf {
    /// Reads all outputs of the oldest input.
    fn read(&mut self, tensors: &mut Tensors) -> Result<(), HailoError> {
        let timeout = self.settings.timeout;
        let started = Instant::now();
        let Some(chip) = &mut self.chip else {
            return Ok(());
        };
        for place in 0..Role::ALL.len() {
            chip.read(place, tensors)?;
            // Each read may take the timeout; all of a frame's together may not.
            let missing = Role::ALL.len() - 1 - place;
            if missing > 0 && started.elapsed() > timeout {
                return Err(late());
            }
        }
        Ok(())
    }

    /// Notes a fault and decides what to do; steps that need no wait are taken at once.
    fn fail(&mut self, cause: Arc<HailoError>) -> HailoError {
        let (input, lost) = self.flow.stop();
        drop(input);
        self.decide(cause, lost)
    }

    fn decide(&mut self, cause: Arc<HailoError>, lost: usize) -> HailoError {
        self.monitor.failed(&cause.to_string(), lost);
        match self.ladder.failed(&cause, self.settings.vdevice_attempts) {
            Decision::GiveUp => self.give_up(cause),
            Decision::Take(step, wait) => {
                self.measure_now();
                if step == Step::RestartVDevice {
                    // Held no longer than needed: a device that comes back is a new one.
                    self.chip = None;
                }
                self.pending = Some((step, Instant::now() + wait));
                HailoError::Fault { cause, lost, step }
            }
        }
    }

    fn give_up(&mut self, cause: Arc<HailoError>) -> HailoError {
        let attempts = self.ladder.attempts();
        self.chip = None;
        self.pending = None;
        self.monitor.gave_up();
        self.flow.reader_leaves();
        self.given_up = Some((attempts, Arc::clone(&cause)));
        HailoError::GaveUp { attempts, cause }
    }

    /// Takes the step that is due. Where its time has not come, waits for it, at most `timeout`.
    fn take_pending_step(&mut self, timeout: Duration) -> Result<(), AcceleratorError> {
        let Some((step, at)) = self.pending else {
            return Ok(());
        };
        self.flow.pause(at.min(Instant::now() + timeout));
        if self.flow.is_writer_gone() {
            return Err(AcceleratorError::Closed);
        }
        if Instant::now() < at {
            return Err(AcceleratorError::Timeout(timeout));
        }
        self.monitor.took(step);
        let taken = match (step, &mut self.chip) {
            (Step::RestartVStreams, Some(chip)) => chip.restart_vstreams(&self.settings),
            _ => self.restart_vdevice(),
        };
        match taken {
            Ok(input) => {
                self.pending = None;
                self.flow.resume(input);
                Ok(())
            }
            Err(error) => Err(self.decide(Arc::new(error), 0).into()),
        }
    }

    fn restart_vdevice(&mut self) -> Result<InputVStream, HailoError> {
        self.chip = None;
        let (chip, input) = Chip::start(&self.library, &self.hef, &self.settings)?;
        check_layout(&self.layout, &chip.layout)?;
        self.chip = Some(chip);
        Ok(input)
    }

    fn measure(&mut self) {
        if Instant::now() >= self.measure_at {
            self.measure_now();
        }
    }

    fn measure_now(&mut self) {
        self.measure_at = Instant::now() + MEASURE_EVERY;
        let temperature = self.chip.as_ref().and_then(|chip| chip.temperature().ok());
        self.monitor.measured(temperature);
    }
}

/// The error of a frame whose outputs trickle in.
fn late() -> HailoError {
    hailort::Error::Call {
        function: "hailo_vstream_read_raw_buffer",
        status: hailort::Status::TIMEOUT,
    }
    .into()
}
