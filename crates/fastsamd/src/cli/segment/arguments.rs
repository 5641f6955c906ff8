//! What `segment` is asked for.

use std::path::PathBuf;

use clap::Args;

use super::{prompt::PromptArgs, settings::SettingArgs};
use crate::cli::backend::BackendArgs;

/// What to segment, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct SegmentArgs {
    /// Pictures (PNG, JPEG), recordings (folders with manifest.json), or folders of them.
    #[arg(required = true, value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,
    /// Write NAME.json and NAME.overlay.png here; without it JSON goes to standard output. Inputs of
    /// the same name are numbered: NAME-2, NAME-3. An input's earlier results are replaced; files that
    /// fastsamd did not write are kept.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Replace files in --out even if fastsamd did not write them. An input is never replaced.
    #[arg(long, requires = "out")]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
    #[command(flatten)]
    pub(super) settings: SettingArgs,
    #[command(flatten)]
    pub(super) prompt: PromptArgs,
}
