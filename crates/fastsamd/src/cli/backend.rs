//! `--backend`, `--model`, `--config`: which accelerator a verb uses that works without a daemon.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use configuration::{Accelerator, Backend, Config, Hailo, Mock, Onnx, WrongInput};
use frame::InputSize;

use crate::open::accelerator::has_chip;

/// Which accelerator.
#[derive(Debug, Args)]
pub(super) struct BackendArgs {
    /// What answers: `hailo` a chip, `onnx` a network on the CPU (--model's, or the built-in one), `mock`
    /// computes from the picture, `replay` takes a recording's tensors. By default recordings are replayed,
    /// and pictures go through the accelerator of --config or --model, or else a Hailo chip where there is
    /// one, or else the built-in network.
    #[arg(long, value_enum)]
    backend: Option<Name>,
    /// The network: a HEF for a Hailo chip, or an ONNX file (NAME.onnx).
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Take what is needed from this configuration file: the accelerator, and the model for texts.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Name {
    Mock,
    Replay,
    Hailo,
    Onnx,
}

/// What the command line asks for.
pub(super) enum Choice {
    /// The answers of recordings.
    Replay,
    /// The mock, by name, for inputs of this size.
    Mock(InputSize),
    /// An accelerator that is opened as the daemon does.
    Open(Box<Accelerator>),
    /// Nothing in particular.
    Default,
}

impl BackendArgs {
    /// The configuration file that is named.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    pub(super) fn choice(&self) -> anyhow::Result<Choice> {
        let configured = match &self.config {
            Some(file) => Some(Config::load(file)?.accelerator),
            None => None,
        };
        if self.backend.is_none() && self.model.is_none() && configured.is_none() {
            return Ok(Choice::Default);
        }
        let name = named(self.backend, self.model.as_deref(), configured.as_ref());
        if name == Name::Replay && self.model.is_none() {
            return Ok(Choice::Replay);
        }
        let section = section(Some(name), self.model.as_deref(), configured.as_ref())?;
        Ok(match section.backend {
            // At the computer's own pace, and not at a chip's.
            Backend::Mock(mock) => Choice::Mock(mock.input),
            backend => Choice::Open(Box::new(Accelerator { backend, ..section })),
        })
    }
}

/// What answers: what is named, what the model needs, or what the configuration has.
fn named(name: Option<Name>, model: Option<&Path>, configured: Option<&Accelerator>) -> Name {
    let of_configuration = configured.map(|section| match section.backend {
        Backend::Mock(_) => Name::Mock,
        Backend::Hailo(_) => Name::Hailo,
        Backend::Onnx(_) => Name::Onnx,
        Backend::Replay(_) => Name::Replay,
    });
    name.or(model.map(of_file))
        .or(of_configuration)
        .unwrap_or_else(usual)
}

/// What answers where nothing is asked for.
fn usual() -> Name {
    if has_chip() { Name::Hailo } else { Name::Onnx }
}

/// What runs a file of this name.
fn of_file(model: &Path) -> Name {
    match model.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("onnx") => Name::Onnx,
        _ => Name::Hailo,
    }
}

/// An accelerator for one frame after the other. What the configuration says of the backend that is
/// wanted holds for it, too.
pub(super) fn section(
    name: Option<Name>,
    model: Option<&Path>,
    configured: Option<&Accelerator>,
) -> Result<Accelerator, WrongInput> {
    let name = named(name, model, configured);
    let of_configuration = configured.map(|section| section.backend.clone());
    let backend = match (name, of_configuration) {
        (Name::Mock | Name::Replay, _) if model.is_some() => {
            return Err(WrongInput::new("--model is for --backend hailo and onnx"));
        }
        (Name::Mock, Some(mock @ Backend::Mock(_))) => mock,
        (Name::Mock, _) => Backend::Mock(Mock::default()),
        (Name::Replay, Some(replay @ Backend::Replay(_))) => replay,
        (Name::Replay, _) => {
            return Err(WrongInput::new(
                "--backend replay needs a recording: give it in the configuration, \
                 {replay: {recording: FOLDER}}",
            ));
        }
        (Name::Onnx, of_configuration) => {
            let configured = match of_configuration {
                Some(Backend::Onnx(onnx)) => Some(onnx),
                _ => None,
            };
            let onnx = match (model, configured) {
                (Some(model), Some(onnx)) => Onnx {
                    model: Some(model.to_owned()),
                    // The configuration's size is that of its own file.
                    input: None,
                    ..onnx
                },
                (Some(model), None) => Onnx {
                    model: Some(model.to_owned()),
                    ..Onnx::default()
                },
                (None, configured) => configured.unwrap_or_default(),
            };
            Backend::Onnx(onnx)
        }
        (Name::Hailo, of_configuration) => {
            let mut hailo = match of_configuration {
                Some(Backend::Hailo(hailo)) => hailo,
                _ => Hailo::default(),
            };
            if let Some(model) = model {
                model.clone_into(&mut hailo.hef);
                // The configuration's sum is that of its own file.
                hailo.sha256 = None;
            }
            Backend::Hailo(hailo)
        }
    };
    Ok(Accelerator {
        backend,
        in_flight: None,
        batch_size: 1,
        // The configuration's are those of its own network.
        class_names: match model {
            None => configured.and_then(|section| section.class_names.clone()),
            Some(_) => None,
        },
    })
}
