//! The caller's memory: what it points to, and what is written there.

use std::{ffi::c_char, slice};

use hailort_sys::*;

use crate::registry::standin;

/// Writes to a pointer that the caller gave; NULL is a violation.
pub(super) fn put<T>(function: &str, to: *mut T, value: T) -> hailo_status {
    if to.is_null() {
        standin().violation(function, "a pointer to write to is NULL");
        return HAILO_INVALID_ARGUMENT;
    }
    // SAFETY: not NULL, and the caller promises that it is valid for its type.
    unsafe { to.write(value) };
    HAILO_SUCCESS
}

/// Fills the caller's array; if it is too small, writes back how many there are.
pub(super) fn fill<T>(
    function: &str,
    to: *mut T,
    count: *mut usize,
    items: Vec<T>,
) -> hailo_status {
    if count.is_null() {
        standin().violation(function, "the pointer to a count is NULL");
        return HAILO_INVALID_ARGUMENT;
    }
    if to.is_null() {
        standin().violation(function, "the array is NULL");
        return HAILO_INVALID_ARGUMENT;
    }
    // SAFETY: not NULL, and the caller promises that it points to a count.
    let room = unsafe { count.replace(items.len()) };
    if room < items.len() {
        return HAILO_INSUFFICIENT_BUFFER;
    }
    for (index, item) in items.into_iter().enumerate() {
        let place = to.wrapping_add(index);
        // SAFETY: the caller promises room for `room` items, and there are no more.
        unsafe { place.write(item) };
    }
    HAILO_SUCCESS
}

/// The caller's array.
pub(super) fn array<'a, T>(from: *const T, count: usize) -> &'a [T] {
    if from.is_null() {
        return &[];
    }
    // SAFETY: not NULL, and the caller promises `count` items.
    unsafe { slice::from_raw_parts(from, count) }
}

pub(super) fn name_array<const N: usize>(name: &str) -> [c_char; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(name.bytes()).take(N - 1) {
        *to = c_char::from_ne_bytes([from]);
    }
    array
}

pub(super) fn name_of(array: &[c_char]) -> String {
    let bytes: Vec<u8> = array
        .iter()
        .map(|c| c.to_ne_bytes()[0])
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
