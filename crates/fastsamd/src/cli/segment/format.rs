//! In which form segments are written.

use clap::ValueEnum;
use configuration::{MaskFormat, MaskSize, WrongInput};

use super::SegmentArgs;

/// A form of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// The message that the daemon publishes: NAME.json.
    #[default]
    Json,
    /// COCO's instance annotations, one file for all inputs: coco.json.
    Coco,
    /// YOLO's segmentation labels: NAME.txt.
    Yolo,
    /// labelme's annotations: NAME.json.
    Labelme,
}

impl Format {
    /// Whether the options go together.
    ///
    /// # Errors
    /// Which ones don't.
    pub(super) fn check(self, arguments: &SegmentArgs) -> Result<(), WrongInput> {
        let refused = if self == Self::Json {
            None
        } else if arguments.settings.mask_size == MaskSize::Network {
            Some(
                "--mask-size network goes with --format json alone: other formats have the frame's pixels",
            )
        } else if arguments.prompt.union {
            Some(
                "--union goes with --format json alone: other formats have one entry for each segment",
            )
        } else if self == Self::Yolo && arguments.out.is_none() {
            Some("--format yolo writes a file for each picture: name a folder with --out")
        } else if matches!(self, Self::Yolo | Self::Labelme)
            && arguments.settings.mask_format == MaskFormat::None
        {
            Some("--mask-format none: this format consists of polygons; use --format json or coco")
        } else {
            None
        };
        refused.map_or(Ok(()), |cause| Err(WrongInput::new(cause)))
    }
}
