//! The table and its functions.
//!
//! Each function is `unsafe` as in C: pointers that the caller passes must be valid as the real
//! library's documentation says.

// Reached by pointer, or by name, from outside.
#![allow(unreachable_pub)]
// The interface's own names.
#![allow(non_snake_case)]

mod kind;
mod library;
mod run;
mod session;
mod tensor;

use std::{
    ffi::{CString, c_char},
    mem::transmute,
    ptr,
    sync::OnceLock,
};

use onnxruntime::sys::{ApiBase, Member, index, types};

use self::{library::*, run::*, session::*, tensor::*};
use crate::{object, script::Script};

/// The table, as the script wants it.
fn table() -> Vec<Member> {
    let mut table: Vec<Member> = vec![None; 400];
    macro_rules! members {
        ($($name:ident)*) => {$(
            let function: types::$name = $name;
            // SAFETY: the caller knows the signature by the index.
            table[index::$name] = Some(unsafe { transmute::<types::$name, unsafe extern "C" fn()>(function) });
        )*};
    }
    members! {
        GetErrorMessage CreateEnv CreateSessionFromArray Run CreateSessionOptions EnableMemPattern
        SetSessionGraphOptimizationLevel SetIntraOpNumThreads SessionGetInputCount
        SessionGetOutputCount SessionGetInputTypeInfo SessionGetOutputTypeInfo SessionGetInputName
        SessionGetOutputName CreateRunOptions RunOptionsSetTerminate
        CreateTensorWithDataAsOrtValue GetTensorMutableData CastTypeInfoToTensorInfo
        GetTensorElementType GetDimensionsCount GetDimensions GetTensorTypeAndShape
        CreateCpuMemoryInfo AllocatorFree GetAllocatorWithDefaultOptions ReleaseEnv ReleaseStatus
        ReleaseMemoryInfo ReleaseSession ReleaseValue ReleaseRunOptions ReleaseTypeInfo
        ReleaseTensorTypeAndShapeInfo ReleaseSessionOptions SessionGetModelMetadata
        ModelMetadataLookupCustomMetadataMap ReleaseModelMetadata AddSessionConfigEntry
    }
    if let Some(member) = Script::now().lacks.and_then(|lacks| table.get_mut(lacks)) {
        *member = None;
    }
    table
}

/// The library's one symbol.
#[unsafe(no_mangle)]
pub extern "C" fn OrtGetApiBase() -> *const ApiBase {
    static BASE: ApiBase = ApiBase {
        GetApi: Some(get_api),
        GetVersionString: Some(get_version),
    };
    &raw const BASE
}

/// Objects that are handed out and not released.
#[unsafe(no_mangle)]
pub extern "C" fn onnxruntime_standin_live() -> usize {
    object::count()
}

unsafe extern "C" fn get_api(level: u32) -> *const Member {
    static TABLE: OnceLock<Vec<Member>> = OnceLock::new();
    if (1..=Script::now().level).contains(&level) {
        TABLE.get_or_init(table).as_ptr()
    } else {
        ptr::null()
    }
}

unsafe extern "C" fn get_version() -> *const c_char {
    static VERSION: OnceLock<CString> = OnceLock::new();
    let version = || CString::new(Script::now().version).unwrap_or_default();
    VERSION.get_or_init(version).as_ptr()
}
