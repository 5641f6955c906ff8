//! Whether this process is fastsamd itself, which can try a HEF in a process of its own.
//!
//! Only the program knows the verb for that. A test that calls this crate is another program, and
//! goes without a trial.

use std::{path::PathBuf, sync::OnceLock};

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// This process is fastsamd.
pub(crate) fn is_fastsamd() {
    // Without a path there is no trial, as for any other program.
    if let Ok(path) = std::env::current_exe() {
        PROGRAM.get_or_init(|| path);
    }
}

/// The program that tries a HEF, if this process is fastsamd.
pub(crate) fn program() -> Option<PathBuf> {
    PROGRAM.get().cloned()
}
