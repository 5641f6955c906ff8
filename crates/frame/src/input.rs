//! The network's input: how large it is, and its pixels.
//!
//! Source: FastSAM's networks (YOLOv8's) halve their input five times, so both sides are multiples of
//! 32; a HEF or an ONNX file is made for one size. Invariants: an [`InputSize`] is one that a network
//! can have, and small enough that its cells are counted in 16 bits; a [`NetworkInput`] has just the
//! bytes of its size.

use std::fmt;

use crate::Size;

/// What both sides of a network's input are multiples of.
const MULTIPLE: u32 = 32;

/// The longest side: 160 x 160 cells of 8 pixels, 33 600 anchors.
const LONGEST: u32 = 1280;

/// Columns and rows of a network's input, each a multiple of 32, from 32 to 1280.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InputSize {
    width: u32,
    height: u32,
}

/// A size that no network's input has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0}: a network's input has sides that are multiples of {MULTIPLE}, from {MULTIPLE} to {LONGEST}"
)]
pub struct InputSizeError(pub Size);

impl InputSize {
    /// 640 x 640, as the published networks have it.
    pub const DEFAULT: Self = Self {
        width: 640,
        height: 640,
    };

    /// 1280 x 1280.
    pub const LARGEST: Self = Self {
        width: LONGEST,
        height: LONGEST,
    };

    /// An input of so many columns and rows.
    ///
    /// # Errors
    /// A side that is no multiple of 32, or not within 32 to 1280.
    pub const fn new(width: u32, height: u32) -> Result<Self, InputSizeError> {
        if is_side(width) && is_side(height) {
            Ok(Self { width, height })
        } else {
            Err(InputSizeError(Size::new(width, height)))
        }
    }

    /// Columns.
    pub const fn width(self) -> u32 {
        self.width
    }

    /// Rows.
    pub const fn height(self) -> u32 {
        self.height
    }

    /// Columns and rows.
    pub const fn size(self) -> Size {
        Size::new(self.width, self.height)
    }

    /// Bytes of a row of pixels: red, green and blue each.
    pub const fn row_bytes(self) -> usize {
        self.width as usize * 3
    }

    /// Bytes of an input: `height * width * 3`, 4 915 200 at most.
    pub const fn bytes(self) -> usize {
        self.row_bytes() * self.height as usize
    }
}

const fn is_side(length: u32) -> bool {
    length >= MULTIPLE && length <= LONGEST && length.is_multiple_of(MULTIPLE)
}

impl Default for InputSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for InputSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.size().fmt(f)
    }
}

/// The pixels that a network looks at: RGB, row-major, without padding between rows.
#[derive(Debug, PartialEq, Eq)]
pub struct NetworkInput {
    size: InputSize,
    bytes: Vec<u8>,
}

impl NetworkInput {
    /// A black one.
    pub fn new(size: InputSize) -> Self {
        Self {
            size,
            bytes: vec![0; size.bytes()],
        }
    }

    /// Columns and rows.
    pub const fn size(&self) -> InputSize {
        self.size
    }

    /// Its bytes, [`InputSize::bytes`] of them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes, to be filled.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Its bytes alone.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Its pixels: red, green and blue, row-major.
    pub fn pixels(&self) -> &[[u8; 3]] {
        self.bytes.as_chunks().0
    }
}

impl Clone for NetworkInput {
    fn clone(&self) -> Self {
        Self {
            size: self.size,
            bytes: self.bytes.clone(),
        }
    }

    /// Reuses the buffer: between inputs of one size nothing is allocated.
    fn clone_from(&mut self, source: &Self) {
        self.size = source.size;
        self.bytes.clone_from(&source.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_multiples_of_32_up_to_1280() {
        for (width, height) in [(640, 640), (32, 32), (1280, 1280), (640, 384), (384, 640)] {
            let size = InputSize::new(width, height).unwrap();
            assert_eq!((size.width(), size.height()), (width, height));
            assert_eq!(size.bytes(), (width * height * 3) as usize);
            assert_eq!(NetworkInput::new(size).bytes().len(), size.bytes());
        }
        for (width, height) in [(0, 640), (640, 0), (333, 640), (640, 16), (1312, 640)] {
            let error = InputSize::new(width, height).unwrap_err();
            assert_eq!(error, InputSizeError(Size::new(width, height)));
        }
        assert_eq!(
            InputSize::new(333, 640).unwrap_err().to_string(),
            "333x640: a network's input has sides that are multiples of 32, from 32 to 1280"
        );
    }
}
