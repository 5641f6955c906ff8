//! FastSAM after the network: from the ten quantized tensors to segments.
//!
//! `decode -> nms -> mask -> encode`, in the order of the modules. The core type is
//! the row [`Run`]: a mask is never held as a bitmap; area, box, components, contours, RLE and
//! pictures derive from runs. Everything here is pure and reuses its buffers.

mod adjacency;
mod ahead;
mod border;
mod canvas;
pub mod cleanup;
pub mod component;
pub mod contour;
mod decode;
pub mod encode;
mod join;
mod mask;
mod nms;
#[cfg(test)]
mod painted;
mod processor;
pub mod prompt;
mod run;
mod segment;
mod segmenter;
mod settings;

pub use adjacency::Connectivity;
pub use contour::Contours;
pub use decode::{Anchor, Decoder, Detection};
pub use mask::Rasterizer;
pub use nms::Suppressor;
pub use run::{Mask, Run};
pub use segment::{Segment, Segments};
pub use segmenter::{MAX_RUNS, MAX_RUNS_PER_MASK, SegmentError, Segmenter, StageTimes};
pub use settings::{ClassSet, MaskSize, Settings};
