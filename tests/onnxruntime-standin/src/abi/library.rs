//! Environment, memory, statuses, and all releases.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    ptr,
};

use onnxruntime::sys;

use super::kind::*;
use crate::object::{give, of, take, take_text};

pub(super) unsafe extern "C" fn GetErrorMessage(status: *const sys::Status) -> *const c_char {
    // SAFETY: the caller releases nothing that is in use by a call.
    let status = unsafe { of(status.cast::<Status>()) };
    status.map_or(ptr::null(), |status| status.message.as_ptr())
}

pub(super) unsafe extern "C" fn CreateEnv(
    _level: c_int,
    log_id: *const c_char,
    out: *mut *mut sys::Env,
) -> Answer {
    // SAFETY: the caller passes a C string.
    let log_id = unsafe { CStr::from_ptr(log_id) }.to_owned();
    put!(out, give(Env { _log_id: log_id }).cast())
}

pub(super) unsafe extern "C" fn CreateCpuMemoryInfo(
    allocator: c_int,
    _memory: c_int,
    out: *mut *mut sys::MemoryInfo,
) -> Answer {
    let _allocator = allocator;
    put!(out, give(MemoryInfo { _allocator }).cast())
}

pub(super) unsafe extern "C" fn GetAllocatorWithDefaultOptions(
    out: *mut *mut sys::Allocator,
) -> Answer {
    static ALLOCATOR: u8 = 0;
    put!(out, (&raw const ALLOCATOR).cast_mut().cast())
}

pub(super) unsafe extern "C" fn AllocatorFree(
    _allocator: *mut sys::Allocator,
    text: *mut c_void,
) -> Answer {
    // SAFETY: the caller does not use it any more.
    unsafe { take_text(text.cast()) };
    FINE
}

macro_rules! releases {
    ($($function:ident: $foreign:ident is $own:ident;)*) => {$(
        pub(super) unsafe extern "C" fn $function(object: *mut sys::$foreign) {
            // SAFETY: the caller does not use it any more.
            unsafe { take(object.cast::<$own>()) }
        }
    )*};
}

releases! {
    ReleaseEnv: Env is Env;
    ReleaseStatus: Status is Status;
    ReleaseMemoryInfo: MemoryInfo is MemoryInfo;
    ReleaseSession: Session is Session;
    ReleaseValue: Value is Value;
    ReleaseRunOptions: RunOptions is RunOptions;
    ReleaseTypeInfo: TypeInfo is TypeInfo;
    ReleaseTensorTypeAndShapeInfo: TensorInfo is TensorInfo;
    ReleaseSessionOptions: SessionOptions is Options;
    ReleaseModelMetadata: ModelMetadata is Metadata;
}
