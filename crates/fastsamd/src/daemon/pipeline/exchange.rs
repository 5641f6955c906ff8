//! Latest-wins hand-over between two stages, with a short queue per camera.
//!
//! A value that nobody took in time makes room for a newer one and is handed back to its producer,
//! which counts it as dropped and reuses its buffers. The consumer takes from the cameras in turn,
//! so that a fast camera can't starve a slow one. Invariant: no more values than the depth wait per
//! camera: one where they come evenly, a batch where they come in batches.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// The hand-over; shared by reference between producers and the one consumer.
#[derive(Debug)]
pub(crate) struct Exchange<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    depth: usize,
}

#[derive(Debug)]
struct State<T> {
    queues: Vec<VecDeque<T>>,
    /// The camera to look at first.
    turn: usize,
    closed: bool,
}

/// What a call to [`Exchange::take`] brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// A value of a camera.
    Value(usize, T),
    /// Nothing came in time.
    Nothing,
    /// Nothing will come any more.
    Closed,
}

impl<T> Exchange<T> {
    /// An empty exchange for so many cameras, with room for `depth` values of each.
    pub(crate) fn new(cameras: usize, depth: usize) -> Self {
        let depth = depth.max(1);
        Self {
            state: Mutex::new(State {
                queues: (0..cameras)
                    .map(|_| VecDeque::with_capacity(depth))
                    .collect(),
                turn: 0,
                closed: false,
            }),
            changed: Condvar::new(),
            depth,
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that holds this lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a value into a camera's queue and returns the oldest one if there was no room left.
    pub(crate) fn put(&self, camera: usize, value: T) -> Option<T> {
        let mut state = self.state();
        let queue = state.queues.get_mut(camera)?;
        let replaced = (queue.len() == self.depth)
            .then(|| queue.pop_front())
            .flatten();
        queue.push_back(value);
        drop(state);
        self.changed.notify_one();
        replaced
    }

    /// Takes the next camera's value, waiting for one at most `timeout`. After
    /// [`Exchange::close`] what still waits is taken first.
    pub(crate) fn take(&self, timeout: Duration) -> Taken<T> {
        let deadline = Instant::now() + timeout;
        let mut state = self.state();
        loop {
            let cameras = state.queues.len();
            for step in 0..cameras {
                let camera = (state.turn + step) % cameras;
                if let Some(value) = state.queues[camera].pop_front() {
                    state.turn = (camera + 1) % cameras;
                    return Taken::Value(camera, value);
                }
            }
            if state.closed {
                return Taken::Closed;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Taken::Nothing;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }

    /// How many values wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().queues.iter().map(VecDeque::len).sum()
    }

    /// Says that no more values come.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn the_newer_value_replaces_the_older() {
        let exchange = Exchange::new(1, 1);
        assert_eq!(exchange.put(0, 'a'), None);
        assert_eq!(exchange.put(0, 'b'), Some('a'));
        assert_eq!(exchange.take(SHORT), Taken::Value(0, 'b'));
        assert_eq!(exchange.take(SHORT), Taken::Nothing);
    }

    #[test]
    fn a_batch_has_room_and_its_order() {
        let exchange = Exchange::new(1, 3);
        for value in 1..=3 {
            assert_eq!(exchange.put(0, value), None);
        }
        assert_eq!(exchange.put(0, 4), Some(1));
        for value in 2..=4 {
            assert_eq!(exchange.take(SHORT), Taken::Value(0, value));
        }
        assert_eq!(exchange.take(SHORT), Taken::Nothing);
    }

    #[test]
    fn a_camera_that_is_always_ready_does_not_starve_the_others() {
        let exchange = Exchange::new(3, 1);
        for camera in 0..3 {
            exchange.put(camera, ());
        }
        let mut served = Vec::new();
        while let Taken::Value(camera, ()) = exchange.take(SHORT) {
            served.push(camera);
            if served.len() < 5 {
                exchange.put(0, ());
            }
        }
        assert_eq!(served, [0, 1, 2, 0, 0]);
    }

    #[test]
    fn what_waits_is_taken_before_the_close_shows() {
        let exchange = Exchange::new(2, 1);
        exchange.put(1, 7);
        exchange.close();
        assert_eq!(exchange.take(SHORT), Taken::Value(1, 7));
        assert_eq!(exchange.take(SHORT), Taken::Closed);
    }

    #[test]
    fn a_waiting_consumer_wakes_on_put_and_on_close() {
        let exchange = Exchange::new(1, 1);
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| {
                let first = exchange.take(Duration::from_secs(60));
                (first, exchange.take(Duration::from_secs(60)))
            });
            exchange.put(0, 1);
            while exchange.waiting() > 0 {
                std::thread::yield_now();
            }
            exchange.close();
            assert_eq!(taker.join().unwrap(), (Taken::Value(0, 1), Taken::Closed));
        });
    }
}
