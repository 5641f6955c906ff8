//! What becomes of a panic: it is a bug, and no more than one line of error to anybody.
//!
//! Every thread of this program runs inside [`guarded`], which makes an error of a panic. The hook
//! only notes what was said and where: a panic that a library catches on the way, as the guards
//! around the ONNX engine and V4L2 do, is no bug of ours and prints nothing. Panics of threads that
//! libraries started are printed, since nobody else would tell of them.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook},
};

thread_local! {
    /// Whether a panic of this thread is caught.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
    /// What the last panic of this thread said, and where.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Notes panics of guarded threads and prints those of others in one line.
pub(crate) fn set_panic_hook() {
    set_hook(Box::new(|panic| {
        let said = in_one_line(panic);
        if GUARDED.get() {
            LAST.set(Some(said));
        } else if !is_carried_on() {
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("of a library");
            print(&format!("the thread {name} ended: {said}"));
        }
    }));
}

/// Whether this thread's panic reaches the thread that waits for its work: so it is with the ONNX
/// engine's pool.
fn is_carried_on() -> bool {
    let thread = std::thread::current();
    thread.name().is_some_and(|name| name.starts_with("rten-"))
}

#[allow(clippy::print_stderr)] // A panic must not depend on anything that may have panicked.
fn print(line: &str) {
    eprintln!("fastsamd: {line}");
}

fn in_one_line(panic: &PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let cause = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let words: Vec<_> = cause.split_whitespace().collect();
    let place = panic
        .location()
        .map_or_else(String::new, |place| format!(" at {place}"));
    format!("{}{place}", words.join(" "))
}

/// Runs the body of a thread, or of the program, and makes an error of its panic. Nothing that the
/// body touched may be used after that.
pub(crate) fn guarded<T>(body: impl FnOnce() -> T) -> anyhow::Result<T> {
    let before = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    GUARDED.set(before);
    outcome.map_err(|_| {
        let said = LAST.take().unwrap_or_else(|| "no message".to_owned());
        anyhow::anyhow!("a bug, please report it: {said}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_names_its_place() {
        set_panic_hook();
        let error = guarded(|| panic!("two\nlines")).unwrap_err().to_string();
        assert!(
            error.starts_with("a bug, please report it: two lines at "),
            "{error}"
        );
        assert!(error.contains("bug.rs:"), "{error}");
    }

    #[test]
    fn a_panic_that_is_caught_on_the_way_is_nobodys_error() {
        set_panic_hook();
        let outcome = guarded(|| {
            let caught = catch_unwind(|| panic!("on purpose"));
            caught.is_err()
        });
        assert!(outcome.unwrap());
    }
}
