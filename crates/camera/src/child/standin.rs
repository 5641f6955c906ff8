//! Programs that behave like those we run, or don't: shell scripts that write real bytes.

use std::{
    env, fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use super::words::Log;

/// Longer than anything takes here, shorter than anybody's patience.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Whether a program that can't be run is an error of starting it. Under qemu-user (`scripts/cross`)
/// it is a child that exits with 127: the emulator makes a fork of posix_spawn's vfork, whose child
/// then has nobody to tell.
pub(crate) fn failed_starts_are_seen() -> bool {
    env::var_os("FASTSAMD_TEST_RUNNER").is_none()
}

/// A script in a folder of its own, which it finds in `$DIR`.
pub(crate) struct StandIn {
    folder: tempfile::TempDir,
}

impl StandIn {
    /// Functions that scripts may use: `header` and `frame LETTER` for YUV4MPEG2 of 64x48, `raw
    /// LETTER` for a frame alone, all of whose bytes are that letter.
    const FUNCTIONS: &str = "
        raw() { head -c 4608 /dev/zero | tr '\\0' \"$1\"; }
        header() { printf 'YUV4MPEG2 W64 H48 F30:1 Ip A1:1 C420jpeg\\n'; }
        frame() { printf 'FRAME\\n'; raw \"$1\"; }
    ";

    pub(crate) fn new(script: &str) -> Self {
        let standin = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let folder = standin.folder.path().display();
        let functions = Self::FUNCTIONS;
        let script = format!("#!/bin/sh\nDIR='{folder}'\n{functions}\n{script}\n");
        // Written by another process: a file that this one has open for writing can't be run, and
        // what other tests start in this moment would have it open too.
        let mut writer = Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod +x \"$0\""])
            .arg(standin.program())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = writer.stdin.take().unwrap();
        stdin.write_all(script.as_bytes()).unwrap();
        drop(stdin);
        assert!(writer.wait().unwrap().success());
        standin
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("program")
    }

    /// What the script has written into this file, once it ends with a line's end.
    pub(crate) fn file(&self, name: &str) -> String {
        let started = Instant::now();
        loop {
            match fs::read_to_string(self.folder.path().join(name)) {
                Ok(text) if text.ends_with('\n') => return text,
                _ if started.elapsed() > LONG => panic!("the script didn't write {name}"),
                _ => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Whether the process whose number the script wrote into this file still runs.
    pub(crate) fn runs(&self, name: &str) -> bool {
        let number = self.file(name);
        let stat = fs::read_to_string(format!("/proc/{}/stat", number.trim()));
        // A zombie that is not ours to reap has stopped too.
        stat.is_ok_and(|stat| {
            let state = stat
                .rsplit(')')
                .next()
                .and_then(|rest| rest.trim().chars().next());
            !matches!(state, Some('Z' | 'X'))
        })
    }
}

/// A log, and what it was told.
pub(crate) fn log() -> (Log, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&lines);
    let log = Box::new(move |line: &str| told.lock().unwrap().push(line.to_owned()));
    (log, lines)
}
