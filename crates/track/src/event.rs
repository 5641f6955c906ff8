//! What happened to an object.

use std::time::Duration;

use frame::PixelRect;

/// An object as it was seen in one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// When.
    pub at: Duration,
    /// The frame's sequence number.
    pub sequence: u64,
    /// The mask's box, in pixels of the mask.
    pub bbox: PixelRect,
    /// The mask's pixels.
    pub area: u32,
    /// Confidence, 0 to 1.
    pub score: f32,
}

/// On which side of a line an object was and is, seen from the line's first point looking to its second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the left to the right.
    LeftToRight,
    /// From the right to the left.
    RightToLeft,
}

/// What happened. Zones and lines are named by their place in the monitor's lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The object is there.
    Appeared,
    /// The object is gone. The last of its events.
    Left,
    /// The object is in a zone.
    Entered {
        /// Which.
        zone: usize,
    },
    /// The object is no longer in a zone.
    Exited {
        /// Which.
        zone: usize,
    },
    /// The object has stayed in a zone for the zone's time. Once per stay.
    Loitering {
        /// Which.
        zone: usize,
    },
    /// The object has crossed a line.
    Crossed {
        /// Which.
        line: usize,
        /// Which way.
        direction: Direction,
    },
    /// The object stands still.
    Still,
    /// The object that stood still moves.
    Moving,
}

/// Something that happened to an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// What.
    pub change: Change,
    /// To which object.
    pub id: u64,
    /// When it was certain: the time of the frame that it is reported with.
    pub at: Duration,
    /// When it began: the first frame of the new state, or the last in which something gone was seen.
    pub since: Duration,
    /// That frame's sequence number.
    pub sequence: u64,
    /// How the object was seen last before; `None` where it was not.
    pub before: Option<Snapshot>,
    /// How it is seen now; `None` where it is gone.
    pub after: Option<Snapshot>,
}
