//! Pictures that no camera takes: they go the way of frames to the accelerator, and from there back to whoever has
//! brought them.
//!
//! So there is one accelerator, a chip or a network on the processor, for all that is to be looked at, and a picture
//! costs the cameras one turn of it. Invariant: one picture is under way; the answer to one that nobody waits for any
//! more is dropped.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use frame::{Frame, Letterbox};
use tensors::{Layout, Tensors};

use super::{exchange::Exchange, flight::Flight};

/// What the accelerator says of a picture.
pub(crate) struct Look {
    sequence: u64,
    pub(crate) letterbox: Letterbox,
    pub(crate) tensors: Tensors,
    /// From when the picture was taken up to the answer.
    pub(crate) infer: Duration,
}

/// Where pictures go in, and answers come out.
pub(crate) struct Stills {
    /// In the exchange of frames, behind the cameras'.
    place: usize,
    frames: Arc<Exchange<Frame>>,
    answers_in: Sender<Look>,
    answers: Receiver<Look>,
    /// Set once the accelerator is open.
    layout: OnceLock<Layout>,
    is_wanted: AtomicBool,
}

impl Stills {
    pub(crate) fn new(place: usize, frames: Arc<Exchange<Frame>>) -> Self {
        let (answers_in, answers) = bounded(1);
        Self {
            place,
            frames,
            answers_in,
            answers,
            layout: OnceLock::new(),
            is_wanted: AtomicBool::new(false),
        }
    }

    /// The accelerator is open.
    pub(crate) fn open(&self, layout: &Layout) {
        let _ = self.layout.set(layout.clone());
    }

    /// The outputs of the network, once there is one.
    pub(crate) fn layout(&self) -> Option<&Layout> {
        self.layout.get()
    }

    /// Has the accelerator look at a picture, and waits for the answer, at most until `deadline` or until `stop`,
    /// which is asked every `tick`.
    pub(crate) fn look(
        &self,
        frame: Frame,
        deadline: Instant,
        tick: Duration,
        stop: impl Fn() -> bool,
    ) -> Option<Look> {
        let sequence = frame.sequence;
        self.is_wanted.store(true, Ordering::Release);
        // One that was not taken in time made room.
        let _ = self.frames.put(self.place, frame);
        let found = loop {
            match self.answers.recv_timeout(tick) {
                Ok(look) if look.sequence == sequence => break Some(look),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline && !stop() => {}
                Err(_) => break None,
            }
        };
        self.is_wanted.store(false, Ordering::Release);
        found
    }

    /// Whether a frame is one of these pictures.
    pub(crate) fn has_sent(&self, flight: &Flight) -> bool {
        flight.camera == self.place
    }

    /// Hands on the answer to a picture, if somebody waits for it.
    pub(crate) fn answer(&self, flight: &Flight, tensors: &Tensors) {
        if !self.is_wanted.load(Ordering::Acquire) {
            return;
        }
        let timeline = flight.timeline;
        let look = Look {
            sequence: flight.sequence,
            letterbox: flight.letterbox,
            tensors: tensors.clone(),
            infer: timeline.collected.saturating_duration_since(timeline.taken),
        };
        // Where one lies already, who waits is about to take it.
        let _ = self.answers_in.try_send(look);
    }
}

#[cfg(test)]
mod tests {
    use accelerator::mock::Network;
    use frame::{InputSize, Size};

    use super::{
        super::{exchange::Taken, flight::Timeline},
        *,
    };

    #[test]
    fn an_answer_finds_who_waits_and_a_late_one_nobody() {
        let frames = Arc::new(Exchange::new(2, 1));
        let stills = Stills::new(1, Arc::clone(&frames));
        let layout = Network::layout(InputSize::DEFAULT);
        stills.open(&layout);
        let tensors = Tensors::for_layout(stills.layout().unwrap());
        let flight = |sequence| {
            let now = Instant::now();
            Flight {
                camera: 1,
                sequence,
                letterbox: Letterbox::fit(Size::new(64, 48), InputSize::DEFAULT),
                timeline: Timeline {
                    captured: now,
                    taken: now,
                    collected: now,
                    segmented: now,
                },
            }
        };
        assert!(stills.has_sent(&flight(1)));
        // Nobody waits.
        stills.answer(&flight(1), &tensors);
        let tick = Duration::from_millis(1);
        let picture = |sequence| Frame {
            sequence,
            ..Frame::empty()
        };
        let far = Instant::now() + Duration::from_secs(60);
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| stills.look(picture(2), far, tick, || false));
            let Taken::Value(1, frame) = frames.take(Duration::from_secs(60)) else {
                panic!("no picture");
            };
            stills.answer(&flight(frame.sequence), &tensors);
            assert_eq!(waits.join().unwrap().unwrap().sequence, 2);
        });
        // No answer in time, and none after the end.
        assert!(
            stills
                .look(picture(3), Instant::now(), tick, || false)
                .is_none()
        );
        assert!(stills.look(picture(4), far, tick, || true).is_none());
        stills.answer(&flight(4), &tensors);
        assert!(stills.answers.is_empty());
    }
}
