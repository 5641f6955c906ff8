//! When the accelerator should get its next input: pure, in the time that it is told.
//!
//! An accelerator runs one batch after the other. An input that comes while a batch runs waits, and
//! grows old; one that comes after its end leaves the accelerator idle. So each input is due a
//! *margin* before the end of the batch before its own, which is foretold from what was measured:
//!
//! - the *service time* of a batch, from its start (the end of the one before it, or its own last
//!   input, whichever is later) to its last answer;
//! - the *latency* of a batch that found the accelerator idle. What another batch takes longer, it
//!   waited: its *wait*.
//!
//! The margin is turned up and down until the wait is as short as its own jitter allows, so that
//! time for letterboxing, waking and reading answers is part of what is measured. Batches of
//! several have their inputs spread evenly over the time of a batch. Now and then an input waits
//! until nothing is under way (a *probe*), so that the latency is known anew: accelerators are
//! throttled when they are hot. It also shows that no input was swallowed: then answers would be
//! taken for those of other inputs.
//!
//! The idea is that of congestion control by delay (Cardwell et al., "BBR", 2016): the rate from
//! what is busy, the latency from what is idle.
//!
//! Invariants: never more than `in_flight` inputs are under way; where nothing is, an input is due
//! at once; where no answer has come for [`SHORTEST_PATIENCE`] and several batches' time, too.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use accelerator::Ticket;

/// Without an answer for so long, foretelling is over: the accelerator's own limits apply.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(1);
/// The same in batches' times: a network on a small processor takes seconds.
const PATIENCE_IN_BATCHES: f64 = 4.0;
/// The wait that is aimed at, beside what its jitter asks for.
const SHORTEST_WAIT: f64 = 0.001;
/// More than this is no jitter of a machine, and is not aimed at.
const LONGEST_WAIT: f64 = 0.05;
/// How many times the mean deviation of waits is added to it.
const DEVIATIONS: f64 = 2.0;
/// How much of a batch's error goes into the margin: of waits too short, and of those too long.
const GAINS: (f64, f64) = (0.4, 0.1);
/// The share of a new measurement in the service time and the deviation.
const SHARE: f64 = 0.1;
/// Latencies of idle batches that are remembered; the least of them counts.
const LATENCIES: usize = 8;
/// Service times that are remembered; the shortest of them is what the accelerator can do.
const SERVICES: usize = 16;
/// How often the latency is measured anew where inputs come one by one. It costs the time of a
/// letterboxing, about a thousandth of the rate.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// The same for batches, where it costs most of one.
const PROBE_BATCHES_EVERY: Duration = Duration::from_secs(25);
/// Batches between two probes at least: where a batch takes seconds, every other one would be one.
const PROBE_BATCHES: f64 = 50.0;

/// An input under way.
#[derive(Clone, Copy, Debug)]
struct Sent {
    ticket: Ticket,
    at: Instant,
    /// It completes its batch.
    last: bool,
    /// Nothing of an earlier batch was under way when it was sent.
    found_idle: bool,
    /// So it was meant to be.
    is_probe: bool,
    /// The camera had its frame before it was due.
    in_time: bool,
}

/// What is under way, what was measured, and what follows for the next input.
#[derive(Debug)]
pub(super) struct Schedule {
    batch_size: usize,
    in_flight: usize,
    under_way: VecDeque<Sent>,
    /// Inputs of the batch that is being filled.
    filled: usize,
    /// When the last batch was answered.
    batch_ended: Option<Instant>,
    /// When anything was sent or answered last.
    heard: Option<Instant>,
    /// Seconds that a batch takes.
    service: Option<f64>,
    /// The latest of those times, of batches that kept the accelerator busy.
    services: VecDeque<f64>,
    /// Seconds from sending the last input of a batch to its last answer, where it had not to wait.
    latencies: VecDeque<f64>,
    probed: Option<Instant>,
    /// Seconds before the foretold end of a batch.
    margin: f64,
    /// Mean of the waits, and their mean deviation from it, in seconds.
    wait: f64,
    deviation: f64,
}

impl Schedule {
    /// For an accelerator that takes inputs in batches of so many, and so many at once.
    pub(super) fn new(batch_size: usize, in_flight: usize) -> Self {
        let batch_size = batch_size.max(1);
        let in_flight = in_flight.max(batch_size);
        Self {
            batch_size,
            in_flight,
            under_way: VecDeque::with_capacity(in_flight + 1),
            filled: 0,
            batch_ended: None,
            heard: None,
            service: None,
            services: VecDeque::with_capacity(SERVICES),
            latencies: VecDeque::with_capacity(LATENCIES),
            probed: None,
            margin: 0.0,
            wait: 0.0,
            deviation: 0.0,
        }
    }

    /// When the next input is due, as far as is known now: an answer may change it.
    pub(super) fn due(&self, now: Instant) -> Instant {
        let Some(first) = self.under_way.front() else {
            return now;
        };
        let patience = seconds(PATIENCE_IN_BATCHES * self.service.unwrap_or(0.0));
        let give_up = self.heard.unwrap_or(first.at) + patience.max(SHORTEST_PATIENCE);
        let Some(service) = self.service else {
            // One batch to measure, and one to keep the accelerator busy meanwhile.
            let few = self.under_way.len() < self.in_flight.min(2 * self.batch_size);
            return if few { now } else { give_up };
        };
        if self.under_way.len() >= self.in_flight || self.wants_probe(now) {
            return give_up;
        }
        let mut whole = self.under_way.iter().filter(|sent| sent.last);
        let Some(completed) = whole.next() else {
            // The accelerator waits for the rest of this batch.
            return now;
        };
        let begun = completed.at.max(self.batch_ended.unwrap_or(completed.at));
        let missing = (self.batch_size - 1 - self.filled) as f64 / self.batch_size as f64;
        let ahead = (1 + whole.count()) as f64 * service - self.margin - missing * service;
        (begun + seconds(ahead)).min(give_up)
    }

    /// An input was sent; its frame was captured then.
    pub(super) fn sent(&mut self, ticket: Ticket, at: Instant, captured_at: Instant) {
        let found_idle = self.under_way.len() == self.filled;
        let is_probe = found_idle && self.probes(at);
        // An idle accelerator has waited since its last batch ended.
        let due = match self.batch_ended {
            Some(ended) if found_idle => ended,
            _ => self.due(at),
        };
        self.filled += 1;
        let last = self.filled == self.batch_size;
        if last {
            self.filled = 0;
        }
        self.under_way.push_back(Sent {
            ticket,
            at,
            last,
            found_idle,
            is_probe,
            in_time: captured_at <= due,
        });
        self.heard = Some(at);
    }

    /// The newest input was not accepted after all.
    pub(super) fn withdrawn(&mut self, ticket: Ticket) {
        if self
            .under_way
            .back()
            .is_some_and(|sent| sent.ticket == ticket)
        {
            self.under_way.pop_back();
            self.filled = self.filled.checked_sub(1).unwrap_or(self.batch_size - 1);
        }
    }

    /// An answer came. Older inputs that are still under way are lost.
    pub(super) fn answered(&mut self, ticket: Ticket, at: Instant) {
        let mut answered = None;
        while let Some(sent) = self.under_way.front().filter(|sent| sent.ticket <= ticket) {
            answered = Some(*sent).filter(|sent| sent.ticket == ticket);
            self.under_way.pop_front();
        }
        self.heard = Some(at);
        if let Some(sent) = answered.filter(|sent| sent.last) {
            self.measure(sent, at);
            self.batch_ended = Some(at);
        }
        if self.under_way.is_empty() {
            // What comes next begins a batch, whatever became of this one.
            self.filled = 0;
        }
    }

    /// All that was under way is lost.
    pub(super) fn reset(&mut self) {
        self.under_way.clear();
        self.filled = 0;
        self.batch_ended = None;
    }

    fn latency(&self) -> Option<f64> {
        least(&self.latencies)
    }

    /// Whether the next input waits until the accelerator is empty, so that its latency is known.
    fn wants_probe(&self, now: Instant) -> bool {
        self.filled == 0 && self.probes(now)
    }

    /// Whether the latency was not measured for long.
    fn probes(&self, now: Instant) -> bool {
        let every = match self.batch_size {
            1 => PROBE_EVERY,
            _ => PROBE_BATCHES_EVERY,
        };
        let every = every.max(seconds(PROBE_BATCHES * self.service.unwrap_or(0.0)));
        self.probed
            .is_none_or(|probed| now.saturating_duration_since(probed) >= every)
    }

    /// Learns from a batch whose last answer came.
    fn measure(&mut self, last: Sent, at: Instant) {
        let since = |then: Instant| at.saturating_duration_since(then).as_secs_f64();
        let took = since(last.at);
        let ended = self.batch_ended.unwrap_or(last.at);
        let service = since(last.at.max(ended));
        self.service = Some(match self.service {
            Some(before) => before + SHARE * (service - before),
            None => service,
        });
        if last.found_idle {
            remember(&mut self.latencies, LATENCIES, took);
            self.probed = Some(at);
        } else {
            remember(&mut self.services, SERVICES, service);
        }
        let Some(latency) = self.latency().filter(|_| last.in_time && !last.is_probe) else {
            return;
        };
        let waited = took - latency;
        // Below 0 where the accelerator had to wait: by as much as the batch came late, or took more
        // than batches can.
        let wait = if last.found_idle || waited <= 0.0 {
            let late = last.at.saturating_duration_since(ended).as_secs_f64();
            let possible = least(&self.services).unwrap_or(service);
            -late.max(since(ended) - possible).max(0.0)
        } else {
            waited
        };
        self.deviation += SHARE * ((wait - self.wait).abs() - self.deviation);
        self.wait += SHARE * (wait - self.wait);
        let aim = SHORTEST_WAIT + DEVIATIONS * self.deviation;
        let aim = aim.min(service / 2.0).min(LONGEST_WAIT);
        let error = (aim - wait).min(service / 4.0);
        let gain = if error > 0.0 { GAINS.0 } else { GAINS.1 };
        let most = service * (self.in_flight / self.batch_size) as f64;
        self.margin = (self.margin + gain * error).clamp(0.0, most);
    }
}

/// Keeps the newest so many.
fn remember(values: &mut VecDeque<f64>, most: usize, value: f64) {
    if values.len() == most {
        values.pop_front();
    }
    values.push_back(value);
}

fn least(values: &VecDeque<f64>) -> Option<f64> {
    values.iter().copied().reduce(f64::min)
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
