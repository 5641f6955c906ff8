//! Picture files: a frame that keeps what frames promise, or an error in one line.

#![no_main]

use std::{cell::RefCell, fs};

use libfuzzer_sys::fuzz_target;
use tempfile::NamedTempFile;

thread_local! {
    static FILE: RefCell<Option<NamedTempFile>> = const { RefCell::new(None) };
}

fuzz_target!(|bytes: &[u8]| {
    FILE.with_borrow_mut(|file| {
        let file = file.get_or_insert_with(|| NamedTempFile::new().expect("a file"));
        fs::write(file.path(), bytes).expect("a written file");
        match camera::images::load(file.path()) {
            Ok(frame) => frame.validate().expect("a valid frame"),
            Err(error) => {
                let line = error.to_string();
                assert!(!line.contains(['\n', '\r']), "{line}");
            }
        }
    });
});
