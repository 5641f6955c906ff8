//! What the files of a recording are called.

/// The file that makes a folder a recording.
pub const MANIFEST: &str = "manifest.json";
/// The picture that the answers belong to, where it was kept.
pub const FRAME_PICTURE: &str = "frame.png";
