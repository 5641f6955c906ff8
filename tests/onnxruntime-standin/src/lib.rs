//! A stand-in for libonnxruntime: the same interface, with rten inside.
//!
//! Programs open it as they would the real library. It runs models, fails on demand, and writes down
//! what its caller does wrong: objects that are used after their release, released twice, or
//! of another kind.
//!
//! | what | variable | without it |
//! |---|---|---|
//! | faults and settings, separated by `;` | `ONNXRUNTIME_STANDIN_SCRIPT` | none |
//! | the same as a file, one a line | | the library's own path with `.control` appended |
//! | where violations are written | | the library's own path with `.report` appended |
//!
//! A copy of the library under another name is a stand-in of its own, so that tests can run side by
//! side in one process: see [`Sandbox`].
//!
//! | module | holds |
//! |---|---|
//! | `abi` | the table and its functions |
//! | `object` | what the functions make, and what callers do wrong with it |
//! | `script` | faults and settings |
//! | `sandbox` | what tests need: a copy of the library, its script and its report |

mod abi;
mod object;
mod sandbox;
mod script;

pub use sandbox::{Sandbox, library};
