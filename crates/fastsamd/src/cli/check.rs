//! `check`: says whether a configuration can be used, and if not, where it is wrong.

use std::path::PathBuf;

use clap::Args;

use super::exit;
use configuration::Config;

/// What to check.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = configuration::DEFAULT_PATH)]
    config: PathBuf,
}

pub(super) fn run(arguments: &CheckArgs) -> anyhow::Result<()> {
    Config::load(&arguments.config)?;
    exit::say(&format!("{}: ok", arguments.config.display()))
}
