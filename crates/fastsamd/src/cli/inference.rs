//! One frame after the other through an accelerator, for verbs that need no overlap.

use std::time::{Duration, Instant};

use accelerator::{Accelerator, Collect, Layout, Submit, Tensors};
use anyhow::Context;
use frame::{Frame, INPUT_BYTES, Letterbox, Preprocessor};

/// The longest an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An accelerator with the buffers for one frame.
pub(super) struct Inference {
    submit: Box<dyn Submit>,
    collect: Box<dyn Collect>,
    layout: Layout,
    preprocessor: Preprocessor,
    input: Box<[u8; INPUT_BYTES]>,
    tensors: Tensors,
    ticket: u64,
}

/// What came of one frame, beside the tensors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inferred {
    /// Where the frame lies in the input.
    pub letterbox: Letterbox,
    /// How long the letterboxing took.
    pub preprocess: Duration,
    /// How long the accelerator took.
    pub infer: Duration,
}

impl Inference {
    pub(super) fn new(accelerator: Box<dyn Accelerator>) -> Self {
        let layout = accelerator.layout().clone();
        let (submit, collect) = accelerator.split();
        Self {
            submit,
            collect,
            tensors: Tensors::for_layout(&layout),
            layout,
            preprocessor: Preprocessor::new(),
            input: Box::new([0; INPUT_BYTES]),
            ticket: 0,
        }
    }

    /// Letterboxes a frame and waits for its answer, which [`Inference::tensors`] then has.
    pub(super) fn run(&mut self, frame: &Frame) -> anyhow::Result<Inferred> {
        let started = Instant::now();
        let letterbox = self.preprocessor.letterbox(frame, &mut self.input)?;
        let preprocessed = Instant::now();
        self.ticket += 1;
        self.submit
            .submit(self.ticket, &self.input[..], PATIENCE)
            .context("the accelerator took no frame")?;
        self.collect.collect(&mut self.tensors, PATIENCE).context("the accelerator gave no answer")?;
        Ok(Inferred {
            letterbox,
            preprocess: preprocessed - started,
            infer: preprocessed.elapsed(),
        })
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
