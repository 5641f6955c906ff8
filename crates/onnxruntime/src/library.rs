//! The library itself: finding it, its level and version, and what all sessions share.

use std::{
    error::Error as _,
    ffi::{CStr, OsStr},
    fmt,
    mem::ManuallyDrop,
    path::{Path, PathBuf},
    ptr::{self, NonNull},
    sync::Arc,
};

use crate::{
    Error,
    object::{Owned, check, nothing, text},
    sys::{self, Api, GetApiBase, Member},
};

/// Names to try where no path is configured: that for developers, and SONAMEs of Microsoft's
/// libraries, of Debian 13's package, and of Microsoft's 1.17.
const NAMES: [&str; 6] = [
    "libonnxruntime.so",
    "libonnxruntime.so.1",
    "libonnxruntime.so.1.21",
    "libonnxruntime.so.1.17.3",
    "libonnxruntime.so.1.17.1",
    "libonnxruntime.so.1.17.0",
];

/// How the loader ends its word on a file that is not there.
const NOT_FOUND: &str = "No such file or directory";

/// Whose log lines they are, if the library ever writes one.
const LOG_ID: &CStr = c"fastsamd";

/// An opened onnxruntime. Clones share it.
#[derive(Clone)]
pub struct Library {
    shared: Arc<Shared>,
}

/// What all sessions of a library use.
struct Shared {
    api: Api,
    env: Owned<sys::Env>,
    memory: Owned<sys::MemoryInfo>,
    /// The library's own, which is never released.
    allocator: NonNull<sys::Allocator>,
    version: String,
    path: PathBuf,
}

// SAFETY: environment, memory information and default allocator are documented for use by many
// sessions in many threads; nothing here changes them, and the last owner releases them.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Library {
    /// Opens onnxruntime: `path` if given, else by its usual names.
    ///
    /// # Errors
    /// [`Error::Absent`] where no path is given and nothing is found; [`Error::Open`],
    /// [`Error::MissingFunction`] and [`Error::Version`] where what is found can't be used.
    pub fn open(path: Option<&Path>) -> Result<Self, Error> {
        let candidates: Vec<&OsStr> = match path {
            Some(path) => vec![path.as_os_str()],
            None => NAMES.iter().map(OsStr::new).collect(),
        };
        let mut causes = Vec::new();
        for candidate in candidates {
            // SAFETY: loading runs the library's initialisers. The file is what the administrator
            // installed or configured as onnxruntime, whose initialisers have no conditions.
            match unsafe { libloading::Library::new(candidate) } {
                // Never closed: its functions are called as long as the process lives.
                Ok(library) => return Self::of(&ManuallyDrop::new(library), candidate),
                // The loader's words are the error's source.
                Err(error) => causes.push(
                    error
                        .source()
                        .map_or_else(|| error.to_string(), ToString::to_string),
                ),
            }
        }
        // A library that is there and can't be loaded is worth more words than those that aren't.
        causes.retain(|cause| path.is_some() || !cause.ends_with(NOT_FOUND));
        if causes.is_empty() {
            let [first, others @ ..] = NAMES;
            let versions = others.map(|name| name.trim_start_matches(first));
            let tried = format!("no {first}, nor one of {}", versions.join(", "));
            return Err(Error::Absent { tried });
        }
        let cause = causes.join("; ");
        Err(Error::Open { cause })
    }

    fn of(library: &ManuallyDrop<libloading::Library>, path: &OsStr) -> Result<Self, Error> {
        let missing = |function| Error::MissingFunction { function };
        // SAFETY: the symbol of this name has this type in every onnxruntime.
        let entry = unsafe { library.get::<GetApiBase>(sys::ENTRY) };
        let entry = entry.map_err(|_| missing(sys::ENTRY))?;
        // SAFETY: it takes nothing and answers with what is part of the library.
        let base = unsafe { entry() };
        // SAFETY: NULL, or as long there as the library, which is never closed.
        let base = unsafe { base.as_ref() }.ok_or_else(|| nothing(sys::ENTRY))?;
        let get_version = base.GetVersionString.ok_or(missing("GetVersionString"))?;
        // SAFETY: it takes nothing.
        let version = unsafe { get_version() };
        // SAFETY: NULL or a C string that is part of the library.
        let version = unsafe { text(version) }.unwrap_or_default();
        let get_api = base.GetApi.ok_or(missing("GetApi"))?;
        // SAFETY: any level may be asked for.
        let table: *const Member = unsafe { get_api(sys::LEVEL) };
        if table.is_null() {
            return Err(Error::Version { version });
        }
        // SAFETY: the table is of this level, and the library is never closed.
        let api = unsafe { Api::read(table) }.map_err(missing)?;

        let mut env = ptr::null_mut();
        // SAFETY: a C string and a place for the environment.
        let status = unsafe { (api.CreateEnv)(sys::LOG_FATAL, LOG_ID.as_ptr(), &raw mut env) };
        // SAFETY: the environment was made by this call, for us.
        let env = unsafe { Owned::from_call(&api, "CreateEnv", status, env) }?;
        let mut memory = ptr::null_mut();
        let make = api.CreateCpuMemoryInfo;
        // SAFETY: two of the library's own numbers and a place for the information.
        let status = unsafe { make(sys::DEVICE_ALLOCATOR, sys::MEMORY_DEFAULT, &raw mut memory) };
        // SAFETY: the information was made by this call, for us.
        let memory = unsafe { Owned::from_call(&api, "CreateCpuMemoryInfo", status, memory) }?;
        let mut allocator = ptr::null_mut();
        // SAFETY: a place for a pointer.
        let status = unsafe { (api.GetAllocatorWithDefaultOptions)(&raw mut allocator) };
        // SAFETY: the status is this call's.
        unsafe { check(&api, "GetAllocatorWithDefaultOptions", status) }?;
        let allocator =
            NonNull::new(allocator).ok_or_else(|| nothing("GetAllocatorWithDefaultOptions"))?;
        Ok(Self {
            shared: Arc::new(Shared {
                api,
                env,
                memory,
                allocator,
                version,
                path: path.into(),
            }),
        })
    }

    /// Its version: `1.32.0`.
    pub fn version(&self) -> &str {
        &self.shared.version
    }

    /// The path or name it was opened by.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    pub(crate) fn api(&self) -> &Api {
        &self.shared.api
    }

    pub(crate) fn env(&self) -> *mut sys::Env {
        self.shared.env.as_ptr()
    }

    pub(crate) fn memory(&self) -> *mut sys::MemoryInfo {
        self.shared.memory.as_ptr()
    }

    pub(crate) fn allocator(&self) -> *mut sys::Allocator {
        self.shared.allocator.as_ptr()
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "onnxruntime {} ({})",
            self.version(),
            self.path().display()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_is_one_clear_line() {
        let error = Library::open(Some(Path::new("/nowhere/libonnxruntime.so"))).unwrap_err();
        let line = error.to_string();
        assert!(
            line.contains("/nowhere/libonnxruntime.so") && line.contains("pip install onnxruntime"),
            "{line}"
        );
        assert!(!line.contains('\n'));
    }

    #[test]
    fn another_library_lacks_the_function() {
        let error = Library::open(Some(Path::new("libc.so.6"))).unwrap_err();
        let function = sys::ENTRY;
        assert_eq!(error, Error::MissingFunction { function });
    }
}
