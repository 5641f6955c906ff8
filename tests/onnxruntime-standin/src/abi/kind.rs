//! What the opaque types of the interface are here, and how calls answer.

use std::{
    ffi::{CString, c_int, c_void},
    fmt::Display,
    ptr,
    sync::{Mutex, atomic::AtomicBool},
};

use onnxruntime::sys;

use crate::object::{give, violation};

// What the opaque types are here. Distinct types, since an object's type is its kind.
pub(super) struct Env {
    pub(super) _log_id: CString,
}
pub(super) struct MemoryInfo {
    pub(super) _allocator: c_int,
}
pub(super) struct Options {
    pub(super) threads: Mutex<c_int>,
}
pub(super) struct RunOptions {
    pub(super) terminate: AtomicBool,
}
pub(super) struct Status {
    pub(super) message: CString,
}
pub(super) struct Metadata {
    pub(super) session: usize,
}
pub(super) struct TensorInfo {
    pub(super) element_type: c_int,
    pub(super) shape: Vec<i64>,
}
pub(super) struct TypeInfo {
    pub(super) tensor: TensorInfo,
}
pub(super) struct Session {
    pub(super) session: Mutex<onnx::Session>,
    pub(super) element_types: [c_int; 2],
}
pub(super) struct Value {
    pub(super) element_type: c_int,
    pub(super) shape: Vec<i64>,
    pub(super) data: Data,
}
pub(super) enum Data {
    /// The caller's own.
    Borrowed(*mut c_void),
    F32(Vec<f32>),
    F16(Vec<u16>),
    I64(Vec<i64>),
}

pub(super) type Answer = *mut sys::Status;
pub(super) const FINE: Answer = ptr::null_mut();

pub(super) fn failed(message: impl Display) -> Answer {
    let message = CString::new(message.to_string()).unwrap_or_default();
    give(Status { message }).cast()
}

/// Writes a result to where the caller wants it.
///
/// # Safety
/// `place` is NULL or a place for it.
pub(super) unsafe fn write<T>(place: *mut T, result: T) -> Answer {
    if place.is_null() {
        violation("a result has no place");
        return failed("a result has no place");
    }
    // SAFETY: as the caller promises.
    unsafe { place.write(result) };
    FINE
}

/// The object that a pointer stands for, or an answer that says that it stands for none.
macro_rules! object {
    ($pointer:expr, $type:ty) => {{
        let pointer = $pointer;
        // SAFETY: the caller releases nothing that is in use by a call.
        let object = unsafe { $crate::object::of(pointer.cast::<$type>()) };
        let Some(object) = object else {
            return $crate::abi::kind::failed(concat!("no ", stringify!($type)));
        };
        object
    }};
}

/// Results of calls, through their last argument.
macro_rules! put {
    ($place:expr, $result:expr) => {{
        let result = $result;
        // SAFETY: the caller gives a place for it.
        unsafe { $crate::abi::kind::write($place, result) }
    }};
}

pub(super) use object;
pub(super) use put;
