//! FastSAM after the network: from the ten quantized tensors to segments.
//!
//! `decode -> nms -> mask -> contour -> encode`, in the order of the modules. The core type is
//! the row [`Run`]: a mask is never held as a bitmap; area, box, components, contours, RLE and
//! pictures derive from runs. Everything here is pure and reuses its buffers.

mod adjacency;
pub mod cleanup;
pub mod contour;
mod run;
mod segment;

pub use adjacency::Connectivity;
pub use run::{Mask, Run};
pub use segment::{Contours, Segment, Segments};
