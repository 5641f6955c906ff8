//! The seam to the neural-network accelerator.
//!
//! An [`Accelerator`] takes letterboxed inputs through its [`Submit`] half and answers through its
//! [`Collect`] half with the ten quantized [`Tensors`](tensors::Tensors) of a FastSAM network, in
//! submission order, so that several frames overlap on the chip. Backends: [`hailo`], the chip;
//! [`mock`], which computes from pixels; and [`replay`], which repeats recordings. The last two
//! answer at the pace of a simulated chip.

mod backend;
mod error;
pub mod hailo;
pub mod mock;
pub mod onnx;
pub mod replay;
mod simulated;

pub use backend::{Accelerator, Collect, Description, Submit, Ticket};
pub use error::{AcceleratorError, Fault, FaultKind};
pub use simulated::Pace;
