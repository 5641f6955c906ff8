//! Safe access to HailoRT, the run-time library of Hailo's accelerators.
//!
//! ```text
//! Library ── scan() ──► [DeviceId]
//!    ├──► CheckedHef ── Trial ──► Hef
//!    └──► VDevice ── configure(&Hef) ──► ConfiguredNetworkGroup ──► InputVStream, OutputVStream
//! ```
//!
//! The library is opened at run time, so a program that uses this crate builds and starts without
//! it. Every object keeps alive what it was made from, so the order in which the C library wants
//! things released (vstreams, vdevice, HEF, library) holds whatever order they are dropped in:
//! network groups live as long as their vdevice, and a vdevice keeps the HEFs configured on it.
//! Keep none of them in a `static`: destroying a vdevice while the process exits has crashed real
//! programs.
//!
//! Threads: HailoRT promises one thread per vstream and nothing more. So a vstream is `Send`, not
//! `Sync`, and takes `&mut self`; calls on a vdevice wait for each other, and so do those on a HEF.
//!
//! ```compile_fail
//! // One thread per vstream: a shared vstream does not compile.
//! fn shared(input: &hailort::InputVStream) {
//!     std::thread::scope(|scope| {
//!         scope.spawn(|| drop(input.info()));
//!     });
//! }
//! ```
//!
//! ```compile_fail
//! // A released vstream can't be used again.
//! fn again(mut input: hailort::InputVStream) -> Result<(), hailort::Error> {
//!     input.release()?;
//!     input.write(&[])
//! }
//! ```
//!
//! ```compile_fail
//! // A physical device is borrowed from its vdevice, and can't outlive it.
//! fn outlive(vdevice: hailort::VDevice) -> Result<(), hailort::Error> {
//!     let devices = vdevice.physical_devices()?;
//!     drop(vdevice);
//!     devices[0].identify().map(|_| ())
//! }
//! ```
//!
//! ```compile_fail
//! // A network group is made by a vdevice, never from thin air.
//! let group = hailort::ConfiguredNetworkGroup {};
//! ```

mod alarm;
mod call;
mod device;
mod device_id;
mod error;
mod hef;
pub mod hef_file;
pub mod host;
mod library;
mod network_group;
mod status;
mod text;
mod trial;
mod trial_end;
mod vdevice;
mod version;
mod vstream;
mod vstream_info;

pub use alarm::{AlarmReport, Alarms, TemperatureZone};
pub use device::{Architecture, ChipTemperature, Identity, PhysicalDevice};
pub use device_id::DeviceId;
pub use error::Error;
pub use hef::{CheckedHef, Hef, NetworkGroupInfo};
pub use hef_file::HefFileError;
pub use library::{Library, LogFolder, LogLevel, Logging};
pub use network_group::{ConfiguredNetworkGroup, SchedulingOptions};
pub use status::Status;
pub use trial::Trial;
pub use trial_end::TrialEnd;
pub use vdevice::{VDevice, VDeviceOptions};
pub use version::{SUPPORTED_VERSIONS, Version, VersionSupport, Versions};
pub use vstream::{Element, InputVStream, OutputVStream, VStream, VStreamOptions};
pub use vstream_info::{FormatType, VStreamDirection, VStreamInfo};
