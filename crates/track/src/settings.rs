//! What a caller chooses about ids.

use std::time::Duration;

/// When ids begin and end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Segments that score at least this choose among the objects first; the others take what is left
    /// (ByteTrack's two passes). 0.5 by default.
    pub high_score: f32,
    /// Segments that score less than this continue an object and never begin one. 0.4 by default.
    pub birth_score: f32,
    /// A hit that scores at least this counts twice. 0.7 by default.
    pub sure_score: f32,
    /// An object is [`Tracked`](crate::State::Tracked) once it was seen in so many frames. 2 by default: of what
    /// appears in a single frame with a low score, most is noise.
    pub birth_hits: u32,
    /// An object that is not seen ends after this time. 5 s by default: longer than most things stay
    /// hidden behind others, and short enough that "left" is still news.
    pub lost_for: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            high_score: 0.5,
            birth_score: 0.4,
            sure_score: 0.7,
            birth_hits: 2,
            lost_for: Duration::from_secs(5),
        }
    }
}
