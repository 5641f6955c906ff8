//! The second stage: letterboxes frames and hands them to the accelerator, just in time.
//!
//! A frame is taken when the accelerator should get one, and not before: so it is the newest.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use accelerator::{AcceleratorError, Submit, Ticket};
use crossbeam_channel::Sender;
use frame::{Frame, NetworkInput, Preprocessor};
use tracing::warn;

use super::{
    counters::Counters,
    exchange::{Exchange, Taken},
    flight::{Flight, Timeline},
    pacing::Pacing,
    pending::Pending,
};
use crate::daemon::{
    keep::Keep,
    process::{shutdown::Shutdown, systemd::Heartbeat, threads::PATIENCE},
    settings::live,
};

/// The longest wait for the time of an input before the shutdown is looked at.
const DUE: Duration = Duration::from_millis(100);

/// Letterboxes frames and hands them to the accelerator.
pub(crate) struct SubmitStage {
    pub submit: Box<dyn Submit>,
    pub frames: Arc<Exchange<Frame>>,
    /// For each camera, the way back for used frames.
    pub used: Vec<Sender<Frame>>,
    pub pending: Arc<Pending<Flight>>,
    pub pacing: Arc<Pacing>,
    /// Where pictures are kept for those who want some.
    pub keeps: Vec<Arc<Keep>>,
    /// Where frames are kept for those who look at the page.
    pub shown: Option<Arc<Keep<Frame>>>,
    pub counters: Arc<Counters>,
    pub live: live::Reader,
    pub shutdown: Shutdown,
    /// The last frame was not taken.
    pub refused: bool,
    /// What the frames are letterboxed into, of the network's size.
    pub input: NetworkInput,
}

impl SubmitStage {
    /// Runs until the cameras have closed the exchange, or the accelerator fails for good.
    pub(crate) fn run(mut self, heartbeat: &Heartbeat) -> Result<(), AcceleratorError> {
        // One for each camera, and one for pictures that no camera takes.
        let places = 0..=self.used.len();
        let mut preprocessors: Vec<_> = places.map(|_| Preprocessor::new()).collect();
        let mut ticket: Ticket = 0;
        loop {
            heartbeat.beat();
            // What waits is of no use to anybody any more.
            if self.shutdown.is_requested() {
                return Ok(());
            }
            if !self.pacing.wait_until_due(DUE) {
                continue;
            }
            let (camera, frame) = match self.frames.take(PATIENCE) {
                Taken::Value(camera, frame) => (camera, frame),
                Taken::Nothing => continue,
                Taken::Closed => return Ok(()),
            };
            if !self.live.now().detection && camera < self.used.len() {
                let _ = self.used[camera].try_send(frame);
                continue;
            }
            let taken = Instant::now();
            match preprocessors[camera].letterbox(&frame, &mut self.input) {
                Ok(letterbox) => {
                    ticket += 1;
                    let flight = Flight {
                        camera,
                        sequence: frame.sequence,
                        letterbox,
                        timeline: Timeline {
                            captured: frame.captured_at,
                            taken,
                            collected: taken,
                            segmented: taken,
                        },
                    };
                    for keep in &self.keeps {
                        keep.offer(camera, frame.sequence, &self.input);
                    }
                    if let Some(keep) = &self.shown {
                        keep.offer(camera, frame.sequence, &frame);
                    }
                    self.submit_one(ticket, flight)?;
                }
                Err(error) => {
                    self.counters.dropped_at_submit.increment();
                    warn!("frame {} dropped: {error}", frame.sequence);
                }
            }
            // The camera makes a new buffer if this one can't go back at once.
            if let Some(used) = self.used.get(camera) {
                let _ = used.try_send(frame);
            }
        }
    }

    fn submit_one(&mut self, ticket: Ticket, flight: Flight) -> Result<(), AcceleratorError> {
        // Before the input: its answer may come before this thread runs again.
        self.pending.add(ticket, flight);
        self.pacing.sent(ticket, flight.timeline.captured);
        let outcome = self.submit.submit(ticket, self.input.bytes(), PATIENCE);
        if outcome.is_err() {
            self.pending.withdraw(ticket);
            self.pacing.withdrawn(ticket);
            self.counters.dropped_at_submit.increment();
        }
        match outcome {
            Err(error) if error.is_transient() => {
                // One line tells that frames are dropped; the counters tell how many.
                if !self.refused {
                    warn!("frame {} dropped: {error}", flight.sequence);
                }
                self.refused = true;
                Ok(())
            }
            Err(error) => {
                // The collecting thread knows why, and its word is the better one.
                self.shutdown.wait(PATIENCE);
                Err(error)
            }
            Ok(()) => {
                self.refused = false;
                Ok(())
            }
        }
    }
}
