//! The post-processor's settings on the command line.
//!
//! Their defaults equal the reference implementation's.

use clap::Args;
use configuration::{Class, Cleanup, MaskFormat, MaskSize, Segmentation};

use super::number;

/// The post-processor's settings on the command line.
#[derive(Debug, Args)]
pub(super) struct SettingArgs {
    /// Detections must score above this.
    #[arg(long, value_name = "0..1", default_value = "0.25", value_parser = number::fraction)]
    confidence: f64,
    /// A detection goes when its box overlaps a better one's by more than this.
    #[arg(long, value_name = "0..1", default_value = "0.7", value_parser = number::fraction)]
    iou: f64,
    /// Only segments of these classes, by name or number, where the network tells several apart.
    #[arg(long, value_name = "CLASS,...", value_delimiter = ',')]
    classes: Vec<Class>,
    /// Most segments of a frame.
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u32).range(1..=8400))]
    max_segments: u32,
    /// Leave out segments of fewer pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    min_area: u32,
    /// Masks in the frame's pixels, or over the network's input.
    #[arg(long, default_value = "frame")]
    pub(super) mask_size: MaskSize,
    /// How masks are written.
    #[arg(long, default_value = "rle")]
    pub(super) mask_format: MaskFormat,
    /// How far polygons may stray from the masks' borders, in pixels. With 0 they are exact.
    #[arg(long, value_name = "PIXELS", default_value = "0", value_parser = number::tolerance)]
    pub(super) tolerance: f64,
    /// Clean masks up: close=3,open=3,min_island=64,max_hole=64 unless other steps are named.
    #[arg(long, value_name = "STEP=PIXELS,...", num_args = 0..=1, require_equals = true,
          default_missing_value = Cleanup::USUAL)]
    cleanup: Option<Cleanup>,
}

impl SettingArgs {
    /// The same, as a configuration has it.
    pub(super) fn segmentation(&self) -> Segmentation {
        Segmentation {
            confidence: self.confidence,
            iou: self.iou,
            classes: self.classes.clone(),
            max_segments: self.max_segments as usize,
            min_area: self.min_area,
            mask_size: self.mask_size,
            cleanup: self.cleanup.unwrap_or_default(),
        }
    }
}
