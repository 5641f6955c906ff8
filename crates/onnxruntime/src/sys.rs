//! The part of onnxruntime's C interface that is called here.
//!
//! The interface is a table of pointers to functions that only ever grows: a member keeps its index
//! and its signature for good. Indices and signatures are those of `onnxruntime_c_api.h`; one line
//! below is one member. [`Api`] is what was read from a library's table, [`types`] and
//! [`index`] are for whoever makes such a table.

#![allow(missing_docs, non_snake_case, non_upper_case_globals)]

use std::{
    ffi::{c_char, c_int, c_void},
    mem::transmute,
    slice,
};

/// The level of the interface that is asked for, that of onnxruntime 1.17.
pub const LEVEL: u32 = 17;

/// Members of the table up to the last one that is called.
pub const MEMBERS: usize = index::AddSessionConfigEntry + 1;

/// A member of the table, as yet without its signature.
pub type Member = Option<unsafe extern "C" fn()>;

/// The name of the library's one symbol.
pub const ENTRY: &str = "OrtGetApiBase";

/// The library's one symbol.
pub type GetApiBase = unsafe extern "C" fn() -> *const ApiBase;

/// What the library's one symbol answers with.
#[repr(C)]
pub struct ApiBase {
    /// The table of a level; NULL where the library has no such level.
    pub GetApi: Option<unsafe extern "C" fn(level: u32) -> *const Member>,
    /// The library's version: `1.32.0`.
    pub GetVersionString: Option<unsafe extern "C" fn() -> *const c_char>,
}

/// Log nothing but what ends the library.
pub const LOG_FATAL: c_int = 4;
/// All that the library knows to make a graph faster.
pub const OPTIMIZE_ALL: c_int = 99;
/// Memory that is the caller's, not from an arena.
pub const DEVICE_ALLOCATOR: c_int = 0;
/// Memory of the kind that an engine takes by default.
pub const MEMORY_DEFAULT: c_int = 0;
/// Elements of 32-bit floating point.
pub const FLOAT: c_int = 1;
/// Elements of 16-bit floating point.
pub const FLOAT16: c_int = 10;

macro_rules! opaque {
    ($($name:ident)*) => {$(
        /// An object of the library.
        #[repr(C)]
        pub struct $name {
            _inside: [u8; 0],
        }
    )*};
}

opaque! {
    Allocator Env MemoryInfo ModelMetadata RunOptions Session SessionOptions Status
    TensorInfo TypeInfo Value
}

macro_rules! members {
    ($($index:literal $name:ident ( $($argument:ty),* ) $(-> $answer:ty)?;)*) => {
        /// Signatures of the members.
        pub mod types {
            use super::*;
            $(pub type $name = unsafe extern "C" fn($($argument),*) $(-> $answer)?;)*
        }

        /// Places of the members in the table.
        pub mod index {
            $(pub const $name: usize = $index;)*
        }

        /// The members that are called.
        #[derive(Clone, Copy)]
        pub struct Api {
            $(pub $name: types::$name,)*
        }

        impl Api {
            /// Reads a library's table. The error is the name of a member that is not there.
            ///
            /// # Safety
            /// `table` points to a table of [`LEVEL`] or later, whose functions stay where they
            /// are for as long as the result or a copy of it is used.
            pub unsafe fn read(table: *const Member) -> Result<Self, &'static str> {
                // SAFETY: tables of this level and later have more members.
                let table = unsafe { slice::from_raw_parts(table, MEMBERS) };
                Ok(Self {
                    $($name: {
                        let member = table.get($index).copied().flatten();
                        let member = member.ok_or(stringify!($name))?;
                        // SAFETY: the member of this index has this signature in every library.
                        unsafe { transmute::<unsafe extern "C" fn(), types::$name>(member) }
                    },)*
                })
            }
        }
    };
}

// A result of `*mut Status` is NULL for success. What a call makes comes through its last argument.
members! {
    2 GetErrorMessage(*const Status) -> *const c_char;
    3 CreateEnv(c_int, *const c_char, *mut *mut Env) -> *mut Status;
    8 CreateSessionFromArray(*const Env, *const c_void, usize, *const SessionOptions, *mut *mut Session) -> *mut Status;
    9 Run(*mut Session, *const RunOptions, *const *const c_char, *const *const Value, usize, *const *const c_char, usize, *mut *mut Value) -> *mut Status;
    10 CreateSessionOptions(*mut *mut SessionOptions) -> *mut Status;
    16 EnableMemPattern(*mut SessionOptions) -> *mut Status;
    23 SetSessionGraphOptimizationLevel(*mut SessionOptions, c_int) -> *mut Status;
    24 SetIntraOpNumThreads(*mut SessionOptions, c_int) -> *mut Status;
    30 SessionGetInputCount(*const Session, *mut usize) -> *mut Status;
    31 SessionGetOutputCount(*const Session, *mut usize) -> *mut Status;
    33 SessionGetInputTypeInfo(*const Session, usize, *mut *mut TypeInfo) -> *mut Status;
    34 SessionGetOutputTypeInfo(*const Session, usize, *mut *mut TypeInfo) -> *mut Status;
    36 SessionGetInputName(*const Session, usize, *mut Allocator, *mut *mut c_char) -> *mut Status;
    37 SessionGetOutputName(*const Session, usize, *mut Allocator, *mut *mut c_char) -> *mut Status;
    39 CreateRunOptions(*mut *mut RunOptions) -> *mut Status;
    46 RunOptionsSetTerminate(*mut RunOptions) -> *mut Status;
    49 CreateTensorWithDataAsOrtValue(*const MemoryInfo, *mut c_void, usize, *const i64, usize, c_int, *mut *mut Value) -> *mut Status;
    51 GetTensorMutableData(*mut Value, *mut *mut c_void) -> *mut Status;
    55 CastTypeInfoToTensorInfo(*const TypeInfo, *mut *const TensorInfo) -> *mut Status;
    60 GetTensorElementType(*const TensorInfo, *mut c_int) -> *mut Status;
    61 GetDimensionsCount(*const TensorInfo, *mut usize) -> *mut Status;
    62 GetDimensions(*const TensorInfo, *mut i64, usize) -> *mut Status;
    65 GetTensorTypeAndShape(*const Value, *mut *mut TensorInfo) -> *mut Status;
    69 CreateCpuMemoryInfo(c_int, c_int, *mut *mut MemoryInfo) -> *mut Status;
    76 AllocatorFree(*mut Allocator, *mut c_void) -> *mut Status;
    78 GetAllocatorWithDefaultOptions(*mut *mut Allocator) -> *mut Status;
    92 ReleaseEnv(*mut Env);
    93 ReleaseStatus(*mut Status);
    94 ReleaseMemoryInfo(*mut MemoryInfo);
    95 ReleaseSession(*mut Session);
    96 ReleaseValue(*mut Value);
    97 ReleaseRunOptions(*mut RunOptions);
    98 ReleaseTypeInfo(*mut TypeInfo);
    99 ReleaseTensorTypeAndShapeInfo(*mut TensorInfo);
    100 ReleaseSessionOptions(*mut SessionOptions);
    111 SessionGetModelMetadata(*const Session, *mut *mut ModelMetadata) -> *mut Status;
    116 ModelMetadataLookupCustomMetadataMap(*const ModelMetadata, *mut Allocator, *const c_char, *mut *mut c_char) -> *mut Status;
    118 ReleaseModelMetadata(*mut ModelMetadata);
    130 AddSessionConfigEntry(*mut SessionOptions, *const c_char, *const c_char) -> *mut Status;
}
