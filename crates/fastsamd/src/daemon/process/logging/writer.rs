//! The thread that writes to standard error.
//!
//! Standard error may be a pipe that nobody reads. So lines wait in a queue of [`WAITING`], and what does
//! not fit is counted; nobody but this thread ever waits for the reader.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, bounded};

/// Lines that wait to be written.
const WAITING: usize = 1024;

/// How long the end waits for what is still to be written.
const PATIENCE: Duration = Duration::from_millis(500);

enum Entry {
    Line(String),
    /// Everything before it was written once this sender is gone.
    Mark(Sender<()>),
}

/// Hands lines to the thread.
pub(super) struct Writer {
    entries: Sender<Entry>,
    lost: AtomicU64,
}

impl Writer {
    /// Starts the thread, which lasts as long as the process.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (entries, queue) = bounded(WAITING);
        thread::Builder::new()
            .name("log".into())
            .spawn(move || write_all(&queue, output))?;
        Ok(Self {
            entries,
            lost: AtomicU64::new(0),
        })
    }

    /// Hands over a line, or counts it as lost.
    pub(super) fn write(&self, line: String) {
        if self.entries.try_send(Entry::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many lines were lost since this was asked last; 0 as long as there is no room to say so.
    pub(super) fn take_lost(&self) -> u64 {
        if self.entries.is_full() {
            return 0;
        }
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Waits until everything is written, but not for a reader that does not read.
    pub(super) fn flush(&self) {
        let (mark, written) = bounded(0);
        if self
            .entries
            .send_timeout(Entry::Mark(mark), PATIENCE)
            .is_ok()
        {
            // Nothing is sent: the mark is gone when its turn has come.
            let _ = written.recv_timeout(PATIENCE);
        }
    }
}

fn write_all(queue: &Receiver<Entry>, mut output: impl Write) {
    for entry in queue {
        match entry {
            Entry::Line(line) => {
                // Who closed standard error does not want to know.
                let _ = output.write_all(line.as_bytes());
            }
            Entry::Mark(written) => drop(written),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output that takes nothing until it is told to.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_does_not_read_holds_nobody_up() {
        let (go_on, stuck) = bounded::<()>(0);
        let writer = Writer::start(Stuck(stuck)).unwrap();
        // One is being written, or not yet.
        for _ in 0..WAITING + 11 {
            writer.write("line\n".into());
        }
        assert_eq!(writer.take_lost(), 0, "there is no room to say so");
        writer.flush();
        drop(go_on);
        writer.flush();
        let lost = writer.take_lost();
        assert!((10..=11).contains(&lost), "{lost}");
        assert_eq!(writer.take_lost(), 0);
    }
}
