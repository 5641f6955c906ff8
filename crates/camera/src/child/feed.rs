//! From a child's bytes to frames.
//!
//! Frames are read into a buffer of our own, which is swapped with the caller's once it is full:
//! a frame of which only a part came in time goes on with the next call. From a live child the
//! newest whole frame is taken: what has piled up behind it is read on the spot, so that a reader
//! that was late once is not late for ever.

use std::{
    mem,
    time::{Duration, Instant},
};

use frame::{Frame, PixelFormat, Size};

use super::process::{Brought, Child};
use crate::{CameraError, Captured, MAX_SIZE};

/// Frames that one call leaves out at most to reach the newest.
const MAX_LEFT_OUT: usize = 8;

/// How frames follow each other on a child's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// What stands before each.
    pub prefix: &'static [u8],
    /// I420 without row padding; the width is even.
    pub size: Size,
}

impl Form {
    fn bytes(&self) -> usize {
        PixelFormat::I420.min_bytes(self.size, self.size.width as usize)
    }
}

/// Frames from a child.
pub(crate) struct Feed {
    child: Child,
    /// Who it is, in errors.
    name: String,
    live: bool,
    /// The longest time without a frame.
    patience: Duration,
    form: Option<Form>,
    /// Prefix and data of the frame under way, and how much of both is there.
    prefix: [u8; 16],
    data: Vec<u8>,
    filled: usize,
    begun_at: Instant,
    last_frame_at: Instant,
    sequence: u64,
    ended: bool,
}

/// What a try to complete the frame under way brought.
enum Filled {
    Frame,
    Part,
    End,
}

impl Feed {
    pub(crate) fn new(child: Child, name: String, live: bool, patience: Duration) -> Self {
        let now = Instant::now();
        Self {
            child,
            name,
            live,
            patience,
            form: None,
            prefix: [0; 16],
            data: Vec::new(),
            filled: 0,
            begun_at: now,
            last_frame_at: now,
            sequence: 0,
            ended: false,
        }
    }

    /// What the frames are, once it is known.
    pub(crate) fn form(&self) -> Option<Form> {
        self.form
    }

    /// Says what the frames are.
    pub(crate) fn set_form(&mut self, form: Form) -> Result<(), CameraError> {
        if form.size.width > MAX_SIZE.width || form.size.height > MAX_SIZE.height {
            return Err(CameraError::TooLarge {
                device: self.name.clone(),
                size: form.size,
                most: MAX_SIZE,
            });
        }
        if form.size.pixels() == 0 || !form.size.width.is_multiple_of(2) {
            let cause = format!("sends frames of {}, expected an even width", form.size);
            return Err(self.failure(&cause));
        }
        self.form = Some(form);
        Ok(())
    }

    /// Reads a line of at most `most` bytes that comes before the first frame; `None` where it is
    /// not complete in time. What is there of it stays in `line`.
    pub(crate) fn read_line(
        &mut self,
        line: &mut Vec<u8>,
        most: usize,
        deadline: Instant,
    ) -> Result<Option<()>, CameraError> {
        let mut byte = [0];
        loop {
            match self.child.read(&mut byte, deadline)? {
                Brought::Bytes(_) if byte == [b'\n'] => return Ok(Some(())),
                Brought::Bytes(_) if line.len() < most => line.push(byte[0]),
                Brought::Bytes(_) => {
                    return Err(self.failure("sends something that is no video"));
                }
                Brought::Nothing => return self.nothing().map(|()| None),
                Brought::End => {
                    return Err(self.ended("ended without a frame"));
                }
            }
        }
    }

    /// Waits for a frame of the form that was set, at most until the deadline.
    pub(crate) fn capture(
        &mut self,
        frame: &mut Frame,
        timeout: Duration,
        deadline: Instant,
    ) -> Result<Captured, CameraError> {
        self.child.listen();
        let mut have = false;
        for _ in 0..=MAX_LEFT_OUT {
            // With a frame in hand only what is already there counts.
            let until = if have { Instant::now() } else { deadline };
            match self.fill(until)? {
                Filled::Frame => {
                    self.hand_over(frame);
                    have = true;
                    if !self.live {
                        break;
                    }
                }
                Filled::Part => break,
                Filled::End if have => break,
                Filled::End => return self.end(),
            }
        }
        if have {
            self.last_frame_at = Instant::now();
            return Ok(Captured::Frame);
        }
        self.nothing()?;
        Err(CameraError::Timeout(timeout))
    }

    /// Reads on at the frame under way.
    fn fill(&mut self, deadline: Instant) -> Result<Filled, CameraError> {
        let Some(form) = self.form else {
            return Ok(Filled::Part);
        };
        if self.ended {
            return Ok(Filled::End);
        }
        let (head, bytes) = (form.prefix.len(), form.bytes());
        self.data.resize(bytes, 0);
        while self.filled < head + bytes {
            let buffer = match self.filled.checked_sub(head) {
                Some(at) => &mut self.data[at..],
                None => &mut self.prefix[self.filled..head],
            };
            match self.child.read(buffer, deadline)? {
                Brought::Bytes(count) => {
                    if self.filled == 0 {
                        self.begun_at = Instant::now();
                    }
                    self.filled += count;
                }
                Brought::Nothing => return Ok(Filled::Part),
                Brought::End => {
                    self.ended = true;
                    return Ok(Filled::End);
                }
            }
            if self.filled == head && self.prefix[..head] != *form.prefix {
                return Err(self.failure("lost its place between frames"));
            }
        }
        self.filled = 0;
        Ok(Filled::Frame)
    }

    /// Gives the caller the frame that was completed, and takes its buffer for the next.
    fn hand_over(&mut self, frame: &mut Frame) {
        let Some(Form { size, .. }) = self.form else {
            return;
        };
        mem::swap(&mut self.data, &mut frame.data);
        frame.sequence = self.sequence;
        frame.captured_at = self.begun_at;
        frame.size = size;
        frame.scaled_from = None;
        frame.stride = size.width as usize;
        frame.pixel_format = PixelFormat::I420;
        self.sequence += 1;
    }

    /// No frame came in time; that may have been so for too long.
    fn nothing(&self) -> Result<(), CameraError> {
        if self.last_frame_at.elapsed() < self.patience {
            return Ok(());
        }
        Err(CameraError::Stalled {
            device: self.name.clone(),
            after: self.patience,
        })
    }

    /// An error of the child, with its last words.
    pub(crate) fn failure(&mut self, cause: &str) -> CameraError {
        self.child.failure(cause.to_owned())
    }

    /// What to say at the end of its output.
    fn end(&mut self) -> Result<Captured, CameraError> {
        if self.filled > 0 {
            let found = mem::take(&mut self.filled);
            let whole = self.form.map_or(0, |f| f.prefix.len() + f.bytes());
            return Err(CameraError::BadFrame {
                cause: format!("it ends after {found} of {whole} bytes"),
            });
        }
        let status = self.child.end();
        if !self.live && status.is_some_and(|status| status.success()) {
            return Ok(Captured::End);
        }
        Err(self.ended("ended"))
    }

    /// An error that says how it ended.
    fn ended(&mut self, what: &str) -> CameraError {
        let cause = match self.child.end() {
            Some(status) => format!("{what} ({status})"),
            None => format!("{what}, but is still there"),
        };
        self.failure(&cause)
    }
}
