//! The third stage: takes answers from the accelerator and hands them to the post-processor.

use std::{sync::Arc, time::Instant};

use accelerator::{AcceleratorError, Collect, Description, Ticket, hailo::Monitor, onnx};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tensors::Tensors;

use super::{
    counters::Counters,
    flight::{Answer, Flight},
    pacing::Pacing,
    pending::Pending,
};
use crate::daemon::process::{systemd::Heartbeat, threads::PATIENCE};

/// What the collecting thread tells of the accelerator.
pub(crate) trait AcceleratorWatcher: Send {
    /// It could not be opened, and it will be tried again or not.
    fn not_opened(&mut self, error: &AcceleratorError);
    /// It is ready; of a network on the processor it is known how fast that is.
    fn opened(
        &mut self,
        description: &Description,
        monitor: Option<Monitor>,
        onnx: Option<&onnx::Report>,
    ) -> anyhow::Result<()>;
    /// An answer came.
    fn answered(&mut self);
    /// Something failed, and frames with it.
    fn failed(&mut self, error: &AcceleratorError);
}

/// Takes answers from the accelerator and hands them to the post-processor.
pub(crate) struct CollectStage<W> {
    pub collect: Box<dyn Collect>,
    pub watcher: W,
    pub pending: Arc<Pending<Flight>>,
    pub pacing: Arc<Pacing>,
    pub answers: Sender<Answer>,
    /// Buffers that the post-processor has read.
    pub free: Receiver<Tensors>,
    pub counters: Arc<Counters>,
    /// Disconnects when the submitting thread has ended.
    pub submitting: Receiver<()>,
}

impl<W: AcceleratorWatcher> CollectStage<W> {
    /// Runs until all that was submitted is answered or given up.
    pub(crate) fn run(mut self, heartbeat: &Heartbeat) -> Result<(), AcceleratorError> {
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
                None => match self.free.recv_timeout(PATIENCE) {
                    Ok(tensors) => tensors,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                },
            };
            let Some(ticket) = self.next_ticket(&mut tensors, heartbeat)? else {
                return Ok(());
            };
            let collected = Instant::now();
            self.pacing.answered(ticket, collected);
            let claim = self.pending.claim(ticket);
            self.counters.lost_on_accelerator.add(claim.lost);
            let Some(mut flight) = claim.entry else {
                unclaimed = Some(tensors);
                continue;
            };
            flight.timeline.collected = collected;
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
                        self.pacing.reset();
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use accelerator::mock::Network;
    use crossbeam_channel::bounded;

    use super::*;
    use crate::daemon::process::systemd::Service;

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
        fn not_opened(&mut self, _: &AcceleratorError) {}
        fn opened(
            &mut self,
            _: &Description,
            _: Option<Monitor>,
            _: Option<&onnx::Report>,
        ) -> anyhow::Result<()> {
            Ok(())
        }
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
        let layout = Network::layout(frame::InputSize::DEFAULT);
        free_in.send(Tensors::for_layout(&layout)).unwrap();
        let (answers, _answers_out) = bounded(1);
        let stage = CollectStage {
            collect: Box::new(ClosedBefore(asked_in)),
            watcher: Nobody,
            pending: Arc::new(Pending::with_capacity(1)),
            pacing: Arc::new(Pacing::new(1, 1)),
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
