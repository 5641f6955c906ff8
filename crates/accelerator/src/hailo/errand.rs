//! Calls into the library that may not come back: each on a thread of its own, with a limit.
//!
//! Seen on libhailort 4.23: releasing a device that was removed from the bus never returns, and
//! releasing vstreams of a chip that hangs takes an input's timeout for each frame under way. What
//! doesn't come back within its limit is left to its thread: it may end there later, and what it
//! made is then released there.
//!
//! Invariant: nobody waits longer for an errand than its limit.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};

use super::error::HailoError;

/// Errands under way in this process.
static UNDER_WAY: AtomicUsize = AtomicUsize::new(0);

/// Calls into the library that are under way on threads of their own, in the whole process.
///
/// Where there are some although every backend has been dropped, they were left behind: the process
/// can't end in the usual way, since the library's end may wait for them.
pub fn calls_left_behind() -> usize {
    UNDER_WAY.load(Ordering::Acquire)
}

/// Counts an errand until its thread is done with it.
struct Count;

impl Count {
    fn begin() -> Self {
        UNDER_WAY.fetch_add(1, Ordering::AcqRel);
        Self
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        UNDER_WAY.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A call on its way. Dropping it leaves the call to its thread.
pub(super) struct Errand<T> {
    what: &'static str,
    limit: Duration,
    deadline: Instant,
    answer: Receiver<T>,
}

/// How far an errand is.
pub(super) enum Progress<T> {
    /// It is back.
    Done(T),
    /// Not yet.
    UnderWay,
    /// It will not be waited for any longer.
    Overdue(HailoError),
}

impl<T: Send + 'static> Errand<T> {
    /// Sends a thread.
    pub(super) fn begin(
        what: &'static str,
        limit: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Self, HailoError> {
        let (sender, answer) = bounded(1);
        let count = Count::begin();
        thread::Builder::new()
            .name("hailo-call".to_owned())
            .spawn(move || {
                let _count = count;
                // If nobody waits any more, what was made is released here.
                drop(sender.send(call()));
            })
            .map_err(HailoError::Thread)?;
        Ok(Self {
            what,
            limit,
            deadline: Instant::now() + limit,
            answer,
        })
    }

    /// Waits at most so long, and never beyond the limit.
    pub(super) fn wait(&self, timeout: Duration) -> Progress<T> {
        let until = self.deadline.min(Instant::now() + timeout);
        match self.answer.recv_deadline(until) {
            Ok(answer) => Progress::Done(answer),
            Err(RecvTimeoutError::Timeout) if Instant::now() < self.deadline => Progress::UnderWay,
            // A call that panics is not met: nothing in it can.
            Err(_) => Progress::Overdue(HailoError::Overdue {
                what: self.what,
                limit: self.limit,
            }),
        }
    }

    /// Waits until the limit.
    pub(super) fn finish(self) -> Result<T, HailoError> {
        loop {
            match self.wait(self.limit) {
                Progress::Done(answer) => return Ok(answer),
                Progress::UnderWay => {}
                Progress::Overdue(error) => return Err(error),
            }
        }
    }
}

/// Calls, and waits at most until the limit.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    what: &'static str,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, HailoError> {
    Errand::begin(what, limit, call)?.finish()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_comes_back_is_answered() {
        let answer = within(Duration::from_secs(60), "counting", || 1 + 1);
        assert_eq!(answer.unwrap(), 2);
    }

    #[test]
    fn what_does_not_come_back_is_left_and_released_later() {
        let (let_go, wait) = mpsc::channel::<()>();
        let (released, is_released) = mpsc::channel();
        struct Made(mpsc::Sender<()>);
        impl Drop for Made {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let left = within(Duration::from_millis(1), "waiting", move || {
            let _ = wait.recv();
            Made(released)
        });
        let said = left.err().unwrap().to_string();
        assert!(said.contains("waiting"), "{said}");
        assert!(calls_left_behind() > 0);
        drop(let_go);
        is_released.recv_timeout(Duration::from_secs(60)).unwrap();
    }
}
