//! Lines that repeat, summed up: a camera that is off for a night shall not fill the journal.
//!
//! Lines are of one kind if they differ in digits alone. The first [`FREE`] of a kind pass. Later ones are
//! held back and counted; the latest of them then passes with their number, at first after
//! [`FIRST_PAUSE`], and each time after twice as long, up to [`LONGEST_PAUSE`]. So in its first hour a kind
//! takes nine lines at most, and one an hour after that. A kind that stays away for [`FORGOTTEN_AFTER`] is
//! new again. Time is handed in.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use tracing::Level;

use super::line::Line;

/// Lines of a kind that pass.
const FREE: u32 = 5;

const FIRST_PAUSE: Duration = Duration::from_secs(5 * 60);
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60 * 60);

/// Kinds that are kept in mind.
const MOST_KINDS: usize = 256;

/// The kinds of lines that came lately.
#[derive(Default)]
pub(super) struct Repeats {
    kinds: HashMap<String, Kind>,
}

struct Kind {
    passed: u32,
    /// Held back since the latest that passed.
    held: u64,
    latest: Option<Line>,
    latest_at: Instant,
    /// When the counting began, and how long it goes on.
    counted_from: Instant,
    pause: Duration,
}

impl Repeats {
    /// The lines to write when this one comes: it, if it passes, after the sums that are due.
    pub(super) fn sift(&mut self, line: Line, now: Instant) -> Vec<Line> {
        let mut lines = self.due(now);
        if line.level > Level::INFO {
            // Who looks into a fault wants everything.
            lines.push(line);
            return lines;
        }
        let key = kind(&line);
        if !self.kinds.contains_key(&key) && self.kinds.len() == MOST_KINDS {
            self.forget_oldest();
        }
        let kind = self.kinds.entry(key).or_insert_with(|| Kind {
            passed: 0,
            held: 0,
            latest: None,
            latest_at: now,
            counted_from: now,
            pause: FIRST_PAUSE,
        });
        kind.latest_at = now;
        if kind.passed < FREE {
            kind.passed += 1;
            kind.counted_from = now;
            lines.push(line);
        } else {
            kind.held += 1;
            kind.latest = Some(line);
        }
        lines
    }

    /// What was held back and is due.
    fn due(&mut self, now: Instant) -> Vec<Line> {
        let mut lines = Vec::new();
        self.kinds.retain(|_, kind| {
            if now.duration_since(kind.counted_from) >= kind.pause {
                lines.extend(kind.sum_up(now));
            }
            kind.held > 0 || now.duration_since(kind.latest_at) < FORGOTTEN_AFTER
        });
        lines
    }

    /// All that was held back, for the end.
    pub(super) fn rest(&mut self, now: Instant) -> Vec<Line> {
        self.kinds
            .values_mut()
            .filter_map(|kind| kind.sum_up(now))
            .collect()
    }

    fn forget_oldest(&mut self) {
        let oldest = self
            .kinds
            .iter()
            .min_by_key(|(_, kind)| kind.latest_at)
            .map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.kinds.remove(&key);
        }
    }
}

impl Kind {
    fn sum_up(&mut self, now: Instant) -> Option<Line> {
        let mut line = self.latest.take()?;
        line.again = Some((self.held, now.duration_since(self.counted_from)));
        self.held = 0;
        self.counted_from = now;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        Some(line)
    }
}

/// A line without its numbers, which addresses such as `0x55d0c8a3f2c0` are, too.
fn kind(line: &Line) -> String {
    let text = line.plain();
    let mut pieces = text.split("0x");
    let mut kind = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        kind += piece.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    kind.retain(|character| !character.is_ascii_digit());
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> Line {
        Line {
            level: Level::WARN,
            message: message.into(),
            fields: Vec::new(),
            again: None,
        }
    }

    #[test]
    fn a_fault_that_lasts_for_a_night_takes_few_lines() {
        let start = Instant::now();
        let mut repeats = Repeats::default();
        let mut by_hour = [0u64; 8];
        let mut told = 0;
        for second in (0..8 * 3600).step_by(30) {
            let now = start + Duration::from_secs(second);
            let message = format!("[tcp @ 0x55d0{second:x}] off, try {second}");
            for line in repeats.sift(line(&message), now) {
                by_hour[(second / 3600) as usize] += 1;
                told += line.again.map_or(1, |(times, _)| times);
            }
        }
        assert!(
            by_hour[0] <= 9 && by_hour[1..].iter().all(|&lines| lines <= 1),
            "{by_hour:?}"
        );
        let end = start + Duration::from_secs(8 * 3600);
        told += repeats
            .rest(end)
            .iter()
            .map(|line| line.again.map_or(0, |(times, _)| times))
            .sum::<u64>();
        assert_eq!(told, 8 * 120);
    }

    #[test]
    fn lines_that_differ_in_words_are_not_held_back() {
        let now = Instant::now();
        let mut repeats = Repeats::default();
        for name in ["door", "yard", "desk", "roof", "gate", "pond"] {
            assert_eq!(repeats.sift(line(name), now).len(), 1);
        }
        let mut debug = line("frame");
        debug.level = Level::DEBUG;
        for _ in 0..100 {
            assert_eq!(repeats.sift(debug.clone(), now).len(), 1);
        }
    }

    #[test]
    fn a_fault_that_was_away_for_long_is_new() {
        let start = Instant::now();
        let mut repeats = Repeats::default();
        for _ in 0..FREE {
            assert_eq!(repeats.sift(line("off"), start).len(), 1);
        }
        assert!(repeats.sift(line("off"), start).is_empty());
        let later = start + FIRST_PAUSE;
        let sums = repeats.sift(line("on"), later);
        assert_eq!(sums[0].again, Some((1, FIRST_PAUSE)));
        let much_later = later + FORGOTTEN_AFTER;
        assert_eq!(repeats.sift(line("off"), much_later).len(), 1);
        assert_eq!(repeats.sift(line("off"), much_later).len(), 1);
    }

    #[test]
    fn what_is_kept_in_mind_is_bounded() {
        let start = Instant::now();
        let mut repeats = Repeats::default();
        for number in 0..10_000u64 {
            let words: String = format!("{number:b}").replace('0', "a").replace('1', "b");
            repeats.sift(line(&words), start + Duration::from_millis(number));
            assert!(repeats.kinds.len() <= MOST_KINDS);
        }
    }
}
