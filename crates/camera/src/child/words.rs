//! What a child says on standard error.

use std::io::{ErrorKind, Read};

use super::redaction::Redaction;

/// Takes what a child says on standard error, one line at a time.
pub type Log = Box<dyn FnMut(&str) + Send>;

/// Listens to each line that a child says, and answers what of it goes to the log.
pub(crate) type Listener = Box<dyn FnMut(&str) -> Option<String> + Send>;

/// Bytes of a line that are kept; the rest of it is left out.
const MAX_LINE: usize = 4096;

/// Characters of a line that are handed on.
const MAX_SHOWN: usize = 512;

/// Bytes that are read at most before frames are looked after again.
const MAX_TURN: usize = 1 << 16;

/// Makes lines of bytes, and keeps the last one.
pub(super) struct Words {
    redaction: Redaction,
    listener: Listener,
    log: Log,
    line: Vec<u8>,
    last: String,
}

impl Words {
    pub(super) fn new(redaction: Redaction, listener: Listener, log: Log) -> Self {
        Self {
            redaction,
            listener,
            log,
            line: Vec::new(),
            last: String::new(),
        }
    }

    /// Reads what is there; answers whether more may come.
    pub(super) fn read(&mut self, from: &mut impl Read) -> bool {
        let mut buffer = [0; 1024];
        let mut bytes = 0;
        while bytes < MAX_TURN {
            match from.read(&mut buffer) {
                Ok(0) => {
                    self.end_line();
                    return false;
                }
                Ok(count) => {
                    bytes += count;
                    self.take(&buffer[..count]);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }

    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' | b'\r' => self.end_line(),
                _ if self.line.len() < MAX_LINE => self.line.push(byte),
                _ => {}
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let line = self.redaction.apply(line.trim());
        self.line.clear();
        if line.is_empty() {
            return;
        }
        let Some(line) = (self.listener)(&line) else {
            return;
        };
        // Terminals obey control characters.
        self.last = line
            .chars()
            .take(MAX_SHOWN)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        (self.log)(&self.last);
    }

    /// The last line.
    pub(super) fn last(&self) -> &str {
        &self.last
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn said(bytes: &[u8], redaction: Redaction) -> Vec<String> {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let log = {
            let lines = Arc::clone(&lines);
            Box::new(move |line: &str| lines.lock().unwrap().push(line.to_owned()))
        };
        let mut words = Words::new(
            redaction,
            Box::new(|line| (!line.starts_with('#')).then(|| line.to_owned())),
            log,
        );
        let mut from = bytes;
        while words.read(&mut from) {}
        let lines = lines.lock().unwrap().clone();
        assert_eq!(words.last(), lines.last().map_or("", String::as_str));
        lines
    }

    #[test]
    fn lines_come_one_by_one_and_bounded() {
        let endless = "x".repeat(1 << 20);
        let cases = [
            ("nothing", "", vec![]),
            ("two lines", "a b\nc\n", vec!["a b", "c"]),
            ("without an end", "a\nb", vec!["a", "b"]),
            ("progress", "1%\r2%\r\n", vec!["1%", "2%"]),
            ("blank lines", "\n \n\na\n\n", vec!["a"]),
            ("chatter", "#1\na\n#2\n", vec!["a"]),
            ("control characters", "a\x1b[31mb\n", vec!["a [31mb"]),
            ("an endless line", &endless, vec![&endless[..MAX_SHOWN]]),
        ];
        for (name, bytes, expected) in cases {
            let none = Redaction::default();
            assert_eq!(said(bytes.as_bytes(), none), expected, "{name}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_do_no_harm() {
        assert_eq!(said(b"a\xffb\n", Redaction::default()), ["a\u{fffd}b"]);
    }

    #[test]
    fn secrets_are_left_out() {
        const ADDRESS: &str = "rtsp://user:secret@cam/1";
        let redaction = Redaction::of(ADDRESS, None, ADDRESS);
        let lines = said(
            b"rtsp://user:secret@cam/1: refused\nlogin secret\n",
            redaction,
        );
        assert_eq!(lines, ["rtsp://***@cam/1: refused", "login ***"]);
    }
}
