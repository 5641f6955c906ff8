//! The mock accelerator: finds regions in the pixels and answers as FastSAM's network would.
//!
//! It knows nothing of the scene, and takes inputs of any size that a network can have. `regions` looks at the input in blocks of 4 x 4 pixels, the
//! resolution of the prototypes, and groups blocks of like colour; `emit` writes the ten
//! quantized tensors that a FastSAM HEF would answer with for these regions: DFL logits at several
//! anchors, scores, mask coefficients and prototypes, some of them 8-bit, some 16-bit. So whatever
//! comes after the accelerator can't tell it from a chip, and a mask published from a picture can
//! be held against what is in the picture.

mod codes;
mod emit;
mod regions;
#[cfg(test)]
mod tests;

use crate::{
    Accelerator, AcceleratorError,
    simulated::{Chip, Compute, Pace},
};
use emit::Emitter;
use frame::InputSize;
use regions::Finder;
use tensors::{Layout, Tensors};

/// Starts a mock accelerator for inputs of this size, at this pace.
pub fn open(input: InputSize, pace: Pace) -> Result<Box<dyn Accelerator>, AcceleratorError> {
    let network = "mock of fast_sam_s".to_owned();
    Ok(Box::new(Chip::start(
        "mock",
        network,
        Network::layout(input),
        pace,
        Network::new(input),
    )?))
}

/// The mock's network: from an input to the ten tensors, at once. The answer is a function of the
/// input alone. Allocates nothing once its buffers have grown: some 4 MB for 640 x 640, four times as
/// many for the largest input.
#[derive(Debug)]
pub struct Network {
    input: InputSize,
    finder: Finder,
    emitter: Emitter,
}

impl Network {
    /// A network for inputs of this size; most of its buffers are made with the first one.
    pub fn new(input: InputSize) -> Self {
        Self {
            input,
            finder: Finder::new(input),
            emitter: Emitter::new(input),
        }
    }

    /// Columns and rows of its inputs.
    pub const fn input(&self) -> InputSize {
        self.input
    }

    /// The outputs that one for inputs of this size answers with.
    pub fn layout(input: InputSize) -> Layout {
        emit::layout(input)
    }

    /// Fills `tensors`, made for [`Network::layout`], with the answer to `input`: RGB, letterboxed, of
    /// the network's size. An input of another size is answered as one without objects.
    pub fn infer(&mut self, input: &[u8], tensors: &mut Tensors) {
        let regions = self.finder.find(input);
        self.emitter.emit(&regions, tensors);
    }
}

impl Compute for Network {
    fn compute(&mut self, input: &[u8], tensors: &mut Tensors) -> Result<(), AcceleratorError> {
        self.infer(input, tensors);
        Ok(())
    }
}
