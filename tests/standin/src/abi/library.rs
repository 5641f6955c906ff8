//! The library itself.

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
