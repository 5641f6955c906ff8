//! Packed RGB frames in memory: three bytes for each pixel, no padding.

use frame::Size;

/// The buffer is not a packed RGB frame of this size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an RGB frame of {size} has {needed} bytes, not {found}")]
pub struct BufferError {
    /// Bytes there.
    pub found: usize,
    /// Bytes asked for.
    pub needed: usize,
    /// The frame's size.
    pub size: Size,
}

/// Whether the buffer is a packed RGB frame of this size.
pub(crate) fn check(rgb: &[u8], size: Size) -> Result<(), BufferError> {
    let needed = size.pixels().saturating_mul(3);
    if rgb.len() != needed {
        return Err(BufferError {
            found: rgb.len(),
            needed,
            size,
        });
    }
    Ok(())
}
