//! The backend and its halves.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hailort::InputVStream;

use super::{
    chip::Chip,
    error::HailoError,
    flow::{Flow, Work, Written},
    monitor::Monitor,
    repair::{Plant, Repair},
};
use crate::{Accelerator, AcceleratorError, Collect, Description, Submit, Ticket};
use tensors::{Layout, NamesError, Role, Tensors};

/// A FastSAM network on a Hailo chip.
pub struct Hailo {
    description: Description,
    submit: SubmitHalf,
    collect: CollectHalf,
}

struct SubmitHalf {
    input_bytes: usize,
    flow: Arc<Flow>,
    monitor: Monitor,
}

struct CollectHalf {
    flow: Arc<Flow>,
    repair: Repair,
}

impl Hailo {
    pub(super) fn new(plant: Plant, chip: Chip, input: InputVStream) -> Self {
        let settings = &plant.settings;
        let batch_size = settings.batch_size.max(1);
        let in_flight = settings.in_flight.max(batch_size);
        let monitor = Monitor::new(chip.device.clone(), plant.alarms.clone());
        let flow = Arc::new(Flow::new(input, in_flight, settings.drain_every));
        Self {
            description: Description {
                backend: "hailo",
                network: chip.network.clone(),
                in_flight,
                batch_size,
            },
            submit: SubmitHalf {
                input_bytes: chip.layout.input().bytes(),
                flow: Arc::clone(&flow),
                monitor: monitor.clone(),
            },
            collect: CollectHalf {
                flow: Arc::clone(&flow),
                repair: Repair::new(chip, flow, monitor, plant),
            },
        }
    }

    /// A window on the chip that stays when the backend is parted.
    pub fn monitor(&self) -> Monitor {
        self.submit.monitor.clone()
    }
}

impl Accelerator for Hailo {
    fn description(&self) -> Description {
        self.description.clone()
    }

    fn layout(&self) -> &Layout {
        self.collect.repair.layout()
    }

    fn name_classes(&mut self, names: Vec<String>) -> Result<(), NamesError> {
        self.collect.repair.name_classes(names)
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
        if input.len() != self.input_bytes {
            return Err(AcceleratorError::InputSize {
                found: input.len(),
                expected: self.input_bytes,
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
    /// timeout. After a fault, each call goes on with the repair.
    fn collect(
        &mut self,
        tensors: &mut Tensors,
        timeout: Duration,
    ) -> Result<Ticket, AcceleratorError> {
        self.repair.go_on(timeout)?;
        match self.flow.work(timeout) {
            Work::None => Err(AcceleratorError::Timeout(timeout)),
            Work::Ended => Err(AcceleratorError::Closed),
            Work::WriteFault(fault) => Err(self.repair.fail(fault).into()),
            Work::Read => {
                if let Err(error) = self.read(tensors) {
                    return Err(self.repair.fail(Arc::new(error)).into());
                }
                self.repair.answered();
                // There is one: only this half takes tickets off.
                self.flow.answered().ok_or(AcceleratorError::Closed)
            }
        }
    }
}

impl CollectHalf {
    /// Reads all outputs of the oldest input.
    fn read(&mut self, tensors: &mut Tensors) -> Result<(), HailoError> {
        let timeout = self.repair.settings().timeout;
        let started = Instant::now();
        let Some(chip) = self.repair.chip() else {
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
}

/// The error of a frame whose outputs trickle in.
fn late() -> HailoError {
    hailort::Error::Call {
        function: "hailo_vstream_read_raw_buffer",
        status: hailort::Status::TIMEOUT,
    }
    .into()
}
