//! `run`: the daemon.

use std::path::PathBuf;

use clap::Args;
use configuration::{Backend, Config};

use super::{exit, mock};
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
    if let Backend::Mock(_) = config.accelerator.backend {
        exit::note(mock::NOTICE);
    }
    daemon::run(&config, Some(&arguments.config), Extent::default())
}
