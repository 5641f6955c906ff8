//! What can go wrong with a Hailo chip, and what the daemon can do about it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use hailort::{Architecture, FormatType, hef_file::HefArchitecture};
use tensors::LayoutError;

use super::{misfit::Misfit, step::Step};
use crate::{AcceleratorError, Fault, FaultKind};

/// What can go wrong with a Hailo chip.
#[derive(Debug, thiserror::Error)]
pub enum HailoError {
    /// A call to the library failed, or the library itself.
    #[error(transparent)]
    Runtime(#[from] hailort::Error),
    /// No device at all.
    #[error(
        "no Hailo device found: check `lspci -d 1e60:`, `ls -l /dev/hailo0`, `dmesg | grep hailo` and `dkms status`{driver}",
        driver = .driver.as_ref().map_or_else(
            || "; the kernel driver is not loaded: `sudo modprobe hailo_pci`".to_owned(),
            |version| format!(" (driver {version} is loaded)"),
        )
    )]
    NoDevice {
        /// The loaded driver's version.
        driver: Option<String>,
    },
    /// Only chips that HailoRT 4 does not drive.
    #[error(
        "this is a {0}; fastsamd supports the Hailo-8 and the Hailo-8L. Without one, `backend: onnx` runs the network on the CPU"
    )]
    OtherChip(&'static str),
    /// A device that somebody else holds.
    #[error(
        "Hailo device {device} is in use by another process: `sudo fuser -v /dev/hailo0` names it; to share the chip, run hailort_service and turn multi_process_service on"
    )]
    InUse {
        /// Its PCIe address.
        device: String,
    },
    /// The device was there, and is there no more.
    #[error(
        "the Hailo device{at} is gone from the bus: check its seat, its cable and its power supply, and `sudo dmesg | grep -i -e hailo -e pcie`",
        at = .device.as_ref().map_or_else(String::new, |device| format!(" at {device}"))
    )]
    Removed {
        /// Its PCIe address, if it is known.
        device: Option<String>,
    },
    /// The library ended the streams, for a reason that it does not tell.
    #[error("HAILO_STREAM_ABORT (63): {why}", why = why_aborted(*.temperature))]
    Aborted {
        /// The chip's temperature in degrees Celsius, if it could be measured.
        temperature: Option<f32>,
    },
    /// A call into the library did not come back, and is left to its thread.
    #[error("{what} has not come back within {limit:?}, and is left behind")]
    Overdue {
        /// What was asked of the library.
        what: &'static str,
        /// How long was waited.
        limit: Duration,
    },
    /// A release was left behind, and the library takes no other device meanwhile.
    #[error(
        "there is a Hailo device again, but libhailort still waits for the one that was lost: this process ends, so that the service manager starts it afresh"
    )]
    Stuck,
    /// A thread for a call into the library could not be started.
    #[error("no thread for a call into libhailort: {0}")]
    Thread(#[source] std::io::Error),
    /// Library and kernel driver differ.
    #[error(
        "libhailort {library} and kernel driver {driver} differ: `sudo apt update && sudo apt full-upgrade` aligns them, then reboot"
    )]
    DriverVersion {
        /// The library's version.
        library: hailort::Version,
        /// The driver's version, or that it is not known.
        driver: String,
    },
    /// The HEF is for another chip.
    #[error("{hef} is made for a {made_for}, but the device is a {device}: `fastsamd fetch` gets the right one", hef = hef.display())]
    Architecture {
        /// The HEF.
        hef: PathBuf,
        /// The chip it is for.
        made_for: HefArchitecture,
        /// The chip there is.
        device: Architecture,
    },
    /// The HEF holds no network that this backend runs.
    #[error(
        "{hef}: {why}; `fastsamd hef FILE` shows what it holds, `fastsamd fetch fast_sam_s` gets FastSAM",
        hef = hef.display()
    )]
    Misfit {
        /// The HEF.
        hef: PathBuf,
        /// What is in the way.
        why: Misfit,
    },
    /// The network does not take what FastSAM takes.
    #[error(
        "the network takes {found}; FastSAM takes one input of height x width x 3 bytes, both sides multiples of 32 from 32 to 1280, as 640x640x3"
    )]
    Input {
        /// What it takes.
        found: String,
    },
    /// An output of a type that is not read.
    #[error(
        "output '{name}' is of type {format:?}; only the chip's own 8- and 16-bit types are read"
    )]
    Format {
        /// The output.
        name: String,
        /// Its type.
        format: FormatType,
    },
    /// An output whose frames are not what its shape says.
    #[error("output '{name}' has frames of {found} bytes, but shape and type make {expected}")]
    FrameSize {
        /// The output.
        name: String,
        /// What the library says.
        found: usize,
        /// What shape and type say.
        expected: usize,
    },
    /// The outputs are not FastSAM's ten.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The tensors to fill were made for another network.
    #[error("the tensors to fill were made for another network: output '{name}' has another type")]
    Tensors {
        /// The first output that differs.
        name: String,
    },
    /// After a restart, the network has other outputs than before.
    #[error("the network's outputs changed when the device was restarted")]
    Changed,
    /// Frames were lost, and a step was taken so that more will come.
    #[error("{cause}; {lost} frames lost, {step}")]
    Fault {
        /// What failed.
        #[source]
        cause: Arc<HailoError>,
        /// Frames that were under way.
        lost: usize,
        /// What was done about it.
        step: Step,
    },
    /// Nothing helped.
    #[error("the Hailo device is given up after {attempts} attempts to restart it: {cause}")]
    GaveUp {
        /// How often a vdevice was made anew in a row.
        attempts: u32,
        /// The last failure.
        #[source]
        cause: Arc<HailoError>,
    },
}

/// The least temperature in degrees Celsius at which a chip stops its streams for heat.
pub(super) const TOO_HOT: f32 = 95.0;

fn why_aborted(temperature: Option<f32>) -> String {
    match temperature {
        Some(degrees) if degrees >= TOO_HOT => {
            format!("the chip stopped its streams at {degrees:.1} °C: check its cooling")
        }
        Some(degrees) => format!(
            "the chip stopped its streams, and not for heat ({degrees:.1} °C): if it goes on, check \
             its power supply and switch the power off and on"
        ),
        None => "the streams were stopped, and the chip does not answer any more: check its seat, \
                 its cable and its power supply"
            .to_owned(),
    }
}

impl HailoError {
    /// Whether going on may help: the backend is recovering, or a device may come free.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Runtime(error) => error.is_transient(),
            Self::NoDevice { .. }
            | Self::InUse { .. }
            | Self::Removed { .. }
            | Self::Aborted { .. }
            | Self::Overdue { .. }
            | Self::Fault { .. } => true,
            _ => false,
        }
    }
}

impl From<HailoError> for AcceleratorError {
    fn from(error: HailoError) -> Self {
        let kind = match &error {
            error if error.is_transient() => FaultKind::Transient,
            HailoError::Runtime(error) if error.is_of_hef() => FaultKind::Users,
            HailoError::Architecture { .. } | HailoError::Misfit { .. } => FaultKind::Users,
            _ => FaultKind::Lasting,
        };
        Fault::new(kind, error).into()
    }
}
