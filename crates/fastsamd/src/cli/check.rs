//! `check`: says whether a configuration can be used, and if not, where it is wrong.
//!
//! A network on the processor is tried, too, where its file is there: only that tells whether it can be run, which classes it has,
//! and how fast it is here.

use std::{fmt::Display, path::PathBuf};

use anyhow::Context;
use clap::Args;

use super::exit;
use crate::open::accelerator::{Opened, expectation, fitted, for_user};
use configuration::{Backend, Config, Onnx, WrongInput};

/// What to check.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = configuration::DEFAULT_PATH)]
    config: PathBuf,
}

pub(super) fn run(arguments: &CheckArgs) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    let file = arguments.config.display();
    let speed = match &config.accelerator.backend {
        Backend::Onnx(Onnx {
            model: Some(model), ..
        }) if !model.exists() => Some(format!(
            "{} is not on this machine: the network was not tried",
            model.display()
        )),
        Backend::Onnx(_) => Some(try_out(&config, &file)?),
        Backend::Mock(_) | Backend::Hailo(_) | Backend::Replay(_) => None,
    };
    exit::say(&format!("{file}: ok"))?;
    if rustix::process::geteuid().is_root()
        && let Some(remark) = configuration::closed_to_the_service(&arguments.config)
    {
        exit::note(&remark);
    }
    speed.map_or(Ok(()), |speed| exit::say(&speed))
}

/// Runs the network once, and says how fast it is.
fn try_out(config: &Config, file: &impl Display) -> anyhow::Result<String> {
    let Opened {
        accelerator, onnx, ..
    } = for_user(&fitted(config)).context(format!("{file}: accelerator"))?;
    config
        .segmentation
        .settings(accelerator.layout().classes())
        .map_err(|error| WrongInput::new(format!("{file}: segmentation.classes: {error}")))?;
    Ok(onnx.map_or_else(String::new, |report| expectation(&report)))
}
