//! A model of one input of numbers, run by the engine that the caller asks for.
//!
//! What is promised holds for every engine: shapes are checked before it runs, elements are `f32`
//! on this side whatever the file says, and what it says of failures is one line.

mod port;
mod with_onnxruntime;
mod with_rten;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use onnxruntime::Terminator;

use self::{
    with_onnxruntime::{OnnxRuntimeSession, Refusal},
    with_rten::RtenSession,
};
use crate::{EngineError, OnnxError};

pub use port::{ElementType, SessionPort};

/// Which engine runs a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// onnxruntime where its library is found, else rten.
    #[default]
    Auto,
    /// rten: part of this program, slower on most processors.
    Rten,
    /// onnxruntime, opened at run time: an error where it is not found.
    OnnxRuntime,
}

/// How a session runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// Which engine runs it.
    pub engine: Engine,
    /// onnxruntime's library; without this, its usual names are tried.
    pub library: Option<PathBuf>,
    /// Threads that an inference takes; without this, as many as there are cores.
    pub threads: Option<NonZeroUsize>,
}

/// A model that is loaded and ready to run.
pub struct Session {
    running: Running,
    inputs: Vec<SessionPort>,
    outputs: Vec<SessionPort>,
    note: Option<String>,
}

enum Running {
    Rten(RtenSession),
    OnnxRuntime(OnnxRuntimeSession),
}

impl Session {
    /// Loads a file's content; `path` names it in errors.
    ///
    /// # Errors
    /// [`OnnxError::Model`], and [`OnnxError::Engine`] where the engine that was asked for can't be
    /// had.
    pub fn load(bytes: Vec<u8>, path: &Path, options: &SessionOptions) -> Result<Self, OnnxError> {
        if options.engine == Engine::Rten {
            return Self::with_rten(bytes, path, options, None);
        }
        let refusal =
            match OnnxRuntimeSession::load(&bytes, options.library.as_deref(), options.threads) {
                Ok(session) => return Ok(Self::with_onnxruntime(session)),
                Err(refusal) => refusal,
            };
        let path = path.to_owned();
        match (refusal, options.engine) {
            (Refusal::Absent(_), Engine::Auto) => Self::with_rten(bytes, &path, options, None),
            (Refusal::Library(error) | Refusal::Model(error), Engine::Auto) => {
                let note = format!("{} runs the model: {error}", with_rten::NAME);
                Self::with_rten(bytes, &path, options, Some(note))
            }
            (Refusal::Absent(error) | Refusal::Library(error), _) => {
                let cause = error.to_string();
                Err(OnnxError::Engine { path, cause })
            }
            (Refusal::Model(error), _) => {
                let source = EngineError::new(error);
                Err(OnnxError::Model { path, source })
            }
        }
    }

    fn with_rten(
        bytes: Vec<u8>,
        path: &Path,
        options: &SessionOptions,
        note: Option<String>,
    ) -> Result<Self, OnnxError> {
        let session = RtenSession::load(bytes, path, options.threads)?;
        Ok(Self {
            inputs: session.inputs(),
            outputs: session.outputs(),
            running: Running::Rten(session),
            note,
        })
    }

    fn with_onnxruntime(session: OnnxRuntimeSession) -> Self {
        Self {
            inputs: session.inputs(),
            outputs: session.outputs(),
            running: Running::OnnxRuntime(session),
            note: None,
        }
    }

    /// The engine that runs it, and its version: `rten 0.27`, `onnxruntime 1.32.0`.
    pub fn engine(&self) -> &str {
        match &self.running {
            Running::Rten(_) => with_rten::NAME,
            Running::OnnxRuntime(session) => session.name(),
        }
    }

    /// Why rten runs it although there is an onnxruntime, or should be one, in one line.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The model's inputs.
    pub fn inputs(&self) -> &[SessionPort] {
        &self.inputs
    }

    /// The model's outputs.
    pub fn outputs(&self) -> &[SessionPort] {
        &self.outputs
    }

    /// What the file says under this key in its `metadata_props`.
    pub fn metadata(&self, key: &str) -> Option<String> {
        match &self.running {
            Running::Rten(session) => session.metadata(key),
            Running::OnnxRuntime(session) => session.metadata(key),
        }
    }

    /// What ends this session's runs from another thread; rten's can't be ended.
    pub fn terminator(&self) -> Option<Terminator> {
        match &self.running {
            Running::Rten(_) => None,
            Running::OnnxRuntime(session) => Some(session.terminator()),
        }
    }

    /// Runs the model on one input of this shape, and hands each of `outputs` (places in
    /// [`Self::outputs`], each once) to `take` with its place, shape and elements, in that order.
    ///
    /// # Errors
    /// The input or `outputs` don't suit the model, an output holds no floating point, or whatever
    /// the engine says, a panic of its included.
    pub fn run(
        &mut self,
        shape: &[usize],
        input: &[f32],
        outputs: &[usize],
        mut take: impl FnMut(usize, &[usize], &[f32]),
    ) -> Result<(), EngineError> {
        self.check(shape, input.len(), outputs)?;
        match &mut self.running {
            Running::Rten(session) => session.run(shape, input, outputs, &mut take),
            Running::OnnxRuntime(session) => session.run(shape, input, outputs, &mut take),
        }
    }

    /// Whether a run makes sense.
    fn check(
        &self,
        shape: &[usize],
        elements: usize,
        outputs: &[usize],
    ) -> Result<(), EngineError> {
        let [port] = self.inputs.as_slice() else {
            let count = self.inputs.len();
            return Err(EngineError::new(format!(
                "the model has {count} inputs, not one"
            )));
        };
        let name = &port.name;
        if !matches!(port.element_type, ElementType::F32 | ElementType::F16) {
            let found = port.element_type;
            return Err(EngineError::new(format!(
                "input '{name}' takes {found}, no floating point"
            )));
        }
        if !port.takes(shape) {
            let (expected, found) = (port.shape_in_words(), port::in_words(shape));
            return Err(EngineError::new(format!(
                "input '{name}' takes {expected}, not {found}"
            )));
        }
        let expected = shape
            .iter()
            .try_fold(1_usize, |product, &size| product.checked_mul(size));
        if expected != Some(elements) {
            let shape = port::in_words(shape);
            return Err(EngineError::new(format!(
                "{elements} elements are no {shape}"
            )));
        }
        for (place, output) in outputs.iter().enumerate() {
            if *output >= self.outputs.len() {
                let count = self.outputs.len();
                return Err(EngineError::new(format!(
                    "there is no output {output}, the model has {count}"
                )));
            }
            if outputs.iter().take(place).any(|before| before == output) {
                return Err(EngineError::new(format!(
                    "output {output} is asked for twice"
                )));
            }
        }
        Ok(())
    }
}
