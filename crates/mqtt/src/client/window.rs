//! How much may be under way to the broker: nothing grows old in buffers between here and there.
//!
//! What the operating systems on both sides buffer is seen by nobody: a broker that stands still for 20 s then gets
//! 20 s of frames at once, all of them new to it. So frames are confirmed. Now and then a *mark* follows a frame (a
//! packet that the broker has to answer); with its answer the broker has read all that was sent before. What is sent
//! and not confirmed is bounded by what the link has shown to carry in [`SLACK`] beyond its own delay (as in BBR,
//! Cardwell et al., 2016: rate times delay), and nothing more is sent while the oldest waits for longer than
//! [`PATIENCE`] beyond that delay.
//!
//! Invariants: there is one mark under way at a time; one frame may always be under way, whatever its size.

use std::time::{Duration, Instant};

/// How long what is sent at once may take to be read, beyond the link's own delay.
const SLACK: Duration = Duration::from_millis(300);

/// How long a frame may be unconfirmed beyond the link's own delay, until no other is sent.
const PATIENCE: Duration = Duration::from_millis(500);

/// The time between two marks, at least.
const BETWEEN_MARKS: Duration = Duration::from_millis(100);

/// Bytes that may always be under way, beside a frame: counts and states go out all the time.
const SMALL: usize = 4096;

/// Bytes that may be under way on any link: what is slower has more delay than slack.
const FLOOR: f64 = 16_384.0;

/// Bytes that may be under way on a new connection, of which nothing is known: all states are sent at once.
const AT_FIRST: f64 = 49_152.0;

/// The shortest time that a rate is measured over.
const SHORTEST: Duration = Duration::from_millis(50);

/// Confirmations over which the best rate and the shortest delay are remembered: some seconds.
const REMEMBERED: usize = 32;

/// What is sent and not confirmed.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Bytes sent behind the mark that is under way, and when the first of them was.
    behind: Sent,
    /// Bytes that the mark under way will confirm.
    before: Sent,
    /// When the mark under way was sent.
    mark: Option<Instant>,
    last_mark: Option<Instant>,
    last_confirmation: Option<Instant>,
    /// Of the last confirmations: the rate at which bytes were read, and how long that took.
    history: [Option<(f64, Duration)>; REMEMBERED],
    next: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    bytes: usize,
    since: Option<Instant>,
}

impl Window {
    /// Whether a frame may be sent now.
    pub(super) fn admits(&self, bytes: usize, now: Instant) -> bool {
        let unconfirmed = self.before.bytes + self.behind.bytes;
        if unconfirmed == 0 {
            return true;
        }
        // What is sent right behind a mark is confirmed by the next, which waits for the answer to the first.
        let delay = self.delay() * 2;
        let oldest = self.before.since.or(self.behind.since);
        let waits = oldest.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        if waits > delay + PATIENCE {
            return false;
        }
        let room = match self.rate() {
            Some(rate) => FLOOR.max(rate * (delay + SLACK).as_secs_f64()),
            None => AT_FIRST,
        };
        unconfirmed <= SMALL || (unconfirmed + bytes) as f64 <= room
    }

    /// A frame was sent. Says whether a mark is to follow it.
    pub(super) fn sent(&mut self, bytes: usize, now: Instant) -> bool {
        self.behind.bytes += bytes;
        self.behind.since.get_or_insert(now);
        let is_long_ago = |at: Instant| now.saturating_duration_since(at) >= BETWEEN_MARKS;
        self.mark.is_none() && self.last_mark.is_none_or(is_long_ago)
    }

    /// A mark was sent.
    pub(super) fn marked(&mut self, now: Instant) {
        self.before = std::mem::take(&mut self.behind);
        self.mark = Some(now);
        self.last_mark = Some(now);
    }

    /// Whether what was sent waits for a mark and none is under way: no frame may come that brings one.
    pub(super) fn wants_mark(&self, now: Instant) -> bool {
        let is_due = |at: Instant| now.saturating_duration_since(at) >= BETWEEN_MARKS;
        self.mark.is_none() && self.behind.since.is_some_and(is_due)
    }

    /// The mark under way was answered.
    pub(super) fn confirmed(&mut self, now: Instant) {
        let Some(mark) = self.mark.take() else { return };
        let sent = std::mem::take(&mut self.before);
        let delay = now.saturating_duration_since(mark);
        // A link that was busy has carried these bytes since it had carried those before them.
        let since = sent.since.unwrap_or(mark);
        let since = self.last_confirmation.map_or(since, |last| last.max(since));
        let took = now.saturating_duration_since(since).max(SHORTEST);
        self.last_confirmation = Some(now);
        self.history[self.next] = Some((sent.bytes as f64 / took.as_secs_f64(), delay));
        self.next = (self.next + 1) % REMEMBERED;
    }

    /// The best rate that was seen, in bytes a second.
    fn rate(&self) -> Option<f64> {
        let rates = self.history.iter().flatten().map(|(rate, _)| *rate);
        rates.max_by(f64::total_cmp)
    }

    /// The link's own delay, there and back.
    fn delay(&self) -> Duration {
        let delays = self.history.iter().flatten().map(|(_, delay)| *delay);
        delays.min().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const FRAME: usize = 14_000;

    /// A link of a rate and a delay, in milliseconds; it may stand still.
    struct Link {
        bytes_per_ms: f64,
        delay_ms: u64,
        /// What is under way: when it was sent, how many bytes, whether it is a mark.
        queue: VecDeque<(u64, f64, bool)>,
        confirmations: VecDeque<u64>,
        /// How old frames were when they arrived, beyond the delay; how many were sent.
        ages: Vec<(u64, u64)>,
        sent: usize,
    }

    /// Sends 30 frames a second for some seconds; `frozen` says when the link stands still.
    fn run(bytes_per_ms: f64, delay_ms: u64, seconds: u64, frozen: impl Fn(u64) -> bool) -> Link {
        let mut link = Link {
            bytes_per_ms,
            delay_ms,
            queue: VecDeque::new(),
            confirmations: VecDeque::new(),
            ages: Vec::new(),
            sent: 0,
        };
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut window = Window::default();
        for ms in 0..seconds * 1000 {
            let mut room = if frozen(ms) { 0.0 } else { link.bytes_per_ms };
            while let Some((sent, left, is_mark)) = link.queue.front_mut() {
                let taken = left.min(room);
                *left -= taken;
                room -= taken;
                if *left > 0.0 || frozen(ms) {
                    break;
                }
                if *is_mark {
                    link.confirmations.push_back(ms + link.delay_ms);
                } else {
                    link.ages.push((ms, ms - *sent));
                }
                link.queue.pop_front();
            }
            while link.confirmations.front().is_some_and(|due| *due <= ms) {
                link.confirmations.pop_front();
                window.confirmed(at(ms));
            }
            if ms % 33 == 0 && window.admits(FRAME, at(ms)) {
                link.sent += 1;
                link.queue.push_back((ms, FRAME as f64, false));
                if window.sent(FRAME, at(ms)) {
                    link.queue.push_back((ms, 1.0, true));
                    window.marked(at(ms));
                }
            } else if window.wants_mark(at(ms)) {
                link.queue.push_back((ms, 1.0, true));
                window.marked(at(ms));
            }
        }
        link
    }

    fn oldest(link: &Link) -> u64 {
        link.ages.iter().map(|(_, age)| *age).max().unwrap_or(0)
    }

    #[test]
    fn a_link_that_keeps_up_loses_nothing() {
        // A cable, wireless, and a satellite.
        for (bytes_per_ms, delay) in [(100_000.0, 0), (2_000.0, 20), (5_000.0, 300)] {
            let link = run(bytes_per_ms, delay, 20, |_| false);
            let all: usize = 20_000 / 33;
            let lost = all.saturating_sub(link.sent);
            assert!(
                lost <= 40,
                "{bytes_per_ms} B/ms, {delay} ms: {lost} of {all} lost"
            );
        }
    }

    #[test]
    fn on_a_slow_link_nothing_is_older_than_a_second() {
        let link = run(50.0, 5, 180, |_| false);
        assert!(oldest(&link) <= 1000, "{} ms", oldest(&link));
        // It is made use of: 50 kB/s are three and a half such frames.
        assert!(link.sent >= 180 * 2, "{}", link.sent);
    }

    #[test]
    fn a_broker_that_stands_still_gets_few_old_frames() {
        let link = run(100_000.0, 0, 40, |ms| (10_000..30_000).contains(&ms));
        let old = link.ages.iter().filter(|(_, age)| *age > 1000).count();
        assert!(old <= 18, "{old}");
        let after = link
            .ages
            .iter()
            .filter(|(at, age)| *at > 30_100 && *age < 100)
            .count();
        assert!(after >= 290, "{after} after it went on");
    }

    #[test]
    fn one_frame_may_always_be_under_way() {
        let now = Instant::now();
        let mut window = Window::default();
        assert!(window.admits(100_000_000, now));
        assert!(window.sent(100_000_000, now));
        window.marked(now);
        assert!(!window.admits(1, now));
        window.confirmed(now + Duration::from_secs(60));
        assert!(window.admits(100_000_000, now + Duration::from_secs(60)));
    }
}
