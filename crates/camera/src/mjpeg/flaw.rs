//! What is wrong with a picture.

/// Why a picture can't be used, for people.
pub(crate) type Flaw = String;
