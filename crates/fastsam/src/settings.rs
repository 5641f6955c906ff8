//! What a caller chooses.

use crate::cleanup::Cleanup;

/// Which pixels masks are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaskSize {
    /// The frame's own pixels, the padding cut away.
    #[default]
    Frame,
    /// The 640 x 640 pixels of the network input, padding included.
    Network,
}

/// What a caller chooses. The defaults are the reference's, so that they change nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Detections must score above this, strictly. 0.25 by default.
    pub confidence: f32,
    /// A detection is suppressed by a better one whose box overlaps it with an intersection over
    /// union above this, strictly. 0.7 by default.
    pub iou: f32,
    /// At most so many detections survive suppression, the best. 300 by default.
    pub max_segments: usize,
    /// Segments of fewer pixels are dropped. 0 by default; those without any always are.
    pub min_area: u32,
    /// Which pixels masks are made of; the frame's by default.
    pub mask_size: MaskSize,
    /// How masks are cleaned up before they are measured; not at all by default.
    pub cleanup: Cleanup,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            confidence: 0.25,
            iou: 0.7,
            max_segments: 300,
            min_area: 0,
            mask_size: MaskSize::Frame,
            cleanup: Cleanup::default(),
        }
    }
}
