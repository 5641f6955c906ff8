//! The library itself: finding it, its logger, its version.

use std::{
    error::Error as _,
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    ptr,
    sync::Arc,
};

use hailort_sys::{HailoRt, hailo_device_id_t, hailo_version_t};

use crate::{
    DeviceId, Error, Version, VersionSupport, Versions,
    call::{check, function},
};

/// Names to try after a configured path. The SONAME is the full version, and the plain name comes
/// with the development package only.
const NAMES: [&str; 6] = [
    "libhailort.so",
    "libhailort.so.4.23.0",
    "libhailort.so.4.22.0",
    "libhailort.so.4.21.0",
    "libhailort.so.4.20.1",
    "libhailort.so.4.20.0",
];

/// How the loader ends its word on a file that is not there.
const NOT_FOUND: &str = "No such file or directory";

/// The most devices a scan answers with.
const MAX_DEVICES: usize = 16;

/// Where the library's own log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFolder {
    /// No file.
    None,
    /// `hailort.log` in this folder.
    Folder(PathBuf),
}

/// From which level the library prints to standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What ends it.
    Critical,
    /// What failed.
    Error,
    /// What looks wrong.
    Warning,
    /// The library's own default.
    Info,
}

/// The library's logger. It starts when the library is opened, and reads the environment then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Its log file; without this, `./hailort.log`.
    pub folder: LogFolder,
    /// What it prints.
    pub console: LogLevel,
}

impl Default for Logging {
    /// No file, since a daemon's folder is often read-only; only critical messages, since failed
    /// calls come back as [`Error`]s.
    fn default() -> Self {
        Self {
            folder: LogFolder::None,
            console: LogLevel::Critical,
        }
    }
}

impl Logging {
    /// Sets `HAILORT_LOGGER_PATH` and `HAILORT_CONSOLE_LOGGER_LEVEL`, unless the user has.
    ///
    /// To be called first thing in `main`: the environment may only be changed while no other
    /// thread can read it, so with a second thread running this changes nothing and answers
    /// [`Error::LoggingTooLate`]. (Under qemu-user, the emulator's own threads count too.)
    pub fn set_environment(&self) -> Result<(), Error> {
        let threads = threads();
        if threads != 1 {
            return Err(Error::LoggingTooLate { threads });
        }
        let folder = match &self.folder {
            LogFolder::None => OsStr::new("NONE"),
            LogFolder::Folder(folder) => folder.as_os_str(),
        };
        let level = match self.console {
            LogLevel::Critical => "critical",
            LogLevel::Error => "error",
            LogLevel::Warning => "warning",
            LogLevel::Info => "info",
        };
        for (name, value) in [
            ("HAILORT_LOGGER_PATH", folder),
            ("HAILORT_CONSOLE_LOGGER_LEVEL", OsStr::new(level)),
        ] {
            if std::env::var_os(name).is_none() {
                // SAFETY: this is the only thread of the process, as was just counted, so nobody
                // else reads or writes the environment meanwhile.
                unsafe { std::env::set_var(name, value) };
            }
        }
        Ok(())
    }
}

/// Threads of this process; 0 where /proc can't say.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// An opened libhailort. Clones share it; it is closed when the last object made from it is gone.
#[derive(Clone)]
pub struct Library {
    pub(crate) table: Arc<HailoRt>,
    version: Version,
    path: PathBuf,
}

impl Library {
    /// Opens libhailort: `path` if given, else by its usual names, and checks its version.
    ///
    /// A version outside `versions` is [`Error::Version`] or [`Error::UntriedVersion`].
    ///
    /// Set up its logger before, with [`Logging::set_environment`].
    #[doc(alias = "hailo_get_library_version")]
    pub fn open(path: Option<&Path>, versions: Versions) -> Result<Self, Error> {
        let candidates: Vec<&OsStr> = match path {
            Some(path) => vec![path.as_os_str()],
            None => NAMES.iter().map(OsStr::new).collect(),
        };
        let mut causes = Vec::new();
        for candidate in candidates {
            // SAFETY: loading runs the library's initialisers. The file is what the administrator
            // installed or configured as libhailort, whose initialisers only start its logger.
            match unsafe { HailoRt::new(candidate) } {
                Ok(table) => return Self::checked(table, candidate, versions),
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
            causes.push(format!(
                "there is no {first}, nor one of {}",
                versions.join(", ")
            ));
        }
        Err(Error::Open {
            cause: causes.join("; "),
        })
    }

    fn checked(table: HailoRt, path: &OsStr, versions: Versions) -> Result<Self, Error> {
        let mut library = Self {
            table: Arc::new(table),
            version: Version {
                major: 0,
                minor: 0,
                revision: 0,
            },
            path: path.into(),
        };
        let mut version = hailo_version_t::default();
        let get_version = function!(library, hailo_get_library_version)?;
        // SAFETY: the pointer is to a version, valid for the call.
        let status = unsafe { get_version(&raw mut version) };
        check("hailo_get_library_version", status)?;
        library.version = Version {
            major: version.major,
            minor: version.minor,
            revision: version.revision,
        };
        let found = library.version;
        match (found.support(), versions) {
            (VersionSupport::Supported, _) | (VersionSupport::Untried, Versions::Untried) => {
                Ok(library)
            }
            (VersionSupport::Untried, Versions::Supported) => Err(Error::UntriedVersion { found }),
            (VersionSupport::Refused, _) => Err(Error::Version { found }),
        }
    }

    /// Its version; see [`Version::support`].
    pub fn version(&self) -> Version {
        self.version
    }

    /// The path or name it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The devices on this machine, in use or not.
    #[doc(alias = "hailo_scan_devices")]
    pub fn scan(&self) -> Result<Vec<DeviceId>, Error> {
        let mut ids = [hailo_device_id_t::default(); MAX_DEVICES];
        let mut count = ids.len();
        let scan = function!(self, hailo_scan_devices)?;
        // SAFETY: `ids` has room for `count` ids, and both outlive the call; no parameters.
        let status = unsafe { scan(ptr::null_mut(), ids.as_mut_ptr(), &raw mut count) };
        check("hailo_scan_devices", status)?;
        let found = ids.get(..count).ok_or_else(|| Error::Answer {
            function: "hailo_scan_devices",
            found: format!("{count} devices"),
            expected: "at most as many as there was room for",
        })?;
        Ok(found.iter().map(DeviceId::from_c).collect())
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "libhailort {} ({})", self.version, self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_library_is_one_clear_line() {
        let error = Library::open(
            Some(Path::new("/nowhere/libhailort.so")),
            Versions::default(),
        )
        .unwrap_err();
        let line = error.to_string();
        assert!(
            line.contains("/nowhere/libhailort.so") && line.contains("install HailoRT"),
            "{line}"
        );
        assert!(!line.contains('\n'));
    }

    #[test]
    fn another_library_lacks_the_functions() {
        let error = Library::open(Some(Path::new("libc.so.6")), Versions::default()).unwrap_err();
        assert!(matches!(
            error,
            Error::MissingFunction {
                function: "hailo_get_library_version"
            }
        ));
    }

    #[test]
    fn the_environment_is_not_changed_beside_other_threads() {
        // The test harness has at least two.
        std::thread::scope(|scope| {
            let (stop, stopped) = std::sync::mpsc::channel::<()>();
            scope.spawn(move || stopped.recv());
            let error = Logging::default().set_environment().unwrap_err();
            assert!(matches!(error, Error::LoggingTooLate { threads } if threads > 1));
            drop(stop);
        });
    }
}
