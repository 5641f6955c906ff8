//! What libhailort would crash on.

/// What the library would crash on, as the rest of a sentence about the HEF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw(pub(super) String);

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
