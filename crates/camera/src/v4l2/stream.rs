//! Buffers from a device, one at a time, the newest first.
//!
//! With the v4l crate, a wait that times out inside `next` leaves the stream in a state in which
//! the next call answers EINVAL: it hands back a buffer that is not in our hands. So nothing waits
//! there: whether a buffer is ready is asked of the device (`poll`), and only then it is taken. To
//! begin with, `next` is called without patience, which starts the stream; then one buffer is
//! taken by `dequeue`, and its frame left out, so that there is one to hand back from then on. (Of
//! most cameras the first frame is too dark anyway.)

use std::{
    io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use rustix::{event::PollFlags, io::Errno};
use v4l::{
    buffer::{Flags, Metadata},
    io::{
        mmap,
        traits::{CaptureStream, Stream as _},
    },
};

/// Buffers that the driver fills in turn: one in our hands, one being filled, and two for a
/// scheduler that is busy elsewhere.
pub(super) const BUFFERS: u32 = 4;

/// Buffers that one call leaves out at most: there are no more.
const MAX_LEFT_OUT: u32 = BUFFERS;

/// How long `next` may look for a buffer that `poll` has just seen.
const SAFETY_NET: Duration = Duration::from_millis(100);

/// What the driver filled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer<'a> {
    /// As much as was filled.
    pub bytes: &'a [u8],
    /// Whether the driver says that something is missing.
    pub is_broken: bool,
    /// The driver's count.
    pub sequence: u32,
    /// When it was captured by the monotonic clock, if it is that clock's time.
    pub monotonic: Option<Duration>,
}

impl<'a> Buffer<'a> {
    fn new(bytes: &'a [u8], meta: &Metadata) -> Self {
        let used = (meta.bytesused as usize).min(bytes.len());
        let is_monotonic = meta.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
        let seconds = u64::try_from(meta.timestamp.sec).ok();
        let microseconds = u64::try_from(meta.timestamp.usec).ok();
        let time = seconds
            .zip(microseconds)
            .and_then(|(seconds, microseconds)| {
                Duration::from_secs(seconds).checked_add(Duration::from_micros(microseconds))
            });
        Self {
            bytes: &bytes[..used],
            is_broken: meta.flags.contains(Flags::ERROR),
            sequence: meta.sequence,
            monotonic: time.filter(|_| is_monotonic),
        }
    }
}

/// A running stream.
pub(super) struct Stream {
    /// Empty only while this is dropped.
    stream: Option<mmap::Stream<'static>>,
    /// Whether a buffer is in our hands, as `next` takes for granted.
    holds_one: bool,
}

impl Stream {
    /// Hands all buffers to the driver, and starts.
    pub(super) fn start(stream: mmap::Stream<'static>) -> io::Result<Self> {
        let mut this = Self {
            stream: None,
            holds_one: false,
        };
        let stream = this.stream.insert(stream);
        stream.set_timeout(Duration::ZERO);
        match CaptureStream::next(stream) {
            Ok(_) => this.holds_one = true,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(error) => return Err(error),
        }
        stream.set_timeout(SAFETY_NET);
        Ok(this)
    }

    /// Waits for a buffer, and hands the newest to `take`; `None` where there is none in time.
    pub(super) fn capture<T>(
        &mut self,
        timeout: Duration,
        take: impl FnOnce(Buffer<'_>) -> T,
    ) -> io::Result<Option<T>> {
        let deadline = Instant::now() + timeout;
        let Some(stream) = &mut self.stream else {
            return Err(Errno::NODEV.into());
        };
        let handle = stream.handle();
        if !self.holds_one {
            if !is_ready(&handle, deadline)? {
                return Ok(None);
            }
            CaptureStream::dequeue(stream)?;
            self.holds_one = true;
        }
        if !is_ready(&handle, deadline)? {
            return Ok(None);
        }
        for _ in 0..MAX_LEFT_OUT {
            let (bytes, meta) = CaptureStream::next(stream)?;
            // What is older is left out.
            if !is_ready(&handle, Instant::now())? {
                return Ok(Some(take(Buffer::new(bytes, meta))));
            }
        }
        let (bytes, meta) = CaptureStream::next(stream)?;
        Ok(Some(take(Buffer::new(bytes, meta))))
    }
}

/// Whether a buffer is ready, or the device has something to complain about, before the deadline.
fn is_ready(handle: &v4l::device::Handle, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // Up to the next millisecond, so that no wait of less becomes none.
        let ms = left
            .as_micros()
            .div_ceil(1000)
            .try_into()
            .unwrap_or(i32::MAX);
        match handle.poll(PollFlags::IN.bits() as i16, ms) {
            Ok(ready) => return Ok(ready > 0),
            Err(error) if is(&error, Errno::INTR) && !left.is_zero() => {}
            Err(error) if is(&error, Errno::INTR) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn is(error: &io::Error, errno: Errno) -> bool {
    Errno::from_io_error(error) == Some(errno)
}

impl Drop for Stream {
    /// The v4l crate stops the stream and frees its buffers when it is dropped, and panics where
    /// that fails; twice, and the process is gone. Whether it will is tried first: a stream that
    /// can't be stopped is left as it is, with its buffers.
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else {
            return;
        };
        match stream.stop() {
            Err(error) if !is(&error, Errno::NODEV) => mem::forget(stream),
            _ => {
                let _ = catch_unwind(AssertUnwindSafe(|| drop(stream)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use v4l::Timestamp;

    use super::*;

    #[test]
    fn what_is_told_of_a_buffer() {
        let monotonic = Flags::TIMESTAMP_MONOTONIC | Flags::TSTAMP_SRC_SOE | Flags::MAPPED;
        let meta = Metadata {
            bytesused: 3,
            flags: monotonic,
            timestamp: Timestamp::new(2, 500_000),
            sequence: 9,
            ..Metadata::default()
        };
        let bytes = [1, 2, 3, 4];
        let buffer = Buffer::new(&bytes, &meta);
        assert_eq!((buffer.bytes, buffer.sequence), (&bytes[..3], 9));
        assert_eq!(buffer.monotonic, Some(Duration::from_millis(2500)));
        assert!(!buffer.is_broken);

        let broken = Metadata {
            bytesused: 99,
            flags: monotonic | Flags::ERROR,
            timestamp: Timestamp::new(-1, 0),
            ..meta
        };
        let buffer = Buffer::new(&bytes, &broken);
        assert_eq!((buffer.bytes, buffer.monotonic), (&bytes[..], None));
        assert!(buffer.is_broken);

        let copied = Metadata {
            flags: Flags::TIMESTAMP_COPY,
            ..meta
        };
        assert_eq!(Buffer::new(&bytes, &copied).monotonic, None);
    }
}
