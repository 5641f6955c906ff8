//! Sessions, their options and ports, and metadata.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    num::NonZeroUsize,
    path::Path,
    ptr, slice,
    sync::{Mutex, PoisonError},
};

use onnx::{Engine, SessionOptions};
use onnxruntime::sys;

use super::kind::*;
use crate::{
    object::{give, give_text, violation},
    script::Script,
};

pub(super) unsafe extern "C" fn CreateSessionOptions(out: *mut *mut sys::SessionOptions) -> Answer {
    let threads = Mutex::new(0);
    put!(out, give(Options { threads }).cast())
}

pub(super) unsafe extern "C" fn EnableMemPattern(options: *mut sys::SessionOptions) -> Answer {
    object!(options, Options);
    FINE
}

pub(super) unsafe extern "C" fn SetSessionGraphOptimizationLevel(
    options: *mut sys::SessionOptions,
    level: c_int,
) -> Answer {
    object!(options, Options);
    match level {
        0 | 1 | 2 | 3 | 99 => FINE,
        _ => failed("graph_optimization_level is not valid"),
    }
}

pub(super) unsafe extern "C" fn SetIntraOpNumThreads(
    options: *mut sys::SessionOptions,
    threads: c_int,
) -> Answer {
    let options = object!(options, Options);
    *options
        .threads
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = threads;
    FINE
}

pub(super) unsafe extern "C" fn AddSessionConfigEntry(
    options: *mut sys::SessionOptions,
    key: *const c_char,
    value: *const c_char,
) -> Answer {
    object!(options, Options);
    if key.is_null() || value.is_null() {
        violation("an entry without key or value");
    }
    FINE
}

pub(super) unsafe extern "C" fn CreateSessionFromArray(
    env: *const sys::Env,
    data: *const c_void,
    length: usize,
    options: *const sys::SessionOptions,
    out: *mut *mut sys::Session,
) -> Answer {
    object!(env, Env);
    let options = object!(options, Options);
    let script = Script::now();
    if script.load == "refused" {
        return failed("Load model failed:\nthe script refuses it");
    }
    let threads = *options
        .threads
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let options = SessionOptions {
        engine: Engine::Rten,
        library: None,
        threads: usize::try_from(threads).ok().and_then(NonZeroUsize::new),
    };
    // SAFETY: the caller passes so many bytes.
    let bytes = unsafe { slice::from_raw_parts(data.cast::<u8>(), length) };
    let session = match onnx::Session::load(bytes.to_vec(), Path::new("model"), &options) {
        Ok(session) => Mutex::new(session),
        Err(error) => return failed(error),
    };
    let element_types = match script.elements.as_str() {
        "f16" => [sys::FLOAT16; 2],
        "i64" => [sys::FLOAT, 7],
        _ => [sys::FLOAT; 2],
    };
    let session = Session {
        session,
        element_types,
    };
    put!(out, give(session).cast())
}

impl Session {
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut onnx::Session) -> T) -> T {
        work(&mut self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Inputs (0) or outputs (1).
    pub(super) fn ports(&self, side: usize) -> Vec<onnx::SessionPort> {
        self.with(|session| match side {
            0 => session.inputs().to_vec(),
            _ => session.outputs().to_vec(),
        })
    }
}

/// A port's name.
///
/// # Safety
/// As the real function.
unsafe fn name(
    session: *const sys::Session,
    side: usize,
    at: usize,
    out: *mut *mut c_char,
) -> Answer {
    match object!(session, Session).ports(side).get(at) {
        Some(port) => put!(out, give_text(&port.name)),
        None => failed("index out of range"),
    }
}

/// A port's type.
///
/// # Safety
/// As the real function.
unsafe fn type_info(
    session: *const sys::Session,
    side: usize,
    at: usize,
    out: *mut *mut sys::TypeInfo,
) -> Answer {
    let session = object!(session, Session);
    let Some(port) = session.ports(side).into_iter().nth(at) else {
        return failed("index out of range");
    };
    let size = |size: &Option<usize>| size.map_or(-1, |size| i64::try_from(size).unwrap_or(-1));
    let tensor = TensorInfo {
        element_type: session.element_types[side],
        shape: port.shape.iter().map(size).collect(),
    };
    put!(out, give(TypeInfo { tensor }).cast())
}

pub(super) unsafe extern "C" fn SessionGetInputCount(
    session: *const sys::Session,
    out: *mut usize,
) -> Answer {
    put!(out, object!(session, Session).ports(0).len())
}

pub(super) unsafe extern "C" fn SessionGetOutputCount(
    session: *const sys::Session,
    out: *mut usize,
) -> Answer {
    put!(out, object!(session, Session).ports(1).len())
}

pub(super) unsafe extern "C" fn SessionGetInputName(
    session: *const sys::Session,
    at: usize,
    _allocator: *mut sys::Allocator,
    out: *mut *mut c_char,
) -> Answer {
    // SAFETY: as the caller promises.
    unsafe { name(session, 0, at, out) }
}

pub(super) unsafe extern "C" fn SessionGetOutputName(
    session: *const sys::Session,
    at: usize,
    _allocator: *mut sys::Allocator,
    out: *mut *mut c_char,
) -> Answer {
    // SAFETY: as the caller promises.
    unsafe { name(session, 1, at, out) }
}

pub(super) unsafe extern "C" fn SessionGetInputTypeInfo(
    session: *const sys::Session,
    at: usize,
    out: *mut *mut sys::TypeInfo,
) -> Answer {
    // SAFETY: as the caller promises.
    unsafe { type_info(session, 0, at, out) }
}

pub(super) unsafe extern "C" fn SessionGetOutputTypeInfo(
    session: *const sys::Session,
    at: usize,
    out: *mut *mut sys::TypeInfo,
) -> Answer {
    // SAFETY: as the caller promises.
    unsafe { type_info(session, 1, at, out) }
}

pub(super) unsafe extern "C" fn SessionGetModelMetadata(
    session: *const sys::Session,
    out: *mut *mut sys::ModelMetadata,
) -> Answer {
    object!(session, Session);
    let session = session as usize;
    put!(out, give(Metadata { session }).cast())
}

pub(super) unsafe extern "C" fn ModelMetadataLookupCustomMetadataMap(
    metadata: *const sys::ModelMetadata,
    _allocator: *mut sys::Allocator,
    key: *const c_char,
    out: *mut *mut c_char,
) -> Answer {
    let metadata = object!(metadata, Metadata);
    let session = object!(metadata.session as *const sys::Session, Session);
    // SAFETY: the caller passes a C string.
    let key = unsafe { CStr::from_ptr(key) }.to_string_lossy();
    let value = session.with(|session| session.metadata(&key));
    put!(
        out,
        value.map_or(ptr::null_mut(), |value| give_text(&value))
    )
}
