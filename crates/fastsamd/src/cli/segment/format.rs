//! In which form segments are written.

use clap::ValueEnum;

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
