//! What ffmpeg says on standard error: most of it for the log, some of it for us.
//!
//! Each line has its level before it (`-loglevel level+info`). Those of level `info` are not for the log; among them
//! is the size of the stream's pictures. ffmpeg scales all pictures to the size of the first one, so that nothing else
//! tells that a camera was set to another size or turned by a quarter: but it makes its filters anew for each size, and
//! [`SIZE_FILTER`] tells the size of the first picture that comes through them.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use frame::Size;

use crate::child::{Listener, Log};

/// From which level on ffmpeg speaks, and that it says the level.
pub(super) const LEVEL: &str = "level+info";

/// Tells the size of the first picture that comes through, and hands all of them on.
pub(super) const SIZE_FILTER: &str =
    "split[all][seen];[seen]trim=end_frame=1,showinfo,nullsink;[all]";

/// What was said, and the log; a second child gets the same one.
#[derive(Clone)]
pub(super) struct Said {
    log: Arc<Mutex<Log>>,
    too_old: Arc<AtomicBool>,
    no_such_transport: Arc<AtomicBool>,
    /// The first size that this child's pictures had, and the latest.
    sizes: Arc<Mutex<Option<[Size; 2]>>>,
}

impl Said {
    pub(super) fn new(log: Log) -> Self {
        Self {
            log: Arc::new(Mutex::new(log)),
            too_old: Arc::default(),
            no_such_transport: Arc::default(),
            sizes: Arc::default(),
        }
    }

    /// A log for a child.
    pub(super) fn log(&self) -> Log {
        let log = Arc::clone(&self.log);
        Box::new(move |line| (locked(&log))(line))
    }

    /// Who listens to a child.
    pub(super) fn listener(&self) -> Listener {
        let said = self.clone();
        *locked(&said.sizes) = None;
        Box::new(move |line| said.listen(line))
    }

    /// Whether ffmpeg has said that it is too old for what it was told; asked for the second time it hasn't.
    pub(super) fn take_too_old(&self) -> bool {
        self.too_old.swap(false, Ordering::Relaxed)
    }

    /// The size of the stream's pictures, where it is no longer that of the first one.
    pub(super) fn new_size(&self) -> Option<Size> {
        let [first, latest] = (*locked(&self.sizes))?;
        (latest != first).then_some(latest)
    }

    fn listen(&self, line: &str) -> Option<String> {
        if is_too_old(line) {
            self.too_old.store(true, Ordering::Relaxed);
        }
        if is_chatter(line) {
            return None;
        }
        if line.contains("[info]") {
            if let Some(size) = size_in(line) {
                let mut sizes = locked(&self.sizes);
                *sizes = Some([sizes.map_or(size, |[first, _]| first), size]);
            }
            return None;
        }
        let level = ["[warning] ", "[error] ", "[fatal] ", "[panic] "];
        let level = level.into_iter().find(|level| line.contains(level));
        let mut line = level.map_or_else(|| line.to_owned(), |level| line.replacen(level, "", 1));
        if line.contains("SETUP failed: 461") {
            self.no_such_transport.store(true, Ordering::Relaxed);
        } else if line.ends_with("Protocol not supported")
            && self.no_such_transport.load(Ordering::Relaxed)
        {
            // The last words, which become the error.
            line += "; the camera does not send RTSP over what `transport` says: without it, both ways are tried";
        }
        Some(line)
    }
}

/// A panic elsewhere leaves nothing half done here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an ffmpeg says that is too old for what it was told.
fn is_too_old(line: &str) -> bool {
    ["Unrecognized option 'fps_mode'", "unknown keyword 'option'"]
        .iter()
        .any(|complaint| line.contains(complaint))
}

/// Whether this line is about what nobody can do anything about: the output's timestamps, which nobody reads here
/// (streams without good ones of their own bring such a line for each frame), and the name that a format once had.
fn is_chatter(line: &str) -> bool {
    [
        "deprecated pixel format used",
        "Non-monotonous DTS",
        "Non-monotonic DTS",
        "invalid, non monotonically increasing dts",
    ]
    .iter()
    .any(|complaint| line.contains(complaint))
}

/// The size in a line of the filter `showinfo`: `... fmt:yuv420p sar:1/1 s:640x480 i:P ...`.
fn size_in(line: &str) -> Option<Size> {
    let words = line.strip_prefix("[Parsed_showinfo")?.split(' ');
    let size = words.filter_map(|word| word.strip_prefix("s:")).next()?;
    let (width, height) = size.split_once('x')?;
    Some(Size::new(width.parse().ok()?, height.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_their_level_and_chatter_is_left_out() {
        let said = Said::new(Box::new(|_| {}));
        let mut listen = said.listener();
        for (line, heard) in [
            (
                "[mpegts @ 0x55] [warning] Packet corrupt (stream = 0).",
                Some("[mpegts @ 0x55] Packet corrupt (stream = 0)."),
            ),
            (
                "[error] rtsp://cam/1: Connection refused",
                Some("rtsp://cam/1: Connection refused"),
            ),
            (
                "as another program says it",
                Some("as another program says it"),
            ),
            ("[info] Stream mapping:", None),
            ("[null @ 0x5] [warning] Non-monotonous DTS in output", None),
        ] {
            assert_eq!(listen(line).as_deref(), heard, "{line}");
        }
        assert!(said.new_size().is_none() && !said.take_too_old());
    }

    #[test]
    fn a_camera_without_this_transport_is_told_what_to_do() {
        let said = Said::new(Box::new(|_| {}));
        let mut listen = said.listener();
        let end = "[error] rtsp://cam/1: Protocol not supported";
        assert!(!listen(end).unwrap().contains("transport"));
        listen("[rtsp @ 0x1] [error] method SETUP failed: 461 Unsupported Transport");
        assert!(listen(end).unwrap().contains("`transport`"));
    }

    #[test]
    fn another_size_than_the_first_is_told() {
        let said = Said::new(Box::new(|_| {}));
        let mut listen = said.listener();
        let of = |size: &str| {
            format!(
                "[Parsed_showinfo_2 @ 0x56] [info] n:   0 pts:      0 pts_time:0       pos:      564 fmt:yuv420p \
                 sar:1/1 s:{size} i:P iskey:1 type:I checksum:427E1960"
            )
        };
        assert_eq!(
            listen("[Parsed_showinfo_2 @ 0x56] [info] config in time_base: 1/90000"),
            None
        );
        for (text, size) in [
            ("640x480", None),
            ("480x640", Some(Size::new(480, 640))),
            ("?x1", Some(Size::new(480, 640))),
            ("640x480", None),
        ] {
            assert_eq!(listen(&of(text)), None);
            assert_eq!(said.new_size(), size, "{text}");
        }
        listen(&of("320x240"));
        // Another child says it anew.
        let _of_another = said.listener();
        assert_eq!(said.new_size(), None);
    }
}
