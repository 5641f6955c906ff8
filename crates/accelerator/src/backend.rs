//! What every accelerator backend offers, in two halves.
//!
//! Invariants: results come in the order of submission; every accepted ticket is answered by one
//! result or lost together with an error; no call blocks longer than its timeout.

use std::time::Duration;

use tensors::{Layout, NamesError, Tensors};

use crate::AcceleratorError;

/// Names one submitted input, chosen by the caller, growing.
pub type Ticket = u64;

/// What a backend says of itself, for `info`, `doctor` and `bench`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `mock`, `replay`, `hailo`, `onnx`.
    pub backend: &'static str,
    /// The network or recording behind it.
    pub network: String,
    /// Inputs that may be under way at once.
    pub in_flight: usize,
    /// Inputs the chip takes together.
    pub batch_size: usize,
}

/// A network on an accelerator, ready to run.
pub trait Accelerator: Send {
    /// What this backend is.
    fn description(&self) -> Description;

    /// The outputs, bound to their roles; [`Tensors::for_layout`] makes buffers for them.
    fn layout(&self) -> &Layout;

    /// Gives the classes that the network tells apart these names, in its layout.
    ///
    /// # Errors
    /// Names that are not as many as the classes.
    fn name_classes(&mut self, names: Vec<String>) -> Result<(), NamesError>;

    /// Parts into the writer's and the reader's half, for a thread each.
    fn split(self: Box<Self>) -> (Box<dyn Submit>, Box<dyn Collect>);
}

/// The half that hands inputs to the chip.
pub trait Submit: Send {
    /// Submits one input (640 x 640 x 3, RGB, letterboxed). Blocks while the chip has as many
    /// inputs under way as it takes, at most `timeout`.
    fn submit(
        &mut self,
        ticket: Ticket,
        input: &[u8],
        timeout: Duration,
    ) -> Result<(), AcceleratorError>;
}

/// The half that takes answers from the chip.
pub trait Collect: Send {
    /// Fills `tensors` with the next answer and returns its ticket. Blocks at most `timeout`.
    fn collect(
        &mut self,
        tensors: &mut Tensors,
        timeout: Duration,
    ) -> Result<Ticket, AcceleratorError>;
}
