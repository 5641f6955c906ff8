//! What every accelerator backend offers, in two halves.
//!
//! Invariants: results come in the order of submission; every accepted ticket is answered by one
//! result or lost together with an error; no call blocks longer than its timeout.

use std::{path::PathBuf, time::Duration};

use frame::INPUT_SIDE;

use crate::{Layout, LayoutError, Tensors, hailo::HailoError};

/// Names one submitted input, chosen by the caller, growing.
pub type Ticket = u64;

/// What a backend says of itself, for `info`, `doctor` and `bench`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// `mock`, `replay`, `hailo`.
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

/// What can go wrong between an input and its answer.
#[derive(Debug, thiserror::Error)]
pub enum AcceleratorError {
    /// Nothing came, or nothing was taken, in time.
    #[error("the accelerator did not answer within {0:?}")]
    Timeout(Duration),
    /// The other half, or the chip's worker, is gone.
    #[error("the accelerator has shut down")]
    Closed,
    /// The input has not the network's size.
    #[error("an input of {found} bytes can't be submitted: the network takes {side}x{side}x3 = {expected}", side = INPUT_SIDE)]
    InputSize {
        /// Bytes given.
        found: usize,
        /// Bytes the network takes.
        expected: usize,
    },
    /// The network's outputs are not FastSAM's.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A worker thread could not be started.
    #[error("no thread for the accelerator: {0}")]
    Thread(std::io::Error),
    /// The Hailo chip, or the way to it.
    #[error(transparent)]
    Hailo(#[from] HailoError),
    /// Nothing to replay.
    #[error("no recording was given: expected at least one")]
    NoRecording,
    /// Recordings with different outputs.
    #[error(
        "recordings '{first}' and '{other}' come from different networks: their outputs differ"
    )]
    MixedRecordings {
        /// The first recording's name.
        first: String,
        /// The first that differs.
        other: String,
    },
    /// A recording could not be read or written.
    #[error("{path}: {cause}", path = path.display())]
    Recording {
        /// File or folder.
        path: PathBuf,
        /// What is wrong with it, and what was expected.
        cause: String,
    },
}

impl AcceleratorError {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout(_) => true,
            Self::Hailo(error) => error.is_transient(),
            _ => false,
        }
    }
}
