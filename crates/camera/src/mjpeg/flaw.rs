//! What is wrong with a picture.

/// Why a picture can't be used, for people.
pub(super) type Flaw = String;
