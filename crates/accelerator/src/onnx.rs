//! The ONNX backend: a network on the CPU, where there is no chip: FastSAM's file, or the network that
//! is [built in](built_in).
//!
//! A file as `yolo export` makes it, or one whose heads were cut off, runs in an engine of
//! [`onnx::Session`] on a thread of its own, one frame after the other. Its floats become 16-bit
//! [`Tensors`](tensors::Tensors) with a scale for each frame, so that everything after an accelerator
//! is the same as for a chip, to a hundredth of a pixel.
//!
//! Invariant: what a file is and whether its answers can be right is known before the first frame:
//! see [`Kind`], and the trial that every network is put to when it is opened.

pub mod built_in;
mod error;
mod fill;
mod kind;
mod model;
mod names;
mod network;

use std::time::Duration;

use frame::InputSize;
use onnx::{Session, SessionOptions, SessionPort};
use tensors::{Layout, Role};

pub use error::OnnxBackendError;
pub use kind::{Heads, Kind, KindError};
pub use model::{MOST_BYTES, Model};

use crate::{
    Accelerator, AcceleratorError,
    simulated::{Chip, Pace},
};
use network::Network;

/// Whether answers of this layout are the built-in network's, now or in a recording.
pub fn is_built_in(layout: &Layout) -> bool {
    let mut names = Role::ALL
        .iter()
        .map(|&role| layout.info(role).name.as_str());
    names.all(|name| name.split('/').next() == Some(built_in::NAME))
}

/// What the backend needs to know.
#[derive(Clone, Debug)]
pub struct OnnxSettings {
    /// The network.
    pub model: Model,
    /// The size of the input where the network leaves it open.
    pub input: Option<InputSize>,
    /// Which engine, and how many threads of the computer it takes.
    pub session: SessionOptions,
    /// Inputs under way at once; two keep the engine busy.
    pub in_flight: usize,
}

impl OnnxSettings {
    /// The defaults: any engine, as many threads as there are processors, two inputs under way.
    pub fn new(model: Model) -> Self {
        Self {
            model,
            input: None,
            session: SessionOptions::default(),
            in_flight: 2,
        }
    }
}

/// What is known of a network once it has answered for the first time.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What it is.
    pub kind: Kind,
    /// The engine and its version.
    pub engine: String,
    /// Why it is not the engine that was asked for first, where that is so.
    pub note: Option<String>,
    /// How long one inference took.
    pub inference: Duration,
}

impl Report {
    /// What a camera can expect here at most.
    pub fn frames_per_second(&self) -> f64 {
        1.0 / self.inference.as_secs_f64()
    }
}

/// A network that has been read, and not run yet.
pub struct Examined {
    session: Session,
    kind: Result<Kind, KindError>,
    model: Model,
}

impl Examined {
    /// Its inputs.
    pub fn inputs(&self) -> &[SessionPort] {
        self.session.inputs()
    }

    /// Its outputs.
    pub fn outputs(&self) -> &[SessionPort] {
        self.session.outputs()
    }

    /// What its exporter wrote under this key.
    pub fn metadata(&self, key: &str) -> Option<String> {
        self.session.metadata(key)
    }

    /// The engine that would run it, and its version.
    pub fn engine(&self) -> &str {
        self.session.engine()
    }

    /// What it is, or why it can't be run.
    ///
    /// # Errors
    /// It is none of FastSAM's, or needs another export.
    pub fn kind(&self) -> Result<&Kind, &KindError> {
        self.kind.as_ref()
    }

    /// Runs it on noise, to see whether its answers can be right and how long one takes.
    ///
    /// # Errors
    /// It can't be run, the engine fails, or the answers can't be right.
    pub fn try_out(self) -> Result<Report, OnnxBackendError> {
        self.start().map(|(_, report)| report)
    }

    fn start(self) -> Result<(Network, Report), OnnxBackendError> {
        let Self {
            session,
            kind,
            model,
        } = self;
        let kind = match kind {
            Ok(kind) => kind,
            Err(cause) => {
                let path = model.path().to_owned();
                return Err(OnnxBackendError::Kind { path, cause });
            }
        };
        let (engine, note) = (
            session.engine().to_owned(),
            session.note().map(str::to_owned),
        );
        let mut network = Network::new(session, kind.clone(), &model);
        let inference = network.try_out()?;
        let report = Report {
            kind,
            engine,
            note,
            inference,
        };
        Ok((network, report))
    }
}

/// Reads a network, and sees what it is.
///
/// # Errors
/// It can't be read, or is no model that the engine knows.
pub fn examine(settings: &OnnxSettings) -> Result<Examined, OnnxBackendError> {
    let model = settings.model.clone();
    let session = Session::load(model.read()?, model.path(), &settings.session)?;
    let input = match model {
        Model::File(_) => settings.input,
        Model::BuiltIn => Some(settings.input.unwrap_or_else(built_in::usual_input)),
    };
    let kind = kind::recognise(
        session.inputs(),
        session.outputs(),
        |key| session.metadata(key),
        input,
    );
    Ok(Examined {
        session,
        kind,
        model,
    })
}

/// Reads a network, recognises it, runs it for the first time, and starts its worker.
///
/// # Errors
/// [`OnnxBackendError`], as the backend's error of an [`AcceleratorError`];
/// [`AcceleratorError::Thread`].
pub fn open(settings: &OnnxSettings) -> Result<(Box<dyn Accelerator>, Report), AcceleratorError> {
    let (network, report) = examine(settings)?.start()?;
    let pace = Pace {
        in_flight: settings.in_flight,
        ..Pace::unlimited()
    };
    let name = settings
        .model
        .path()
        .file_stem()
        .map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let chip = Chip::start("onnx", name, network.layout(), pace, network)?;
    Ok((Box::new(chip), report))
}
