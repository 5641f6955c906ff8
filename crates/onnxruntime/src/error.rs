//! What can go wrong between here and onnxruntime. Each is one line.

use crate::sys;

/// An error of this crate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No library has one of the usual names.
    #[error("onnxruntime is not there ({tried}): {HELP}")]
    Absent {
        /// Which names were tried.
        tried: String,
    },
    /// A library is there, and can't be opened.
    #[error("onnxruntime can't be opened ({cause}): {HELP}")]
    Open {
        /// The loader's answer.
        cause: String,
    },
    /// The library was made before the interface that is asked for.
    #[error(
        "onnxruntime is version {version}, which lacks level {} of its interface: 1.{} or later is needed",
        sys::LEVEL,
        sys::LEVEL
    )]
    Version {
        /// The library's version.
        version: String,
    },
    /// The library lacks a function.
    #[error("the library has no function {function}: is it really onnxruntime?")]
    MissingFunction {
        /// The C function.
        function: &'static str,
    },
    /// A call failed.
    #[error("{function}: {message}")]
    Call {
        /// The C function.
        function: &'static str,
        /// What the library says.
        message: String,
    },
    /// The library answered what can't be.
    #[error("{function} answered {found}")]
    Answer {
        /// The C function.
        function: &'static str,
        /// What it said.
        found: String,
    },
    /// An output is asked for that the model lacks.
    #[error("there is no output {output}")]
    Output {
        /// Its place.
        output: usize,
    },
}

/// What to do where there is no library. Python's package holds one from 1.19 on.
const HELP: &str = "`sudo apt install libonnxruntime1.21` gets it on Debian 13, elsewhere `pip install onnxruntime`, with onnxruntime/capi/libonnxruntime.so.1.* of its site-packages as `library`";
