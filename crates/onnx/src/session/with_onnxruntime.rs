//! A session that onnxruntime runs.

use std::{num::NonZeroUsize, path::Path};

use half::{
    f16,
    slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _},
};
use onnxruntime::{Elements, Error, Library, Port, SessionOptions, Terminator};

use super::port::{ElementType, SessionPort, Take};
use crate::EngineError;

/// A model that onnxruntime runs.
pub(super) struct OnnxRuntimeSession {
    session: onnxruntime::Session,
    /// The engine and its version.
    name: String,
    takes_f16: bool,
    /// The input as the model takes it, where that is `f16`.
    input: Vec<f16>,
    /// An output as `f32`, where the model gives `f16`.
    output: Vec<f32>,
}

/// Why onnxruntime does not run a model.
pub(super) enum Refusal {
    /// No path is configured and no library was found.
    Absent(Error),
    /// There is a library that can't be used.
    Library(Error),
    /// The library does not take the model.
    Model(Error),
}

impl OnnxRuntimeSession {
    pub(super) fn load(
        bytes: &[u8],
        library: Option<&Path>,
        threads: Option<NonZeroUsize>,
    ) -> Result<Self, Refusal> {
        let library = Library::open(library).map_err(|error| match error {
            Error::Absent { .. } => Refusal::Absent(error),
            error => Refusal::Library(error),
        })?;
        let session = onnxruntime::Session::load(&library, bytes, &SessionOptions { threads })
            .map_err(Refusal::Model)?;
        let input = session.inputs().first();
        Ok(Self {
            takes_f16: input.is_some_and(|port| port.element_type == onnxruntime::ElementType::F16),
            session,
            name: format!("onnxruntime {}", library.version()),
            input: Vec::new(),
            output: Vec::new(),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn inputs(&self) -> Vec<SessionPort> {
        self.session.inputs().iter().map(port).collect()
    }

    pub(super) fn outputs(&self) -> Vec<SessionPort> {
        self.session.outputs().iter().map(port).collect()
    }

    pub(super) fn metadata(&self, key: &str) -> Option<String> {
        // What can't be read is as good as not there: metadata are for messages.
        self.session.metadata(key).ok().flatten()
    }

    pub(super) fn terminator(&self) -> Terminator {
        self.session.terminator()
    }

    pub(super) fn run(
        &mut self,
        shape: &[usize],
        input: &[f32],
        outputs: &[usize],
        take: &mut Take<'_>,
    ) -> Result<(), EngineError> {
        let Self {
            session,
            input: as_f16,
            output: as_f32,
            ..
        } = self;
        let input = if self.takes_f16 {
            as_f16.resize(input.len(), f16::ZERO);
            as_f16.convert_from_f32_slice(input);
            Elements::F16(as_f16.reinterpret_cast())
        } else {
            Elements::F32(input)
        };
        let mut take = |output: usize, shape: &[usize], elements: Elements<'_>| match elements {
            Elements::F32(elements) => take(output, shape, elements),
            Elements::F16(elements) => {
                as_f32.resize(elements.len(), 0.0);
                let elements: &[f16] = elements.reinterpret_cast();
                elements.convert_to_f32_slice(as_f32);
                take(output, shape, as_f32);
            }
        };
        session
            .run(shape, input, outputs, &mut take)
            .map_err(EngineError::new)
    }
}

fn port(port: &Port) -> SessionPort {
    SessionPort {
        name: port.name.to_string_lossy().into_owned(),
        element_type: match port.element_type {
            onnxruntime::ElementType::F32 => ElementType::F32,
            onnxruntime::ElementType::F16 => ElementType::F16,
            onnxruntime::ElementType::Other(name) => ElementType::Other(name),
        },
        shape: port.shape.clone(),
    }
}
