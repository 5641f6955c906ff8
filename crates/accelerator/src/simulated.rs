//! A simulated chip: takes inputs, answers in order, at a real chip's pace.
//!
//! A worker thread gathers what has been submitted into batches, has each answer computed, and
//! hands it out when a real chip would. A batch of `n` takes `overhead + n * frame`: on a Hailo-8
//! FastSAM runs in several contexts, and switching between them is paid once per batch. The time
//! spent computing lies inside a batch's time, so the pace holds as long as the computer is faster
//! than the chip.
//!
//! Invariants: at most `in_flight` inputs are submitted and not yet collected; all buffers are made
//! at the start and travel round; the worker ends when either half is gone, and is joined by the
//! one dropped last.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::{Accelerator, AcceleratorError, Collect, Description, Submit, Ticket};
use tensors::{Layout, NamesError, Tensors};

/// How long a batch waits to be filled. Less than a frame's time, as the scheduler of HailoRT is
/// usually set.
const GATHERING: Duration = Duration::from_millis(5);

/// A rate near 0 asks for times that no clock can count.
const LONGEST_BATCH: Duration = Duration::from_secs(3600);

/// The pace of a chip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Inputs that may be under way at once, at least 1.
    pub in_flight: usize,
    /// Inputs the chip takes together, at least 1.
    pub batch_size: usize,
    /// Frames per second one by one; 0 for as fast as the computer can.
    pub fps_batch_1: f64,
    /// Frames per second in batches of eight; no slower than one by one.
    pub fps_batch_8: f64,
    /// Time from the end of a batch to its answers.
    pub latency: Duration,
}

impl Default for Pace {
    /// A Hailo-8's published rates for fast_sam_s; four under way keep it busy.
    fn default() -> Self {
        Self {
            in_flight: 4,
            batch_size: 1,
            fps_batch_1: 48.0,
            fps_batch_8: 65.0,
            latency: Duration::ZERO,
        }
    }
}

impl Pace {
    /// As fast as the computer can.
    pub fn unlimited() -> Self {
        Self {
            fps_batch_1: 0.0,
            fps_batch_8: 0.0,
            ..Self::default()
        }
    }

    /// How long a batch of `n` takes; a rate that is no number is unlimited.
    fn batch_time(&self, n: usize) -> Duration {
        if self.fps_batch_1.is_nan() || self.fps_batch_1 <= 0.0 {
            return Duration::ZERO;
        }
        let one = 1.0 / self.fps_batch_1;
        let eight = 8.0 / self.fps_batch_8.max(self.fps_batch_1);
        let frame = (eight - one) / 7.0;
        let seconds = one + (n.max(1) - 1) as f64 * frame;
        Duration::from_secs_f64(seconds.min(LONGEST_BATCH.as_secs_f64()))
    }
}

/// What a simulated chip computes.
pub(crate) trait Compute: Send + 'static {
    /// Fills `tensors` with the answer to `input`.
    fn compute(&mut self, input: &[u8], tensors: &mut Tensors) -> Result<(), AcceleratorError>;
}

/// A chip that has been started.
pub(crate) struct Chip {
    description: Description,
    layout: Layout,
    submit: SubmitHalf,
    collect: CollectHalf,
}

struct Job {
    ticket: Ticket,
    input: Vec<u8>,
}

struct Answer {
    job: Job,
    tensors: Tensors,
    computed: Result<(), AcceleratorError>,
    ready_at: Instant,
}

struct SubmitHalf {
    input_bytes: usize,
    free: Receiver<Vec<u8>>,
    jobs: Sender<Job>,
    _worker: Arc<Worker>,
}

struct CollectHalf {
    answers: Receiver<Answer>,
    /// An answer whose time has not come.
    early: Option<Answer>,
    free: Sender<Vec<u8>>,
    spare: Sender<Tensors>,
    _worker: Arc<Worker>,
}

struct Worker(Option<JoinHandle<()>>);

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A panic in the worker has shown as `Closed` in both halves.
            let _ = thread.join();
        }
    }
}

impl Chip {
    /// Starts a chip that computes so, at this pace.
    pub(crate) fn start(
        backend: &'static str,
        network: String,
        layout: Layout,
        pace: Pace,
        compute: impl Compute,
    ) -> Result<Self, AcceleratorError> {
        let batch_size = pace.batch_size.max(1);
        let in_flight = pace.in_flight.max(batch_size);
        let input_bytes = layout.input().bytes();
        let (free_in, free_out) = bounded(in_flight);
        let (spare_in, spare_out) = bounded(in_flight);
        for _ in 0..in_flight {
            // Both channels have room for all that exist.
            let _ = free_in.try_send(vec![0; input_bytes]);
            let _ = spare_in.try_send(Tensors::for_layout(&layout));
        }
        let (jobs_in, jobs_out) = bounded(in_flight);
        let (answers_in, answers_out) = bounded(in_flight);
        let stage = Stage {
            jobs: jobs_out,
            spare: spare_out,
            answers: answers_in,
            pace: Pace {
                in_flight,
                batch_size,
                ..pace
            },
            compute,
        };
        let thread = thread::Builder::new()
            .name(format!("{backend}-chip"))
            .spawn(move || stage.run())
            .map_err(AcceleratorError::Thread)?;
        let worker = Arc::new(Worker(Some(thread)));
        Ok(Self {
            description: Description {
                backend,
                network,
                in_flight,
                batch_size,
            },
            layout,
            submit: SubmitHalf {
                input_bytes,
                free: free_out,
                jobs: jobs_in,
                _worker: Arc::clone(&worker),
            },
            collect: CollectHalf {
                answers: answers_out,
                early: None,
                free: free_in,
                spare: spare_in,
                _worker: worker,
            },
        })
    }
}

impl Accelerator for Chip {
    fn description(&self) -> Description {
        self.description.clone()
    }

    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn name_classes(&mut self, names: Vec<String>) -> Result<(), NamesError> {
        self.layout.name_classes(names)
    }

    fn split(self: Box<Self>) -> (Box<dyn Submit>, Box<dyn Collect>) {
        (Box::new(self.submit), Box::new(self.collect))
    }
}

impl Submit for SubmitHalf {
    fn submit(
        &mut self,
        ticket: Ticket,
        input: &[u8],
        timeout: Duration,
    ) -> Result<(), AcceleratorError> {
        if input.len() != self.input_bytes {
            let (found, expected) = (input.len(), self.input_bytes);
            return Err(AcceleratorError::InputSize { found, expected });
        }
        let mut buffer = self
            .free
            .recv_timeout(timeout)
            .map_err(|error| gone_or(error, timeout))?;
        buffer.copy_from_slice(input);
        self.jobs
            .send(Job {
                ticket,
                input: buffer,
            })
            .map_err(|_| AcceleratorError::Closed)
    }
}

impl Collect for CollectHalf {
    fn collect(
        &mut self,
        tensors: &mut Tensors,
        timeout: Duration,
    ) -> Result<Ticket, AcceleratorError> {
        let begun = Instant::now();
        let mut answer = match self.early.take() {
            Some(answer) => answer,
            None => self
                .answers
                .recv_timeout(timeout)
                .map_err(|error| gone_or(error, timeout))?,
        };
        if answer.ready_at.saturating_duration_since(begun) > timeout {
            thread::sleep(timeout.saturating_sub(begun.elapsed()));
            self.early = Some(answer);
            return Err(AcceleratorError::Timeout(timeout));
        }
        thread::sleep(answer.ready_at.saturating_duration_since(Instant::now()));
        std::mem::swap(tensors, &mut answer.tensors);
        // The worker may be gone already; then the buffers go with it.
        let _ = self.spare.try_send(answer.tensors);
        let _ = self.free.try_send(answer.job.input);
        answer.computed.map(|()| answer.job.ticket)
    }
}

fn gone_or(error: RecvTimeoutError, timeout: Duration) -> AcceleratorError {
    match error {
        RecvTimeoutError::Timeout => AcceleratorError::Timeout(timeout),
        RecvTimeoutError::Disconnected => AcceleratorError::Closed,
    }
}

/// What the worker thread owns.
struct Stage<C> {
    jobs: Receiver<Job>,
    spare: Receiver<Tensors>,
    answers: Sender<Answer>,
    pace: Pace,
    compute: C,
}

impl<C: Compute> Stage<C> {
    fn run(mut self) {
        let mut batch = Vec::with_capacity(self.pace.batch_size);
        let mut free_at = Instant::now();
        while self.gather(&mut batch, free_at) {
            let start = Instant::now().max(free_at);
            free_at = start + self.pace.batch_time(batch.len());
            for job in batch.drain(..) {
                let Ok(mut tensors) = self.spare.recv() else {
                    return;
                };
                let computed = self.compute.compute(&job.input, &mut tensors);
                let ready_at = free_at + self.pace.latency;
                if self
                    .answers
                    .send(Answer {
                        job,
                        tensors,
                        computed,
                        ready_at,
                    })
                    .is_err()
                {
                    return;
                }
            }
        }
    }

    /// Fills the batch with what has been submitted when the chip is free; `false` at the end.
    fn gather(&self, batch: &mut Vec<Job>, free_at: Instant) -> bool {
        let Ok(first) = self.jobs.recv() else {
            return false;
        };
        batch.push(first);
        let deadline = free_at.max(Instant::now() + GATHERING);
        while batch.len() < self.pace.batch_size {
            match self.jobs.recv_deadline(deadline) {
                Ok(job) => batch.push(job),
                Err(RecvTimeoutError::Timeout) => break,
                // What was submitted before the end is still answered.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensors::{ElementType, QuantInfo, Role, TensorInfo};

    const LONG: Duration = Duration::from_secs(30);
    const SHORT: Duration = Duration::from_millis(10);

    /// Answers with the input's first byte in every score.
    struct Echo;

    impl Compute for Echo {
        fn compute(&mut self, input: &[u8], tensors: &mut Tensors) -> Result<(), AcceleratorError> {
            for role in Role::ALL {
                if let Some(elements) = tensors.u8_mut(role) {
                    elements.fill(input[0]);
                }
            }
            Ok(())
        }
    }

    const INPUT: frame::InputSize = frame::InputSize::DEFAULT;

    /// Ten outputs of bytes.
    fn layout() -> Layout {
        let outputs = Role::ALL.map(|role| TensorInfo {
            name: format!("{role:?}"),
            shape: role.shape(INPUT, 1),
            element_type: ElementType::U8,
            quant: QuantInfo {
                scale: 1.0,
                zero_point: 0.0,
            },
        });
        Layout::bind(&outputs, INPUT).unwrap()
    }

    fn start(pace: Pace) -> (Box<dyn Submit>, Box<dyn Collect>, Tensors) {
        let layout = layout();
        let tensors = Tensors::for_layout(&layout);
        let chip = Chip::start("echo", "echo".into(), layout, pace, Echo).unwrap();
        let (submit, collect) = Box::new(chip).split();
        (submit, collect, tensors)
    }

    fn input(value: u8) -> Vec<u8> {
        vec![value; INPUT.bytes()]
    }

    fn first_score(tensors: &Tensors) -> u8 {
        match tensors.view(Role::Scores(tensors::Level::Stride8)).elements {
            tensors::Elements::U8(elements) => elements[0],
            tensors::Elements::U16(_) => panic!("scores are u8"),
        }
    }

    #[test]
    fn answers_come_in_order_each_to_its_input() {
        let (mut submit, mut collect, mut tensors) = start(Pace::unlimited());
        for round in 0..10 {
            for i in 0..4 {
                submit
                    .submit(round * 4 + i, &input((round * 4 + i) as u8), LONG)
                    .unwrap();
            }
            for i in 0..4 {
                let ticket = collect.collect(&mut tensors, LONG).unwrap();
                assert_eq!(ticket, round * 4 + i);
                assert_eq!(u64::from(first_score(&tensors)), ticket);
            }
        }
    }

    #[test]
    fn no_more_inputs_are_taken_than_may_be_under_way() {
        let (mut submit, mut collect, mut tensors) = start(Pace {
            in_flight: 2,
            ..Pace::unlimited()
        });
        submit.submit(0, &input(0), LONG).unwrap();
        submit.submit(1, &input(1), LONG).unwrap();
        let refused = submit.submit(2, &input(2), SHORT);
        assert!(
            matches!(refused, Err(AcceleratorError::Timeout(_))),
            "{refused:?}"
        );
        collect.collect(&mut tensors, LONG).unwrap();
        submit.submit(2, &input(2), LONG).unwrap();
    }

    #[test]
    fn an_answer_is_not_there_before_its_time() {
        // No machine is so busy that this time passes between two lines.
        let latency = Duration::from_secs(3600);
        let (mut submit, mut collect, mut tensors) = start(Pace {
            latency,
            ..Pace::unlimited()
        });
        submit.submit(7, &input(7), LONG).unwrap();
        for _ in 0..2 {
            let early = collect.collect(&mut tensors, SHORT);
            assert!(
                matches!(early, Err(AcceleratorError::Timeout(_))),
                "{early:?}"
            );
        }
    }

    #[test]
    fn an_answer_that_was_asked_for_too_early_comes_later() {
        let latency = Duration::from_millis(60);
        let (mut submit, mut collect, mut tensors) = start(Pace {
            latency,
            ..Pace::unlimited()
        });
        let submitted = Instant::now();
        submit.submit(7, &input(7), LONG).unwrap();
        let ticket = loop {
            match collect.collect(&mut tensors, SHORT) {
                Err(AcceleratorError::Timeout(_)) => {}
                answer => break answer.unwrap(),
            }
        };
        assert_eq!(ticket, 7);
        // A busy machine answers later, never sooner.
        assert!(submitted.elapsed() >= latency);
    }

    #[test]
    fn batches_of_eight_reach_the_rate_of_batches_of_eight() {
        let pace = Pace::default();
        assert_eq!(pace.batch_time(1), Duration::from_secs_f64(1.0 / 48.0));
        let eight = pace.batch_time(8).as_secs_f64();
        assert!((eight - 8.0 / 65.0).abs() < 1e-6, "{eight}");
    }

    #[test]
    fn no_rate_is_too_odd_for_a_clock() {
        for fps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let pace = Pace {
                fps_batch_1: fps,
                fps_batch_8: fps,
                ..Pace::default()
            };
            assert_eq!(pace.batch_time(8), Duration::ZERO, "{fps}");
        }
        let pace = Pace {
            fps_batch_1: f64::MIN_POSITIVE,
            fps_batch_8: f64::NAN,
            ..Pace::default()
        };
        assert_eq!(pace.batch_time(8), LONGEST_BATCH);
    }

    #[test]
    fn one_may_wait_for_ever() {
        let (mut submit, mut collect, mut tensors) = start(Pace::unlimited());
        submit.submit(3, &input(3), Duration::MAX).unwrap();
        assert_eq!(collect.collect(&mut tensors, Duration::MAX).unwrap(), 3);
    }

    /// When the answers to so many inputs are ready that are all there when the chip starts.
    fn ready_at(inputs: usize, pace: Pace) -> Vec<Instant> {
        let layout = layout();
        let (jobs_in, jobs) = bounded(inputs);
        let (spare_in, spare) = bounded(inputs);
        let (answers, answers_out) = bounded(inputs);
        for ticket in 0..inputs as Ticket {
            let input = input(0);
            jobs_in.try_send(Job { ticket, input }).unwrap();
            spare_in.try_send(Tensors::for_layout(&layout)).unwrap();
        }
        // The chip ends with the inputs.
        drop(jobs_in);
        let stage = Stage {
            jobs,
            spare,
            answers,
            pace,
            compute: Echo,
        };
        stage.run();
        answers_out.iter().map(|answer| answer.ready_at).collect()
    }

    #[test]
    fn the_pace_is_kept() {
        let pace = Pace {
            fps_batch_1: 200.0,
            fps_batch_8: 200.0,
            ..Pace::default()
        };
        let ready_at = ready_at(6, pace);
        assert_eq!(ready_at.len(), 6);
        for pair in ready_at.windows(2) {
            let between = pair[1] - pair[0];
            assert!(between >= Duration::from_millis(5), "{between:?}");
        }
    }

    #[test]
    fn the_answers_of_a_batch_are_ready_together() {
        let pace = Pace {
            batch_size: 3,
            ..Pace::default()
        };
        let ready_at = ready_at(6, pace);
        let (first, second) = ready_at.split_at(3);
        for batch in [first, second] {
            assert!(batch.iter().all(|at| *at == batch[0]), "{batch:?}");
        }
        assert!(second[0] - first[0] >= pace.batch_time(3));
    }

    #[test]
    fn an_input_of_another_size_is_refused() {
        let (mut submit, _collect, _) = start(Pace::unlimited());
        let refused = submit.submit(0, &[0; 12], LONG);
        assert!(matches!(
            refused,
            Err(AcceleratorError::InputSize { found: 12, .. })
        ));
    }

    #[test]
    fn what_was_submitted_is_answered_after_the_writer_has_gone() {
        let (mut submit, mut collect, mut tensors) = start(Pace::unlimited());
        submit.submit(1, &input(1), LONG).unwrap();
        drop(submit);
        assert_eq!(collect.collect(&mut tensors, LONG).unwrap(), 1);
        let ended = collect.collect(&mut tensors, LONG);
        assert!(matches!(ended, Err(AcceleratorError::Closed)), "{ended:?}");
    }

    #[test]
    fn without_a_reader_nothing_is_taken_any_more() {
        let (mut submit, collect, _) = start(Pace::unlimited());
        drop(collect);
        let mut refused = Ok(());
        for ticket in 0..8 {
            refused = submit.submit(ticket, &input(0), LONG);
            if refused.is_err() {
                break;
            }
        }
        assert!(
            matches!(refused, Err(AcceleratorError::Closed)),
            "{refused:?}"
        );
    }
}
