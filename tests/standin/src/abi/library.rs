//! The library itself.

use std::{ffi::c_char, ptr};

use hailort_sys::*;

use super::memory::put;
use crate::registry::standin;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_library_version(version: *mut hailo_version_t) -> hailo_status {
    let [major, minor, revision] = standin().script().version;
    put(
        "hailo_get_library_version",
        version,
        hailo_version_t {
            major,
            minor,
            revision,
        },
    )
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_status_message(status: hailo_status) -> *const c_char {
    let name = match status {
        HAILO_SUCCESS => c"HAILO_SUCCESS",
        HAILO_INVALID_ARGUMENT => c"HAILO_INVALID_ARGUMENT",
        HAILO_TIMEOUT => c"HAILO_TIMEOUT",
        HAILO_OUT_OF_PHYSICAL_DEVICES => c"HAILO_OUT_OF_PHYSICAL_DEVICES",
        _ => return ptr::null(),
    };
    name.as_ptr()
}
