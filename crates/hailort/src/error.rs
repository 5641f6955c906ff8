//! What can go wrong on the way to the chip.

use std::path::{Path, PathBuf};

use crate::{HefFileError, Status, Version, Versions, trial_end::TrialEnd};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call answered with a status other than success.
    #[error("{function}: {status}{hint}", hint = hint(*.status))]
    Call {
        /// The C function.
        function: &'static str,
        /// Its answer.
        status: Status,
    },
    /// libhailort is not there, or can't be loaded.
    #[error(
        "libhailort can't be opened ({cause}): install HailoRT 4.20 to 4.23 (`sudo apt install hailo-all` on a Raspberry Pi) or set the library's path"
    )]
    Open {
        /// Each name tried, with the loader's answer.
        cause: String,
    },
    /// The library lacks a function.
    #[error("libhailort has no function {function}: is it really HailoRT 4.20 to 4.23?")]
    MissingFunction {
        /// The C function.
        function: &'static str,
    },
    /// The library is of a version that does not serve a Hailo-8.
    #[error(
        "libhailort is version {found}, which does not serve a Hailo-8 or 8L: install HailoRT 4.20 to 4.23"
    )]
    Version {
        /// The library's version.
        found: Version,
    },
    /// The library is of a version that nobody has tried, and the caller did not opt in.
    #[error(
        "libhailort is version {found}, but only 4.20 to 4.23 are tried: install one of those, or set {}=1 to use it at your own risk",
        Versions::VARIABLE
    )]
    UntriedVersion {
        /// The library's version.
        found: Version,
    },
    /// The logger's environment can't be set any more.
    #[error(
        "HailoRT's logger can't be set up: the process has {threads} threads already, and the environment may only change while there is one"
    )]
    LoggingTooLate {
        /// Threads of this process.
        threads: usize,
    },
    /// The HEF can't be read or is not one.
    #[error("{path}: {cause}", path = path.display())]
    Hef {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: HefFileError,
    },
    /// The library does not take the HEF.
    #[error("{path}: {function}: {status}{hint}", path = path.display(), hint = hint(*.status))]
    HefRefused {
        /// The file.
        path: PathBuf,
        /// The C function.
        function: &'static str,
        /// Its answer.
        status: Status,
    },
    /// A process in which the library was given the HEF first came to a bad end.
    #[error("{end}", end = end.of(path))]
    Trial {
        /// The HEF.
        path: PathBuf,
        /// How it ended.
        end: TrialEnd,
    },
    /// A text for the library has a NUL byte or is too long.
    #[error("{what} '{text}' has a NUL byte or more than {limit} bytes")]
    Text {
        /// What it is.
        what: &'static str,
        /// The text.
        text: String,
        /// The most bytes.
        limit: usize,
    },
    /// The library answered what can't be.
    #[error("{function} answered {found}, expected {expected}")]
    Answer {
        /// The C function.
        function: &'static str,
        /// What it said.
        found: String,
        /// What it should have said.
        expected: &'static str,
    },
    /// A buffer has not the vstream's frame size.
    #[error("vstream '{vstream}' has frames of {expected} bytes, but the buffer has {found}")]
    FrameSize {
        /// The vstream's name.
        vstream: String,
        /// Bytes of the buffer.
        found: usize,
        /// Bytes of a frame.
        expected: usize,
    },
}

impl Error {
    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        self.status().is_some_and(Status::is_transient)
    }

    /// Whether the HEF is at fault, which only who named it can mend: it can't be read, is damaged,
    /// not taken by the library, or too much for it.
    pub fn is_of_hef(&self) -> bool {
        match self {
            Self::Hef { .. } | Self::HefRefused { .. } => true,
            Self::Trial { end, .. } => end.is_of_hef(),
            _ => false,
        }
    }

    /// The library's status, if it was a call that failed.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Call { status, .. } | Self::HefRefused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// A failed call that had to do with a HEF: with the file's name, if the HEF is at fault.
    pub(crate) fn of_hef(self, path: &Path) -> Self {
        match self {
            Self::Call { function, status } if status.is_of_hef() => Self::HefRefused {
                path: path.to_owned(),
                function,
                status,
            },
            other => other,
        }
    }
}

fn hint(status: Status) -> String {
    status
        .advice()
        .map_or_else(String::new, |advice| format!(": {advice}"))
}
