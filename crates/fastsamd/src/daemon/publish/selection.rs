//! Which frames become a `masks` message.

use std::time::Instant;

use configuration::Masks;
use fastsam::Segment;
use frame::PixelRect;
use track::{State, Tracker};

/// An object has moved when a side of its box has by this share of the box's longer side, and by
/// [`LEAST_MOVE`] pixels.
const MOVED: f32 = 0.05;

/// Edges of masks tremble by a pixel or two.
const LEAST_MOVE: f32 = 3.0;

/// What of one camera was published last.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    at: Option<Instant>,
    /// The objects as they were shown last, in no order.
    shown: Vec<(u64, PixelRect)>,
}

impl Selection {
    /// Whether a frame is to be published, which is then taken for published.
    pub(crate) fn wants(
        &mut self,
        which: Masks,
        now: Instant,
        segments: &[Segment],
        tracker: &Tracker,
    ) -> bool {
        match which {
            Masks::All => true,
            Masks::Never => false,
            Masks::PerSecond(_) => {
                let interval = which.interval().unwrap_or_default();
                let Some(at) = self.at else {
                    self.at = Some(now);
                    return true;
                };
                let since = now.saturating_duration_since(at);
                if since < interval {
                    return false;
                }
                // What it is late by is not lost, so that the rate holds.
                self.at = Some(if since < 2 * interval {
                    at + interval
                } else {
                    now
                });
                true
            }
            Masks::Changed => self.note_change(now, segments, tracker),
        }
    }

    /// Whether an object has come, gone or moved since the last time that one had.
    fn note_change(&mut self, now: Instant, segments: &[Segment], tracker: &Tracker) -> bool {
        let is_first = self.at.is_none();
        let has_ended = |(id, _): &(u64, PixelRect)| !tracker.is_alive(*id);
        let mut is_change = is_first || self.shown.iter().any(has_ended);
        for (id, bbox) in tracked(segments, tracker) {
            let shown = self.shown.iter().find(|(shown, _)| *shown == id);
            is_change |= shown.is_none_or(|&(_, shown)| has_moved(shown, bbox));
        }
        if is_change {
            self.at = Some(now);
            // What is hidden for the moment is remembered where it was.
            let is_seen = |id| tracked(segments, tracker).any(|(seen, _)| seen == id);
            self.shown
                .retain(|&(id, _)| tracker.is_alive(id) && !is_seen(id));
            self.shown.extend(tracked(segments, tracker));
        }
        is_change
    }
}

/// The believed objects of a frame, and their boxes.
fn tracked<'a>(
    segments: &'a [Segment],
    tracker: &'a Tracker,
) -> impl Iterator<Item = (u64, PixelRect)> {
    let both = segments.iter().zip(tracker.tracks());
    both.filter(|(_, track)| track.state == State::Tracked)
        .map(|(segment, track)| (track.id, segment.bbox))
}

fn has_moved(from: PixelRect, to: PixelRect) -> bool {
    let sides = |rect: PixelRect| {
        let (right, bottom) = (rect.x + rect.width, rect.y + rect.height);
        [rect.x, rect.y, right, bottom].map(|side| side as f32)
    };
    let least = LEAST_MOVE.max(MOVED * from.width.max(from.height) as f32);
    let pairs = sides(from).into_iter().zip(sides(to));
    pairs
        .into_iter()
        .any(|(from, to)| (from - to).abs() >= least)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fastsam::{Mask, MaskSize, Run, prompt::Canvas};
    use frame::{FrameRect, InputSize, Letterbox, Size};
    use track::{Observation, Settings};

    use super::*;

    const SIZE: Size = Size::new(200, 100);

    fn segment(x: u16) -> Segment {
        let row = |y| Run {
            y,
            start: x,
            end: x + 20,
        };
        let mask = Mask::from_runs(SIZE, (10..30).map(row).collect()).unwrap();
        Segment {
            score: 0.9,
            class: 0,
            bbox: mask.bounding_box(),
            detection_bbox: FrameRect::default(),
            area: mask.area(),
            mask,
        }
    }

    #[test]
    fn a_rate_holds_over_frames_that_tremble() {
        let tracker = Tracker::new(Settings::default(), 1);
        let start = Instant::now();
        for (rate, expected) in [(10.0, 100), (1.0, 10), (29.9, 298), (100.0, 300)] {
            let mut selection = Selection::default();
            let mut published = 0;
            for frame in 0..300_u64 {
                let trembling = frame % 3 * 4;
                let now = start + Duration::from_millis(frame * 100 / 3 + trembling);
                let wanted = selection.wants(Masks::PerSecond(rate), now, &[], &tracker);
                published += u64::from(wanted);
            }
            assert!(published.abs_diff(expected) <= 5, "{rate}: {published}");
        }
    }

    #[test]
    fn a_change_is_an_object_that_comes_goes_or_moves() {
        let mut tracker = Tracker::new(Settings::default(), 1);
        let mut selection = Selection::default();
        let canvas = Canvas {
            letterbox: Letterbox::fit(SIZE, InputSize::DEFAULT),
            mask_size: MaskSize::Frame,
        };
        let mut frame = 0;
        let mut show = |segments: &[Segment]| {
            tracker.update(&Observation {
                at: Duration::from_millis(frame * 100),
                sequence: frame,
                canvas,
                segments,
            });
            frame += 1;
            selection.wants(Masks::Changed, Instant::now(), segments, &tracker)
        };
        assert!(show(&[segment(20)]), "the first frame");
        assert!(!show(&[segment(20)]));
        assert!(!show(&[segment(21)]), "trembling");
        assert!(!show(&[]), "hidden");
        assert!(show(&[segment(24)]), "moved");
        assert!(show(&[segment(24), segment(100)]), "another one");
        assert!(!show(&[segment(24), segment(100)]));
        let changes: Vec<u64> = (0..80).filter(|_| show(&[segment(24)])).collect();
        assert_eq!(changes.len(), 1, "one has left");
    }
}
