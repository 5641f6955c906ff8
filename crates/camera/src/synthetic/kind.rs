//! What the objects of a scene are.

/// The form of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A circle, filled.
    Disc,
    /// An ellipse, turned.
    Ellipse,
    /// A rectangle, turned.
    Rectangle,
    /// A star with five points.
    Star,
    /// A circle with a round hole, through which one sees what is behind.
    Ring,
    /// A regular triangle, pentagon or hexagon.
    Polygon,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::Disc,
        Self::Star,
        Self::Rectangle,
        Self::Ring,
        Self::Polygon,
        Self::Ellipse,
    ];
}
