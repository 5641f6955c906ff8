//! Inputs and outputs of a session's model, alike for every engine.

use std::fmt;

/// An input or output of a session's model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPort {
    /// Its name in the file.
    pub name: String,
    /// What its elements are.
    pub element_type: ElementType,
    /// Its shape, `None` for axes that are free; empty where the file gives none.
    pub shape: Vec<Option<usize>>,
}

/// Takes outputs: place, shape, elements.
pub(super) type Take<'a> = dyn FnMut(usize, &[usize], &[f32]) + 'a;

/// What a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point, converted from and to `f32` on the way. rten reads such files as
    /// [`Self::F32`].
    F16,
    /// Something else, which no session takes or gives.
    Other(&'static str),
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Other(name) => name,
        })
    }
}

impl SessionPort {
    /// Whether a tensor of this shape fits.
    pub(super) fn takes(&self, shape: &[usize]) -> bool {
        let fits = |(port, size): (&Option<usize>, &usize)| port.is_none_or(|port| port == *size);
        self.shape.is_empty()
            || self.shape.len() == shape.len() && self.shape.iter().zip(shape).all(fits)
    }

    /// Its shape in words: `1 x 3 x ? x ?`.
    pub(super) fn shape_in_words(&self) -> String {
        in_words(self.shape.iter().map(|size| match size {
            Some(size) => size.to_string(),
            None => "?".to_owned(),
        }))
    }
}

/// Sizes in words: `1 x 3 x 640 x 640`.
pub(super) fn in_words<S: ToString>(sizes: impl IntoIterator<Item = S>) -> String {
    let sizes: Vec<String> = sizes.into_iter().map(|size| size.to_string()).collect();
    sizes.join(" x ")
}
