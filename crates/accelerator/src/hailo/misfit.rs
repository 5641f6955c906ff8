//! Why a HEF is not one that this backend runs.

/// Why a HEF is not one that this backend runs, as a sentence about the HEF.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(pub(super) String);
