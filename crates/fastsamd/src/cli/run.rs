//! `run`: the daemon.

use std::path::PathBuf;

use clap::Args;
use configuration::Config;

use super::{exit, maker::Maker};
use crate::daemon::{self, Extent};

/// What the daemon is started with.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = configuration::DEFAULT_PATH)]
    config: PathBuf,
}

pub(super) fn run(arguments: &RunArgs) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    if let Some(maker) = Maker::of_backend(&config.accelerator.backend) {
        exit::note(&maker.notice());
    }
    daemon::run(&config, Some(&arguments.config), Extent::default())
}
