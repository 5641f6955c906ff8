//! The stages of the pipeline, each the body of one named thread.
//!
//! `capture -> [latest wins] -> submit | collect -> [bounded] -> segment -> [latest wins] -> publish`
//!
//! A stage ends when the one before it has ended and what it left is worked off: capture ends on
//! the shutdown token, and each stage closes its way out when it returns. No stage waits longer
//! than [`PATIENCE`] in one call.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use accelerator::{AcceleratorError, Collect, Submit, Tensors, Ticket};
use camera::{CameraError, Captured};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use fastsam::{Segmenter, Segments};
use frame::{Frame, INPUT_BYTES, Letterbox, Preprocessor};
use tracing::{info, warn};

use super::{
    counters::Counters,
    exchange::{Exchange, Taken},
    live,
    pending::Pending,
    service::Heartbeat,
    shutdown::Shutdown,
    sources::SourceFactory,
    text::Room,
};

/// The longest any blocking call of the pipeline waits before it looks around.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// First and longest pause before a camera that failed is tried again.
const CAMERA_BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// When a frame passed which point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    pub captured: Instant,
    pub taken: Instant,
    pub collected: Instant,
    pub segmented: Instant,
}

/// What is known of a frame while its pixels are on the accelerator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flight {
    pub camera: usize,
    pub sequence: u64,
    pub letterbox: Letterbox,
    pub timeline: Timeline,
}

/// A frame's answer on its way to the post-processor.
pub(super) struct Answer {
    pub flight: Flight,
    pub tensors: Tensors,
}

/// A frame's segments on their way to MQTT.
pub(super) struct Outcome {
    pub flight: Flight,
    pub segments: Segments,
}

/// What a camera's thread tells of its camera.
pub(super) trait CameraWatcher: Send {
    /// Its source has been opened, not for the first time perhaps.
    fn opened(&mut self);
    /// A frame came.
    fn captured(&mut self);
    /// No frames come any more.
    fn stopped(&mut self);
}

/// What the collecting thread tells of the accelerator.
pub(super) trait AcceleratorWatcher: Send {
    /// An answer came.
    fn answered(&mut self);
    /// Something failed, and frames with it.
    fn failed(&mut self, error: &AcceleratorError);
}

/// Captures from one camera until the shutdown or the end of its pictures.
pub(super) struct Capture<W> {
    pub camera: usize,
    pub name: String,
    pub open: SourceFactory,
    pub watcher: W,
    pub frames: Arc<Exchange<Frame>>,
    /// Frames whose buffers may be filled again.
    pub used: Receiver<Frame>,
    pub counters: Arc<Counters>,
    pub shutdown: Shutdown,
}

impl<W: CameraWatcher> Capture<W> {
    /// Runs until the shutdown; reopens the source after a failure, with growing pauses.
    pub(super) fn run(mut self, heartbeat: &Heartbeat) {
        let mut pause = CAMERA_BACKOFF.0;
        while !self.shutdown.is_requested() {
            match self.run_once(&mut pause, heartbeat) {
                Ok(()) => break,
                Err(error) => {
                    self.watcher.stopped();
                    warn!(camera = self.name, retry_in_s = pause.as_secs(), "{error}");
                    self.wait(pause, heartbeat);
                    pause = (pause * 2).min(CAMERA_BACKOFF.1);
                }
            }
        }
        self.watcher.stopped();
    }

    /// Waits for the next attempt, which is progress too.
    fn wait(&self, pause: Duration, heartbeat: &Heartbeat) {
        let until = Instant::now() + pause;
        loop {
            heartbeat.beat();
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.shutdown.wait(left.min(PATIENCE)) {
                return;
            }
        }
    }

    fn run_once(&mut self, pause: &mut Duration, heartbeat: &Heartbeat) -> Result<(), CameraError> {
        let mut source = (self.open)()?;
        self.watcher.opened();
        info!(camera = self.name, "capturing from {}", source.describe());
        let mut frame = self.used.try_recv().unwrap_or_else(|_| Frame::empty());
        while !self.shutdown.is_requested() {
            heartbeat.beat();
            match source.capture(&mut frame, PATIENCE) {
                Ok(Captured::Frame) => {
                    *pause = CAMERA_BACKOFF.0;
                    self.watcher.captured();
                    let replaced = self.frames.put(self.camera, frame);
                    if replaced.is_some() {
                        self.counters.dropped_before_submit.increment();
                    }
                    frame = replaced
                        .or_else(|| self.used.try_recv().ok())
                        .unwrap_or_else(Frame::empty);
                }
                Ok(Captured::End) => {
                    info!(camera = self.name, "the source has come to its end");
                    return Ok(());
                }
                // A slow source is no fault; it is asked again, and looks at the shutdown between.
                Err(CameraError::Timeout(_)) => {}
                Err(error) if error.is_transient() => {
                    self.counters.capture_failures.increment();
                    warn!(camera = self.name, "{error}");
                }
                Err(error) => {
                    self.counters.capture_failures.increment();
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Letterboxes frames and hands them to the accelerator.
pub(super) struct SubmitStage {
    pub submit: Box<dyn Submit>,
    pub frames: Arc<Exchange<Frame>>,
    /// For each camera, the way back for used frames.
    pub used: Vec<Sender<Frame>>,
    pub pending: Arc<Pending<Flight>>,
    /// Where pictures are kept for texts that are asked.
    pub text: Option<Arc<Room>>,
    pub counters: Arc<Counters>,
    pub shutdown: Shutdown,
}

impl SubmitStage {
    /// Runs until the cameras have closed the exchange, or the accelerator fails for good.
    pub(super) fn run(mut self, heartbeat: &Heartbeat) -> Result<(), AcceleratorError> {
        let mut preprocessors: Vec<_> = self.used.iter().map(|_| Preprocessor::new()).collect();
        let mut input = boxed_input();
        let mut ticket: Ticket = 0;
        loop {
            heartbeat.beat();
            let (camera, frame) = match self.frames.take(PATIENCE) {
                Taken::Value(camera, frame) => (camera, frame),
                Taken::Nothing => continue,
                Taken::Closed => return Ok(()),
            };
            let taken = Instant::now();
            match preprocessors[camera].letterbox(&frame, &mut input) {
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
                    if let Some(room) = &self.text {
                        room.offer(camera, frame.sequence, &input);
                    }
                    self.submit_one(ticket, flight, &input)?;
                }
                Err(error) => {
                    self.counters.dropped_at_submit.increment();
                    warn!("frame {} dropped: {error}", frame.sequence);
                }
            }
            // The camera makes a new buffer if this one can't go back at once.
            let _ = self.used[camera].try_send(frame);
        }
    }

    fn submit_one(
        &mut self,
        ticket: Ticket,
        flight: Flight,
        input: &[u8; INPUT_BYTES],
    ) -> Result<(), AcceleratorError> {
        // Before the input: its answer may come before this thread runs again.
        self.pending.add(ticket, flight);
        let outcome = self.submit.submit(ticket, input, PATIENCE);
        if outcome.is_err() {
            self.pending.withdraw(ticket);
            self.counters.dropped_at_submit.increment();
        }
        match outcome {
            Err(error) if error.is_transient() => {
                warn!("frame {} dropped: {error}", flight.sequence);
                Ok(())
            }
            Err(error) => {
                // The collecting thread knows why, and its word is the better one.
                self.shutdown.wait(PATIENCE);
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }
}

fn boxed_input() -> Box<[u8; INPUT_BYTES]> {
    let on_the_heap = vec![0; INPUT_BYTES].into_boxed_slice();
    on_the_heap
        .try_into()
        .unwrap_or_else(|_| Box::new([0; INPUT_BYTES]))
}

/// Takes answers from the accelerator and hands them to the post-processor.
pub(super) struct CollectStage<W> {
    pub collect: Box<dyn Collect>,
    pub watcher: W,
    pub pending: Arc<Pending<Flight>>,
    pub answers: Sender<Answer>,
    /// Buffers that the post-processor has read.
    pub free: Receiver<Tensors>,
    pub counters: Arc<Counters>,
    /// Disconnects when the submitting thread has ended.
    pub submitting: Receiver<()>,
}

impl<W: AcceleratorWatcher> CollectStage<W> {
    /// Runs until all that was submitted is answered or given up.
    pub(super) fn run(mut self, heartbeat: &Heartbeat) -> Result<(), AcceleratorError> {
        let outcome = self.run_until_drained(heartbeat);
        self.counters
            .lost_on_accelerator
            .add(self.pending.abandon());
        outcome
    }

    fn run_until_drained(&mut self, heartbeat: &Heartbeat) -> Result<(), AcceleratorError> {
        let mut unclaimed = None;
        loop {
            let mut tensors = match unclaimed.take() {
                Some(tensors) => tensors,
                // All buffers are away only while the post-processor works; it gives them back.
                None => match self.free.recv() {
                    Ok(tensors) => tensors,
                    Err(_) => return Ok(()),
                },
            };
            let Some(ticket) = self.next_ticket(&mut tensors, heartbeat)? else {
                return Ok(());
            };
            let claim = self.pending.claim(ticket);
            self.counters.lost_on_accelerator.add(claim.lost);
            let Some(mut flight) = claim.entry else {
                unclaimed = Some(tensors);
                continue;
            };
            flight.timeline.collected = Instant::now();
            if self.answers.send(Answer { flight, tensors }).is_err() {
                return Ok(());
            }
        }
    }

    /// The next answer's ticket, or `None` once no more can come.
    fn next_ticket(
        &mut self,
        tensors: &mut Tensors,
        heartbeat: &Heartbeat,
    ) -> Result<Option<Ticket>, AcceleratorError> {
        loop {
            if self.has_ended() && self.pending.is_empty() {
                return Ok(None);
            }
            match self.collect.collect(tensors, PATIENCE) {
                Ok(ticket) => {
                    heartbeat.beat();
                    self.watcher.answered();
                    return Ok(Some(ticket));
                }
                Err(AcceleratorError::Closed) if self.ends_soon() => return Ok(None),
                Err(error) => {
                    // Nothing within the time is no fault where nothing was submitted, and no
                    // progress where something was.
                    let timed_out = matches!(error, AcceleratorError::Timeout(_));
                    if !timed_out {
                        self.watcher.failed(&error);
                    }
                    if !timed_out || self.pending.is_empty() {
                        heartbeat.beat();
                    }
                    if !error.is_transient() {
                        return Err(error);
                    }
                    if self.has_ended() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Whether the accelerator was closed because the submitting thread ends. That thread drops its
    /// half first, and is gone a moment later.
    fn ends_soon(&self) -> bool {
        matches!(
            self.submitting.recv_timeout(PATIENCE),
            Err(RecvTimeoutError::Disconnected)
        )
    }

    fn has_ended(&self) -> bool {
        matches!(
            self.submitting.try_recv(),
            Err(crossbeam_channel::TryRecvError::Disconnected)
        )
    }
}

/// Turns answers into segments.
pub(super) struct SegmentStage {
    pub segmenter: Segmenter,
    pub live: live::Reader,
    pub answers: Receiver<Answer>,
    pub free: Sender<Tensors>,
    pub outcomes: Arc<Exchange<Outcome>>,
    /// Segments that have been published, to be filled again.
    pub used: Receiver<Segments>,
    pub counters: Arc<Counters>,
}

impl SegmentStage {
    /// Runs until the collecting thread has ended.
    pub(super) fn run(mut self, heartbeat: &Heartbeat) {
        let mut replaced: Option<Outcome> = None;
        loop {
            heartbeat.beat();
            let Answer {
                mut flight,
                tensors,
            } = match self.answers.recv_timeout(PATIENCE) {
                Ok(answer) => answer,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut segments = match replaced.take() {
                Some(outcome) => outcome.segments,
                None => self.used.try_recv().unwrap_or_default(),
            };
            let outcome = self.segmenter.segment(
                &tensors,
                &flight.letterbox,
                &self.live.now().segmentation,
                &mut segments,
            );
            flight.timeline.segmented = Instant::now();
            // There is room for all buffers that exist; a closed channel means the end.
            if let Err(TrySendError::Disconnected(_)) = self.free.try_send(tensors) {
                break;
            }
            if let Err(error) = outcome {
                self.counters.dropped_at_segment.increment();
                warn!("frame {} dropped: {error}", flight.sequence);
                continue;
            }
            self.counters.noise_left_out.add(segments.left_out() as u64);
            replaced = self
                .outcomes
                .put(flight.camera, Outcome { flight, segments });
            if replaced.is_some() {
                self.counters.dropped_before_publish.increment();
            }
        }
        self.outcomes.close();
    }
}

#[cfg(test)]
mod tests {
    use accelerator::mock::Network;
    use crossbeam_channel::bounded;

    use super::*;
    use crate::daemon::service::Service;

    /// An accelerator whose other half has just been dropped; says so, and only then lets the
    /// submitting thread end.
    struct ClosedBefore(Sender<()>);

    impl Collect for ClosedBefore {
        fn collect(&mut self, _: &mut Tensors, _: Duration) -> Result<Ticket, AcceleratorError> {
            let _ = self.0.send(());
            Err(AcceleratorError::Closed)
        }
    }

    struct Nobody;

    impl AcceleratorWatcher for Nobody {
        fn answered(&mut self) {}
        fn failed(&mut self, _: &AcceleratorError) {}
    }

    #[test]
    fn an_accelerator_closed_by_the_end_of_submitting_is_no_failure() {
        let (asked_in, asked_out) = bounded(1);
        let (submitting, submit_ended) = bounded::<()>(0);
        let ends = std::thread::spawn(move || {
            let _ = asked_out.recv();
            drop(submitting);
        });
        let (free_in, free_out) = bounded(1);
        let layout = Network::layout();
        free_in.send(Tensors::for_layout(&layout)).unwrap();
        let (answers, _answers_out) = bounded(1);
        let stage = CollectStage {
            collect: Box::new(ClosedBefore(asked_in)),
            watcher: Nobody,
            pending: Arc::new(Pending::with_capacity(1)),
            answers,
            free: free_out,
            counters: Arc::default(),
            submitting: submit_ended,
        };
        let heartbeat = Service::from_environment().heartbeat("collect");
        assert!(stage.run(&heartbeat).is_ok());
        ends.join().unwrap();
    }
}
