//! What the functions make: handed out as pointers, known by kind until they are released.

use std::{
    any::type_name,
    collections::BTreeMap,
    ffi::{CString, c_char},
    fs::OpenOptions,
    io::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::script::beside;

/// Addresses of objects that are handed out, with their kinds.
static LIVE: Mutex<BTreeMap<usize, &'static str>> = Mutex::new(BTreeMap::new());

fn live() -> MutexGuard<'static, BTreeMap<usize, &'static str>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many objects are handed out.
pub(crate) fn count() -> usize {
    live().len()
}

/// Writes down what the caller does wrong.
pub(crate) fn violation(what: &str) {
    let report = OpenOptions::new()
        .append(true)
        .create(true)
        .open(beside(".report"));
    // A report that can't be written fails the test that looks for it, and no other.
    let _ = report.and_then(|mut report| writeln!(report, "{what}"));
}

/// Hands an object out.
pub(crate) fn give<T>(object: T) -> *mut T {
    let object = Box::into_raw(Box::new(object));
    live().insert(object as usize, type_name::<T>());
    object
}

/// Hands a text out.
pub(crate) fn give_text(text: &str) -> *mut c_char {
    let text = CString::new(text).unwrap_or_default().into_raw();
    live().insert(text as usize, type_name::<c_char>());
    text
}

/// What a pointer of the caller stands for; nothing, and a violation, if it is not that.
///
/// # Safety
/// The object is not released while the result is used.
pub(crate) unsafe fn of<'a, T>(pointer: *const T) -> Option<&'a T> {
    if live().get(&(pointer as usize)) != Some(&type_name::<T>()) {
        violation(&format!("{pointer:p} is no {}", type_name::<T>()));
        return None;
    }
    // SAFETY: it was handed out as this and was not released.
    unsafe { pointer.as_ref() }
}

/// Takes an object back. NULL is nothing.
///
/// # Safety
/// Nobody uses it any more.
pub(crate) unsafe fn take<T>(pointer: *mut T) {
    if is_taken(pointer) {
        // SAFETY: it was handed out as this, from a box, and is taken back once.
        drop(unsafe { Box::from_raw(pointer) });
    }
}

/// Takes a text back. NULL is nothing.
///
/// # Safety
/// Nobody uses it any more.
pub(crate) unsafe fn take_text(text: *mut c_char) {
    if is_taken(text) {
        // SAFETY: it was handed out as this, from such a text, and is taken back once.
        drop(unsafe { CString::from_raw(text) });
    }
}

/// Whether this was an object of its kind, which it is not any more.
fn is_taken<T>(pointer: *mut T) -> bool {
    if pointer.is_null() {
        return false;
    }
    let mut live = live();
    let known = live.get(&(pointer as usize)) == Some(&type_name::<T>());
    if known {
        live.remove(&(pointer as usize));
    } else {
        violation(&format!("{pointer:p} released as {}", type_name::<T>()));
    }
    known
}
