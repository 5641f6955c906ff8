//! `doctor`: looks at everything the daemon needs, and prints a row for each.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use super::exit;
use crate::doctor;
use crate::doctor::Machine;
use crate::doctor::Outcome;
use configuration::Config;

/// What to examine.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// The configuration to examine the machine for. Without one: the usual file if it is there, else all
    /// defaults, and a Hailo chip where there is a trace of one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON: `{"checks": [{"check", "status", "detail", "fix"}]}`.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &DoctorArgs) -> anyhow::Result<()> {
    let usual = Path::new(configuration::DEFAULT_PATH);
    let machine = Machine::default();
    let findings = match &arguments.config {
        Some(path) => doctor::examine(&Config::load(path)?, &machine),
        None if usual.exists() => doctor::examine(&Config::load(usual)?, &machine),
        None => doctor::examine_unconfigured(&machine),
    };
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
