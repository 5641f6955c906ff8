//! Sizes, points and boxes, with the coordinate space in the type's name.
//!
//! Boxes are half-open: `x1 <= x < x2`. Floating-point boxes carry `x1, y1, x2, y2`, the form in
//! which detectors compute; whole-pixel boxes carry `x, y, width, height`, the form of COCO
//! annotations.

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// A size of `width` columns by `height` rows.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    pub const fn pixels(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A position in frame pixels; whole numbers lie on pixel corners.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FramePoint {
    /// Rightwards.
    pub x: f32,
    /// Downwards.
    pub y: f32,
}

/// A position in pixels of the network input; whole numbers lie on pixel corners.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputPoint {
    /// Rightwards.
    pub x: f32,
    /// Downwards.
    pub y: f32,
}

/// A box in frame pixels, half-open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FrameRect {
    /// Left side.
    pub x1: f32,
    /// Top side.
    pub y1: f32,
    /// Right side, exclusive.
    pub x2: f32,
    /// Bottom side, exclusive.
    pub y2: f32,
}

/// A box in pixels of the network input, half-open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InputRect {
    /// Left side.
    pub x1: f32,
    /// Top side.
    pub y1: f32,
    /// Right side, exclusive.
    pub x2: f32,
    /// Bottom side, exclusive.
    pub y2: f32,
}

/// A box of whole pixels, as COCO annotations have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PixelRect {
    /// Leftmost column.
    pub x: u32,
    /// Topmost row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}
