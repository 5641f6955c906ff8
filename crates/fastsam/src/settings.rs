//! What a caller chooses.

use tensors::MAX_CLASSES;

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

/// Bits of a word of a [`ClassSet`].
const WORD: usize = u64::BITS as usize;

/// Some of the classes that networks tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassSet([u64; MAX_CLASSES / WORD]);

impl ClassSet {
    /// Every class.
    pub const ALL: Self = Self([u64::MAX; MAX_CLASSES / WORD]);

    /// Whether a class is one of them.
    pub const fn contains(&self, class: usize) -> bool {
        class < MAX_CLASSES && self.0[class / WORD] >> (class % WORD) & 1 == 1
    }
}

/// Classes from [`MAX_CLASSES`] on are none.
impl FromIterator<usize> for ClassSet {
    fn from_iter<I: IntoIterator<Item = usize>>(classes: I) -> Self {
        let mut set = Self([0; MAX_CLASSES / WORD]);
        for class in classes.into_iter().filter(|class| *class < MAX_CLASSES) {
            set.0[class / WORD] |= 1 << (class % WORD);
        }
        set
    }
}

/// What a caller chooses. The defaults are the reference's, so that they change nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Detections must score above this, strictly. 0.25 by default.
    pub confidence: f32,
    /// A detection is suppressed by a better one whose box overlaps it with an intersection over
    /// union above this, strictly. 0.7 by default.
    pub iou: f32,
    /// Detections of other classes than these are no segments. All by default.
    pub classes: ClassSet,
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
            classes: ClassSet::ALL,
            max_segments: 300,
            min_area: 0,
            mask_size: MaskSize::Frame,
            cleanup: Cleanup::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_its_classes_and_no_others() {
        let set: ClassSet = [0, 63, 64, MAX_CLASSES - 1, MAX_CLASSES]
            .into_iter()
            .collect();
        let held: Vec<_> = (0..=MAX_CLASSES)
            .filter(|class| set.contains(*class))
            .collect();
        assert_eq!(held, [0, 63, 64, MAX_CLASSES - 1]);
        assert!((0..MAX_CLASSES).all(|class| ClassSet::ALL.contains(class)));
    }
}
