//! What may be changed while the daemon runs, as one value.

use configuration::{Config, Level, Publish, Segmentation};

/// What of the configuration may change under way, and what only is there under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Adjustable {
    pub(crate) segmentation: Segmentation,
    pub(crate) publish: Publish,
    pub(crate) log: Level,
    /// Whether frames go to the accelerator.
    pub(crate) detection: bool,
    /// Each camera's.
    pub(crate) cameras: Vec<OfCamera>,
}

/// What may be changed of a camera.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OfCamera {
    /// Whether it is open.
    pub(crate) enabled: bool,
    /// The text that is looked for in every frame; empty for none.
    pub(crate) prompt: String,
}

impl Adjustable {
    /// As the configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let as_configured = OfCamera {
            enabled: true,
            prompt: String::new(),
        };
        Self {
            segmentation: config.segmentation.clone(),
            publish: config.publish.clone(),
            log: config.log.level,
            detection: true,
            cameras: vec![as_configured; config.cameras.len()],
        }
    }
}
