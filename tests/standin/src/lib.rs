//! A stand-in for libhailort: the same ABI, no chip.
//!
//! Programs open it as they would the real library. It behaves as libhailort 4.20 to 4.23 has been
//! seen to (params in alphabetical order, handles in that order whatever the caller's, counts
//! written back, statuses without a device), answers with the mock accelerator's network at a
//! Hailo-8's pace, fails on demand, and writes down what its caller does wrong.
//!
//! | what | variable | without it |
//! |---|---|---|
//! | faults and settings, separated by `;` | `HAILORT_STANDIN_SCRIPT` | none |
//! | the same as a file, one a line, read again whenever it changes | `HAILORT_STANDIN_CONTROL` | the library's own path with `.control` appended |
//! | where violations are written | `HAILORT_STANDIN_REPORT` | the library's own path with `.report` appended |
//!
//! A copy of the library under another name is a stand-in of its own, so that tests can run side by
//! side in one process: see [`Sandbox`]. [`script`] lists the faults.
//!
//! | module | holds |
//! |---|---|
//! | `abi` | the C functions, by what they are called on |
//! | [`alarm`] | what the chip tells unasked |
//! | `chip` | a network on a chip: queues, batches, pace |
//! | `registry` | handles, and what callers do wrong with them |
//! | [`script`] | faults and settings |
//! | `sandbox`, `sample` | what tests need: a copy of the library, HEFs |

mod abi;
pub mod alarm;
mod chip;
mod registry;
mod sample;
mod sandbox;
pub mod script;

pub use sample::{FAST_SAM, sample_hef, sample_hef_for, sample_hef_of};
pub use sandbox::{Sandbox, library};
