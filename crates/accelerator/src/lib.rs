//! The seam to the neural-network accelerator.
//!
//! An [`Accelerator`] takes letterboxed inputs through its [`Submit`] half and answers through its
//! [`Collect`] half with the ten quantized [`Tensors`] of a FastSAM network, in submission order,
//! so that several frames overlap on the chip. Backends: [`hailo`], the chip;
//! [`mock`], which computes from pixels; and [`replay`], which repeats a [`recording`].

mod backend;
mod chip;
pub mod hailo;
pub mod mock;
pub mod recording;
pub mod replay;
mod tensor;

pub use backend::{Accelerator, AcceleratorError, Collect, Description, Submit, Ticket};
pub use chip::Pace;
pub use recording::Recording;
pub use tensor::{
    ElementType, Elements, LEVELS, Layout, LayoutError, Level, PROTOTYPE_CHANNELS, PROTOTYPE_SIDE,
    QuantInfo, Role, TensorInfo, TensorView, Tensors,
};
