//! A network on a chip: an input queue, batches, a queue per output.
//!
//! A batch of `n` frames takes `overhead + n * frame`, so that a Hailo-8's published rates come out:
//! 48 FPS one by one, 65 in batches of eight. The scheduler's threshold is the batch size; below it,
//! the scheduler's timeout starts what there is. Answers are computed by the mock's network while
//! the batch runs.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Barrier, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use accelerator::mock::Network;
use frame::InputSize;
use tensors::Tensors;

use crate::{
    registry::standin,
    script::{Cure, Script},
};

/// One frame at a time on a Hailo-8.
const FPS_BATCH_1: f64 = 48.0;
/// Eight at a time.
const FPS_BATCH_8: f64 = 65.0;
/// Frames that a release waits for at most.
const MOST_WAITED_FOR: usize = 10;
/// How often a blocked call looks at the script.
const LOOK: Duration = Duration::from_millis(20);

/// A failed transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Timeout,
    /// The streams were ended: by the chip, or because it is gone.
    Aborted,
}

struct Job {
    number: u64,
    input: Vec<u8>,
    written_at: Instant,
}

/// A batch about to run.
struct Start {
    at: Instant,
    generation: u64,
}

/// A frame's answer, and the outputs that lost it.
pub(crate) struct Answer {
    pub(crate) tensors: Arc<Tensors>,
    without: Vec<usize>,
}

struct Queue<T> {
    /// `None` while the vstream does not exist.
    capacity: Option<usize>,
    items: VecDeque<T>,
}

impl<T> Queue<T> {
    fn closed() -> Self {
        Self {
            capacity: None,
            items: VecDeque::new(),
        }
    }

    fn open(&mut self, capacity: usize) {
        self.capacity = Some(capacity.max(1));
        self.items.clear();
    }

    fn close(&mut self) {
        self.capacity = None;
        self.items.clear();
    }

    fn has_room(&self) -> bool {
        self.capacity
            .is_none_or(|capacity| self.items.len() < capacity)
    }
}

struct State {
    input: Queue<Job>,
    outputs: Vec<Queue<Arc<Answer>>>,
    threshold: usize,
    gathering: Duration,
    aborted: bool,
    hung: Option<Cure>,
    /// A write timed out: the library's input takes nothing any more.
    input_dead: bool,
    /// Frames written and not come out yet.
    inside: usize,
    /// Grows when all vstreams are gone: frames from before are not delivered after.
    generation: u64,
    ended: bool,
}

/// The network, with its last answer: a picture that stands still costs nothing, so that a busy
/// computer keeps a chip's pace.
struct Brain {
    network: Network,
    last: Option<(Vec<u8>, Arc<Tensors>)>,
}

impl Brain {
    fn answer(&mut self, input: Vec<u8>) -> Arc<Tensors> {
        if let Some((last, tensors)) = &self.last
            && *last == input
        {
            return Arc::clone(tensors);
        }
        let mut tensors = Tensors::for_layout(&Network::layout(self.network.input()));
        self.network.infer(&input, &mut tensors);
        let tensors = Arc::new(tensors);
        self.last = Some((input, Arc::clone(&tensors)));
        tensors
    }
}

/// A chip with a network on it, and its thread.
pub(crate) struct Chip {
    state: Mutex<State>,
    changed: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Chip {
    /// Starts a chip whose network has as many outputs and takes inputs of this size.
    pub(crate) fn start(outputs: usize, input: InputSize) -> std::io::Result<Arc<Self>> {
        let chip = Arc::new(Self {
            state: Mutex::new(State {
                input: Queue::closed(),
                outputs: std::iter::repeat_with(Queue::closed)
                    .take(outputs)
                    .collect(),
                threshold: 1,
                gathering: Duration::ZERO,
                aborted: false,
                hung: None,
                input_dead: false,
                inside: 0,
                generation: 0,
                ended: false,
            }),
            changed: Condvar::new(),
            thread: Mutex::new(None),
        });
        let worker = Arc::clone(&chip);
        let begun = Arc::new(Barrier::new(2));
        let begins = Arc::clone(&begun);
        let thread = std::thread::Builder::new()
            .name("standin-chip".to_owned())
            .spawn(move || {
                begins.wait();
                worker.run(input);
            })?;
        // A caller that leaks may close the library at once. That unmaps no code that a thread
        // with thread-local values runs, which a thread that has not begun does not have yet.
        begun.wait();
        *chip.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(chip)
    }

    /// Stops the thread; calls that still wait end as lost.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // A panic in there has been printed.
            let _ = thread.join();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.changed
            .wait_timeout(state, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0
    }

    pub(crate) fn set_threshold(&self, threshold: u32) {
        self.state().threshold = (threshold as usize).max(1);
    }

    pub(crate) fn set_gathering(&self, timeout_ms: u32) {
        self.state().gathering = Duration::from_millis(timeout_ms.into());
    }

    pub(crate) fn open_input(&self, capacity: usize) {
        let mut state = self.state();
        state.input.open(capacity);
        state.input_dead = false;
        state.inside = 0;
    }

    /// What keeps the release of the input: a chip that hangs has it wait the input's timeout for
    /// each frame under way, but for no more than there are buffers.
    pub(crate) fn release_takes(&self, timeout: Duration) -> Duration {
        let state = self.state();
        if state.hung.is_none() && !standin().hung_for_good.load(Ordering::SeqCst) {
            return Duration::ZERO;
        }
        timeout * u32::try_from(state.inside.min(MOST_WAITED_FOR)).unwrap_or(u32::MAX)
    }

    pub(crate) fn open_output(&self, index: usize, capacity: usize) {
        if let Some(output) = self.state().outputs.get_mut(index) {
            output.open(capacity);
        }
    }

    pub(crate) fn close_input(&self) {
        let mut state = self.state();
        state.input.close();
        state.closed();
        self.changed.notify_all();
    }

    pub(crate) fn close_output(&self, index: usize) {
        let mut state = self.state();
        if let Some(output) = state.outputs.get_mut(index) {
            output.close();
        }
        state.closed();
        self.changed.notify_all();
    }

    /// Queues a frame.
    pub(crate) fn write(
        &self,
        input: &[u8],
        timeout: Duration,
        lost: &AtomicBool,
    ) -> Result<(), Fault> {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            if state.ended || crate::abi::is_lost(lost) {
                // As the real library does: the next read tells.
                return Ok(());
            }
            if state.aborted {
                return Err(Fault::Aborted);
            }
            if state.input.has_room() && !state.input_dead {
                let number = standin().frames.fetch_add(1, Ordering::SeqCst) + 1;
                state.input.items.push_back(Job {
                    number,
                    input: input.to_vec(),
                    written_at: Instant::now(),
                });
                state.inside += 1;
                self.changed.notify_all();
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if !state.input_dead {
                    state.input_dead = true;
                    // What the chip has not begun is lost.
                    let lost = state.input.items.len();
                    state.input.items.clear();
                    state.inside = state.inside.saturating_sub(lost);
                }
                return Err(Fault::Timeout);
            }
            state = self.wait(state, left.min(LOOK));
        }
    }

    /// Takes the next answer off an output's queue. After a timeout, the queue is cleared.
    pub(crate) fn read(
        &self,
        index: usize,
        timeout: Duration,
        lost: &AtomicBool,
    ) -> Result<Arc<Answer>, Fault> {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            if state.ended || state.aborted || crate::abi::is_lost(lost) {
                return Err(Fault::Aborted);
            }
            let answer = state
                .outputs
                .get_mut(index)
                .and_then(|output| output.items.pop_front());
            if let Some(answer) = answer {
                self.changed.notify_all();
                return Ok(answer);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Fault::Timeout);
            }
            state = self.wait(state, left.min(LOOK));
        }
    }

    fn run(&self, input: InputSize) {
        let mut brain = Brain {
            network: Network::new(input),
            last: None,
        };
        let mut free_at = Instant::now();
        let mut batch = Vec::new();
        while let Some(start) = self.gather(&mut batch, free_at) {
            let script = standin().script();
            free_at = start.at + batch_time(&script, batch.len());
            let mut late = Duration::ZERO;
            let mut answers = Vec::with_capacity(batch.len());
            for job in batch.drain(..) {
                let number = job.number;
                let tensors = brain.answer(job.input);
                if self.fails_at(&script, number) {
                    continue;
                }
                if let Some((frame, by)) = script.late
                    && frame == number
                {
                    late = Duration::from_millis(by);
                }
                let without = script
                    .lose_output
                    .iter()
                    .filter(|(frame, _)| *frame == number)
                    .map(|(_, output)| *output)
                    .collect();
                answers.push(Arc::new(Answer { tensors, without }));
            }
            free_at += late;
            for answer in answers {
                if !self.deliver(&answer, free_at, start.generation) {
                    return;
                }
            }
        }
    }

    /// Takes the next batch once the chip is free; `None` at the end.
    fn gather(&self, batch: &mut Vec<Job>, free_at: Instant) -> Option<Start> {
        let mut state = self.state();
        let mut since = None;
        loop {
            if state.ended {
                return None;
            }
            let queued = state.input.items.len();
            if queued == 0 || state.hung.is_some() || state.aborted {
                since = None;
                state = self.wait(state, LOOK);
                continue;
            }
            let now = Instant::now();
            let since = *since.get_or_insert(now);
            let gathered = queued >= state.threshold || now >= since + state.gathering;
            if gathered && now >= free_at {
                let count = queued.min(state.threshold);
                batch.extend(state.input.items.drain(..count));
                self.changed.notify_all();
                // A chip starts when it can: how long this thread took to wake is not its time.
                let full = batch.len() == state.threshold;
                let ready_at = match batch.last() {
                    Some(last) if full => last.written_at,
                    _ => since + state.gathering,
                };
                return Some(Start {
                    at: free_at.max(ready_at),
                    generation: state.generation,
                });
            }
            let until = if gathered {
                free_at
            } else {
                free_at.max(since + state.gathering)
            };
            // Wakes early when more is written.
            let left = until
                .saturating_duration_since(now)
                .clamp(Duration::from_micros(50), LOOK);
            state = self.wait(state, left);
        }
    }

    /// Whether the script has this frame go wrong; then it has no answer.
    fn fails_at(&self, script: &Script, number: u64) -> bool {
        let mut state = self.state();
        if script.abort == Some(number) {
            state.aborted = true;
        }
        if let Some((frame, cure)) = script.hang
            && (frame == number || (cure == Cure::Never && frame < number))
        {
            state.hung = Some(cure);
            standin()
                .hung_for_good
                .fetch_or(cure == Cure::Never, Ordering::SeqCst);
        }
        if let Some((frame, alarm)) = script.alarm
            && frame == number
        {
            standin().tell(alarm);
        }
        let swallowed = script.lose.contains(&number);
        if swallowed {
            state.inside = state.inside.saturating_sub(1);
        }
        self.changed.notify_all();
        swallowed
            || state.aborted
            || state.hung.is_some()
            || standin().hung_for_good.load(Ordering::SeqCst)
    }

    /// Hands an answer to the outputs at its time; `false` at the end.
    fn deliver(&self, answer: &Arc<Answer>, due: Instant, generation: u64) -> bool {
        let mut state = self.state();
        loop {
            if state.ended {
                return false;
            }
            if state.generation != generation {
                return true;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() && state.outputs.iter().all(Queue::has_room) {
                for (index, output) in state.outputs.iter_mut().enumerate() {
                    if output.capacity.is_some() && !answer.without.contains(&index) {
                        output.items.push_back(Arc::clone(answer));
                    }
                }
                state.inside = state.inside.saturating_sub(1);
                self.changed.notify_all();
                return true;
            }
            let left = if left.is_zero() { LOOK } else { left.min(LOOK) };
            state = self.wait(state, left);
        }
    }
}

impl State {
    /// After the last vstream has gone, new ones start afresh.
    fn closed(&mut self) {
        if self.input.capacity.is_none() && self.outputs.iter().all(|o| o.capacity.is_none()) {
            self.generation += 1;
            self.aborted = false;
            if self.hung == Some(Cure::VStreams) {
                self.hung = None;
            }
        }
    }
}

fn batch_time(script: &Script, n: usize) -> Duration {
    if script.pace <= 0.0 {
        return Duration::ZERO;
    }
    let one = 1.0 / FPS_BATCH_1;
    let frame = (8.0 / FPS_BATCH_8 - one) / 7.0;
    let further = u32::try_from(n.saturating_sub(1)).unwrap_or(u32::MAX);
    Duration::from_secs_f64((one + f64::from(further) * frame) / script.pace)
}
