//! What `segment` is asked for.

use std::path::PathBuf;

use clap::Args;
use configuration::{MaskFormat, MaskSize, WrongInput};

use super::{drawing::DrawingArgs, format::Format, prompt::PromptArgs, settings::SettingArgs};
use crate::cli::backend::BackendArgs;

/// What to segment, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct SegmentArgs {
    /// Pictures (JPEG, PNG, WebP, BMP, TIFF, GIF), films (through ffmpeg), recordings (folders with manifest.json),
    /// folders of pictures and recordings, patterns ('*.jpg'), or - for a picture from standard input.
    #[arg(required = true, value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,
    /// Look into the folders below, too.
    #[arg(short, long)]
    pub(super) recursive: bool,
    /// Write NAME.json and NAME.overlay.png here; without it JSON goes to standard output. Inputs of
    /// the same name are numbered: NAME-2, NAME-3. An input's earlier results are replaced; files that
    /// fastsamd did not write are kept.
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Replace files in --out even if fastsamd did not write them. An input is never replaced.
    #[arg(long, requires = "out")]
    pub(super) force: bool,
    /// The form of results. COCO's masks are run lengths, or polygons with --mask-format polygon.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    /// Write NAME.masks.png, too: a number for each pixel, that of its segment in the list, from 1, or 0; the smaller
    /// segment lies on top.
    #[arg(long, requires = "out")]
    pub(super) masks: bool,
    /// Write NAME.cutout-ID.png for each segment, too: its box, transparent beside it.
    #[arg(long, requires = "out")]
    pub(super) cutouts: bool,
    #[command(flatten)]
    pub(super) drawing: DrawingArgs,
    #[command(flatten)]
    pub(super) backend: BackendArgs,
    #[command(flatten)]
    pub(super) settings: SettingArgs,
    #[command(flatten)]
    pub(super) prompt: PromptArgs,
    /// Take pictures and recordings for the frames of a film, in their order: an object keeps its id, and its colour,
    /// from frame to frame. A film's own frames always do.
    #[arg(long)]
    pub(super) track: bool,
    /// Frames per second of that film. Default: 30, or what a film itself says.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(super) fps: Option<f64>,
}

/// What films have that don't say.
pub(super) const USUAL_RATE: f64 = 30.0;

impl SegmentArgs {
    /// Whether the options go together.
    ///
    /// # Errors
    /// Which ones don't.
    pub(super) fn check(&self) -> Result<(), WrongInput> {
        let refused = if self.format == Format::Json {
            None
        } else if self.settings.mask_size == MaskSize::Network {
            Some(
                "--mask-size network goes with --format json alone: other formats have the frame's pixels",
            )
        } else if self.prompt.union {
            Some(
                "--union goes with --format json alone: other formats have one entry for each segment",
            )
        } else if self.format == Format::Yolo && self.out.is_none() {
            Some("--format yolo writes a file for each picture: name a folder with --out")
        } else if matches!(self.format, Format::Yolo | Format::Labelme)
            && self.settings.mask_format == MaskFormat::None
        {
            Some("--mask-format none: this format consists of polygons; use --format json or coco")
        } else {
            None
        };
        refused.map_or(Ok(()), |cause| Err(WrongInput::new(cause)))
    }

    /// Frames per second where no film says so.
    pub(super) fn rate(&self) -> f64 {
        self.fps.unwrap_or(USUAL_RATE)
    }
}

/// Frames per second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if (0.01..=1000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("expected 0.01 to 1000".to_owned())
    }
}
