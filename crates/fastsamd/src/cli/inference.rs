//! One frame after the other through an accelerator, where they need not overlap.

use std::time::Duration;

use accelerator::{Accelerator, Collect, Submit};
use anyhow::Context;
use frame::{Frame, NetworkInput, Preprocessor};
use tensors::{Layout, Tensors};

/// The longest an answer may take: the largest networks take ten seconds on a small processor.
const PATIENCE: Duration = Duration::from_secs(60);

/// An accelerator with the buffers for one frame.
pub(super) struct Inference {
    submit: Box<dyn Submit>,
    collect: Box<dyn Collect>,
    backend: &'static str,
    layout: Layout,
    preprocessor: Preprocessor,
    input: NetworkInput,
    tensors: Tensors,
    ticket: u64,
}

impl Inference {
    pub(super) fn new(accelerator: Box<dyn Accelerator>) -> Self {
        let layout = accelerator.layout().clone();
        let backend = accelerator.description().backend;
        let (submit, collect) = accelerator.split();
        Self {
            submit,
            collect,
            backend,
            tensors: Tensors::for_layout(&layout),
            input: NetworkInput::new(layout.input()),
            layout,
            preprocessor: Preprocessor::new(),
            ticket: 0,
        }
    }

    /// Letterboxes a frame and waits for its answer, which [`Inference::tensors`] then has.
    pub(super) fn run(&mut self, frame: &Frame) -> anyhow::Result<()> {
        self.preprocessor.letterbox(frame, &mut self.input)?;
        self.answer()
    }

    /// The same for a frame that is letterboxed already, into an input of the network's size.
    pub(super) fn submit(&mut self, input: &NetworkInput) -> anyhow::Result<()> {
        self.input.clone_from(input);
        self.answer()
    }

    fn answer(&mut self) -> anyhow::Result<()> {
        self.ticket += 1;
        self.submit
            .submit(self.ticket, self.input.bytes(), PATIENCE)
            .context("the accelerator took no frame")?;
        self.collect
            .collect(&mut self.tensors, PATIENCE)
            .context("the accelerator gave no answer")?;
        Ok(())
    }

    /// What runs the network: `mock`, `hailo`, ...
    pub(super) fn backend(&self) -> &'static str {
        self.backend
    }

    /// The outputs and their roles.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The latest answer.
    pub(super) fn tensors(&self) -> &Tensors {
        &self.tensors
    }
}
