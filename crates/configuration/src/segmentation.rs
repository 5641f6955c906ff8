//! From the network's answer to segments.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use tensors::Classes;

use crate::{
    check::{self, bounded},
    classes::{Class, ClassError, wanted_classes},
    error::unknown,
    quote::Document,
};

/// The post-processor's settings. The defaults equal the reference implementation's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Segmentation {
    /// Detections must score above this. Default: 0.25, the reference's; FastSAM's own README
    /// uses 0.4 for fewer, surer ones.
    #[serde(deserialize_with = "check::fraction")]
    #[schemars(range(min = 0, max = 1))]
    pub confidence: f64,
    /// A detection goes when its box overlaps a better one's by more than this (intersection
    /// over union). Default: 0.7, the reference's; FastSAM's README uses 0.9.
    #[serde(deserialize_with = "check::fraction")]
    #[schemars(range(min = 0, max = 1))]
    pub iou: f64,
    /// Only segments of these classes, by name or number, where the network tells several apart
    /// (YOLOv8-seg: `[person, cup]`). Default: all. FastSAM has no classes.
    pub classes: Vec<Class>,
    /// Most segments of a frame, best scores first. Default: 300, the reference's.
    #[serde(deserialize_with = "max_segments")]
    #[schemars(range(min = 1, max = 8400))]
    pub max_segments: usize,
    /// Segments of fewer pixels are left out. Default: 0, none is.
    pub min_area: u32,
    /// `frame`: masks in the frame's own pixels (default: what fits the picture); `network`:
    /// masks over the network's input (640x640 for the published ones), padding included.
    pub mask_size: MaskSize,
    /// Cleans masks up. Default: not at all, so that masks equal the reference's.
    pub cleanup: Cleanup,
}

// The published networks have 8400 anchors: they can't detect more.
bounded!(max_segments: usize, 1..=8400);

impl Default for Segmentation {
    fn default() -> Self {
        Self {
            confidence: 0.25,
            iou: 0.7,
            classes: Vec::new(),
            max_segments: 300,
            min_area: 0,
            mask_size: MaskSize::Frame,
            cleanup: Cleanup::default(),
        }
    }
}

/// The pixels that masks are made of.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum MaskSize {
    /// The frame's own.
    #[default]
    Frame,
    /// The network input's.
    Network,
}

/// Steps that clean a mask up, in this order; 0 leaves one out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Cleanup {
    /// Closes gaps narrower than this many pixels: an odd number. Default: 0, off.
    #[serde(deserialize_with = "check::kernel")]
    pub close: u32,
    /// Removes what is thinner than this many pixels: an odd number. Default: 0, off.
    #[serde(deserialize_with = "check::kernel")]
    pub open: u32,
    /// Removes islands of fewer pixels, never the largest. Default: 0, off.
    pub min_island: u32,
    /// Fills holes of at most so many pixels. Default: 0, off.
    pub max_hole: u32,
}

impl Cleanup {
    /// What `segment --cleanup` does without values: removes the speckles and pinholes that
    /// 160x160 prototypes leave on a frame of about a megapixel, and nothing an eye would miss.
    pub const USUAL: &str = "close=3,open=3,min_island=64,max_hole=64";

    /// The names of the steps.
    const STEPS: [&str; 4] = ["close", "open", "min_island", "max_hole"];
}

/// The form of the command line, `close=3,max_hole=64`; steps that are not named are left out.
impl FromStr for Cleanup {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut cleanup = Self::default();
        for step in text.split(',') {
            let (name, value) = step
                .split_once('=')
                .ok_or_else(|| format!("'{step}': expected STEP=PIXELS"))?;
            let pixels: u32 = value
                .parse()
                .map_err(|_| format!("'{step}': expected a whole number, 0 or more"))?;
            match name {
                "close" => cleanup.close = check::kernel_side(pixels)?,
                "open" => cleanup.open = check::kernel_side(pixels)?,
                "min_island" => cleanup.min_island = pixels,
                "max_hole" => cleanup.max_hole = pixels,
                other => {
                    // From the command line, where nothing is secret.
                    let error = unknown("key", other, &Self::STEPS);
                    return Err(Document::new("").reveal(&error));
                }
            }
        }
        Ok(cleanup)
    }
}

impl Segmentation {
    /// The post-processor's settings for a network that tells these classes apart.
    ///
    /// # Errors
    /// A class that the network does not have.
    pub fn settings(&self, classes: &Classes) -> Result<fastsam::Settings, ClassError> {
        let Self {
            confidence,
            iou,
            classes: wanted,
            max_segments,
            min_area,
            mask_size,
            cleanup,
        } = self;
        Ok(fastsam::Settings {
            confidence: *confidence as f32,
            iou: *iou as f32,
            classes: wanted_classes(wanted, classes)?,
            max_segments: *max_segments,
            min_area: *min_area,
            mask_size: (*mask_size).into(),
            cleanup: (*cleanup).into(),
        })
    }
}

impl From<MaskSize> for fastsam::MaskSize {
    fn from(size: MaskSize) -> Self {
        match size {
            MaskSize::Frame => Self::Frame,
            MaskSize::Network => Self::Network,
        }
    }
}

impl From<Cleanup> for fastsam::cleanup::Cleanup {
    fn from(cleanup: Cleanup) -> Self {
        let Cleanup {
            close,
            open,
            min_island,
            max_hole,
        } = cleanup;
        Self {
            close,
            open,
            min_island,
            max_hole,
        }
    }
}
