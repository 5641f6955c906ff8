//! What the two halves share: the tickets under way, and the input vstream.
//!
//! Locks are taken in the order input, then state. The writer holds the input from the write to
//! noting the ticket, and the reader takes it before it restarts anything: so no ticket of before a
//! restart is noted after it.
//!
//! No write should wait for the library, whose input is dead once a write has timed out. How many
//! frames it takes depends on the network and on the driver's descriptors, and nothing in C tells. So
//! where a write had to wait, fewer are under way from then on; after a time one more is tried.
//!
//! Vstreams carry no names of frames: if the chip ever swallowed one, each answer would be taken for
//! the frame before it, for ever. So now and then the writer waits until all that is under way is
//! answered. Where something is missing the reader's next read fails, and the vstreams are made anew.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError},
    thread,
    time::{Duration, Instant},
};

use hailort::InputVStream;

use super::{error::HailoError, step::Step};
use crate::Ticket;

/// A write that took longer had to wait. To copy a frame takes a millisecond or two.
const HAD_TO_WAIT: Duration = Duration::from_millis(10);

/// One on the chip, and one that waits: with less, the chip would stand idle.
const LEAST_ROOM: usize = 2;

/// Writes without a wait after which one more frame may be under way.
const QUICK_WRITES: u32 = 256;

/// How often a write under way is looked at by who waits for its end.
const LOOK: Duration = Duration::from_millis(2);

struct State {
    under_way: VecDeque<Ticket>,
    /// How many may be under way, by what was seen.
    room: usize,
    /// Writes without a wait since that changed.
    quick_writes: u32,
    /// When nothing was under way last.
    emptied_at: Instant,
    accepting: bool,
    write_fault: Option<Arc<HailoError>>,
    writer_gone: bool,
    reader_gone: bool,
}

pub(super) struct Flow {
    state: Mutex<State>,
    changed: Condvar,
    input: Mutex<Option<InputVStream>>,
    in_flight: usize,
    drain_every: Duration,
}

/// What the reader finds when it looks for work.
pub(super) enum Work {
    /// An input is under way.
    Read,
    /// A write failed.
    WriteFault(Arc<HailoError>),
    /// Nothing within the time.
    None,
    /// The writer has gone, and all is answered.
    Ended,
}

/// What became of a write.
pub(super) enum Written {
    Yes,
    /// No room within the time.
    Full,
    /// The other half has gone.
    Ended,
    /// The library did not take it.
    Refused(HailoError),
}

impl State {
    /// Learns from a write how many frames may be under way.
    fn learn(&mut self, had_to_wait: bool, in_flight: usize) {
        if had_to_wait {
            self.room = self
                .under_way
                .len()
                .clamp(LEAST_ROOM.min(in_flight), in_flight);
            self.quick_writes = 0;
            return;
        }
        self.quick_writes += 1;
        if self.quick_writes >= QUICK_WRITES {
            self.room = (self.room + 1).min(in_flight);
            self.quick_writes = 0;
        }
    }
}

impl Flow {
    pub(super) fn new(input: InputVStream, in_flight: usize, drain_every: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                under_way: VecDeque::with_capacity(in_flight),
                room: in_flight,
                quick_writes: 0,
                emptied_at: Instant::now(),
                accepting: true,
                write_fault: None,
                writer_gone: false,
                reader_gone: false,
            }),
            changed: Condvar::new(),
            input: Mutex::new(Some(input)),
            in_flight,
            drain_every,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is whole in itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn input(&self) -> MutexGuard<'_, Option<InputVStream>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the state is as wanted, at most until the deadline.
    fn wait<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        deadline: Instant,
        wanted: impl Fn(&State) -> bool,
    ) -> (MutexGuard<'a, State>, bool) {
        loop {
            if wanted(&state) {
                return (state, true);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (state, false);
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Writes a frame once there is room for it.
    pub(super) fn write(&self, ticket: Ticket, frame: &[u8], timeout: Duration) -> Written {
        let deadline = Instant::now() + timeout;
        loop {
            let (state, ready) = self.wait(self.state(), deadline, |state| {
                state.reader_gone || (state.accepting && self.has_room(state))
            });
            if state.reader_gone {
                return Written::Ended;
            }
            if !ready {
                return Written::Full;
            }
            drop(state);
            let mut input = self.input();
            let Some(vstream) = input.as_mut().filter(|_| self.state().accepting) else {
                // A restart came between.
                continue;
            };
            let begun = Instant::now();
            let written = vstream.write(frame);
            let had_to_wait = begun.elapsed() > HAD_TO_WAIT;
            let mut state = self.state();
            state.learn(had_to_wait, self.in_flight);
            match written {
                Ok(()) => {
                    if state.under_way.is_empty() {
                        state.emptied_at = Instant::now();
                    }
                    state.under_way.push_back(ticket);
                    self.changed.notify_all();
                    return Written::Yes;
                }
                Err(error) => {
                    let cause = Arc::new(HailoError::from(error));
                    // The library's input is dead.
                    state.accepting = false;
                    state.write_fault = Some(Arc::clone(&cause));
                    self.changed.notify_all();
                    return Written::Refused(HailoError::Fault {
                        cause,
                        lost: 1,
                        step: Step::DropFrame,
                    });
                }
            }
        }
    }

    fn has_room(&self, state: &State) -> bool {
        state.under_way.is_empty()
            || (state.under_way.len() < state.room && state.emptied_at.elapsed() < self.drain_every)
    }

    /// Waits until there is something for the reader to do.
    pub(super) fn work(&self, timeout: Duration) -> Work {
        let (mut state, _) = self.wait(self.state(), Instant::now() + timeout, |state| {
            state.write_fault.is_some() || !state.under_way.is_empty() || state.writer_gone
        });
        if let Some(fault) = state.write_fault.take() {
            Work::WriteFault(fault)
        } else if !state.under_way.is_empty() {
            Work::Read
        } else if state.writer_gone {
            Work::Ended
        } else {
            Work::None
        }
    }

    /// The oldest input is answered.
    pub(super) fn answered(&self) -> Option<Ticket> {
        let mut state = self.state();
        let ticket = state.under_way.pop_front();
        if state.under_way.is_empty() {
            state.emptied_at = Instant::now();
        }
        drop(state);
        self.changed.notify_all();
        ticket
    }

    /// Stops the writer and takes its input vstream away. Returns it and how many inputs are lost.
    /// Waits for a write that is under way, at most `limit`; then the writer keeps the vstream.
    pub(super) fn stop(&self, limit: Duration) -> (Option<InputVStream>, usize) {
        self.state().accepting = false;
        let deadline = Instant::now() + limit;
        let input = loop {
            match self.input.try_lock() {
                Ok(mut input) => break input.take(),
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner().take(),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => break None,
            }
        };
        let mut state = self.state();
        state.write_fault = None;
        let lost = state.under_way.len();
        state.under_way.clear();
        state.emptied_at = Instant::now();
        (input, lost)
    }

    /// Lets the writer go on with a new input vstream.
    pub(super) fn resume(&self, input: InputVStream) {
        let mut place = self.input();
        *place = Some(input);
        let mut state = self.state();
        state.accepting = true;
        self.changed.notify_all();
    }

    /// Waits while nothing ends, so that a pause does not hold up a shutdown.
    pub(super) fn pause(&self, until: Instant) {
        let (_state, _) = self.wait(self.state(), until, |state| state.writer_gone);
    }

    pub(super) fn is_writer_gone(&self) -> bool {
        self.state().writer_gone
    }

    pub(super) fn writer_leaves(&self) {
        self.state().writer_gone = true;
        self.changed.notify_all();
    }

    pub(super) fn reader_leaves(&self) {
        self.state().reader_gone = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_writes_wait_fewer_are_under_way() {
        let mut state = State {
            under_way: (0..12).collect(),
            room: 16,
            quick_writes: 0,
            emptied_at: Instant::now(),
            accepting: true,
            write_fault: None,
            writer_gone: false,
            reader_gone: false,
        };
        state.learn(true, 16);
        assert_eq!(state.room, 12);
        for _ in 0..QUICK_WRITES {
            state.learn(false, 16);
        }
        assert_eq!(state.room, 13);
        // A machine in a hurry must not make the chip stand idle.
        state.under_way.clear();
        state.learn(true, 16);
        assert_eq!(state.room, LEAST_ROOM);
    }
}
