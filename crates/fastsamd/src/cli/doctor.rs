//! `doctor`: looks at everything the daemon needs, and prints a row for each.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::exit;
use crate::doctor;
use crate::doctor::Machine;
use crate::doctor::Outcome;
use configuration::Backend;
use configuration::Config;

/// What to examine.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// The configuration to examine the machine for. Without one: the usual file if it is there,
    /// else all defaults and a Hailo chip.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON: `{"checks": [{"check", "status", "detail", "fix"}]}`.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &DoctorArgs) -> anyhow::Result<()> {
    let usual = Path::new(configuration::DEFAULT_PATH);
    let config = match &arguments.config {
        Some(path) => Config::load(path)?,
        None if usual.exists() => Config::load(usual)?,
        None => planned(),
    };
    let findings = doctor::examine(&config, &Machine::default());
    if arguments.json {
        let report = serde_json::json!({ "checks": findings });
        exit::say(&serde_json::to_string_pretty(&report)?)?;
    } else {
        for finding in &findings {
            exit::say(&finding.to_string())?;
        }
    }
    let failed: Vec<_> = findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Failed)
        .map(|finding| finding.check.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("failed: {}", failed.join(", "))
}

/// What fastsamd is made for, where nothing is configured yet.
fn planned() -> Config {
    let mut config = Config::default();
    config.accelerator.backend = Backend::Hailo(configuration::Hailo::default());
    config
}
