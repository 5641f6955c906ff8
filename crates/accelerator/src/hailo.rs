//! The Hailo backend: a FastSAM HEF on a Hailo-8 or 8L, through libhailort.
//!
//! The writer's half ([`Submit`](crate::Submit)) feeds the input vstream, the reader's half
//! ([`Collect`](crate::Collect)) reads each output vstream straight into the buffer of its role, so
//! that frames overlap on the chip. Outputs are bound to roles by shape and read in the types that
//! the chip has: nothing is converted here.
//!
//! When something fails, the reader climbs a ladder of steps ([`Step`]), one step per call of
//! `collect`; [`Monitor`] shows any other thread how it stands.
//!
//! Invariant: the ten outputs of an answer are of one input, the one its ticket names, but for the
//! time until a frame that the chip swallowed is missed (`drain_every`). A read that times out has the library clear that output's pipeline and no other's, so after any failed read
//! the vstreams are made anew: what came next would mix frames.

mod chip;
mod flow;
mod halves;
mod monitor;
mod recovery;

use std::{path::PathBuf, sync::Arc, time::Duration};

use frame::INPUT_BYTES;
use hailort::{Architecture, FormatType, Hef, Library, hef_file::HefArchitecture, host::SysFs};

use crate::{AcceleratorError, Layout, LayoutError};
use chip::Chip;
pub use halves::Hailo;
pub use monitor::{DeviceReport, Health, Monitor, State};
pub use recovery::Step;

/// What the backend needs to know.
#[derive(Clone, Debug)]
pub struct HailoSettings {
    /// A FastSAM HEF for the chip at hand.
    pub hef: PathBuf,
    /// The HEF's sha256, checked before the library sees the file.
    pub sha256: Option<[u8; 32]>,
    /// libhailort; `None` looks for it by its usual names.
    pub library: Option<PathBuf>,
    /// The device's PCIe address; `None` takes any free one.
    pub device: Option<String>,
    /// Shares the chip inside this process with vdevices of the same group.
    pub group_id: Option<String>,
    /// Shares the chip with other processes, through a running `hailort_service`.
    pub multi_process_service: bool,
    /// Inputs under way at once; at least `batch_size`. Twice the batch keeps the chip busy.
    pub in_flight: usize,
    /// Inputs that the scheduler waits for before it runs the network. FastSAM is a multi-context
    /// network: 48 FPS one by one, 65 in batches of 8, at the price of latency.
    pub batch_size: usize,
    /// How long the scheduler waits for a batch to fill.
    pub scheduler_timeout: Duration,
    /// 0 to 31, 16 is normal: who goes first where programs share the chip.
    pub priority: Option<u8>,
    /// The longest that a transfer may take. A frame takes about 21 ms, a batch of 8 about 123 ms.
    pub timeout: Duration,
    /// How often the chip is let run empty, so that a frame it has swallowed is missed. Costs about a
    /// batch each time.
    pub drain_every: Duration,
    /// How often a vdevice is made anew in a row before the backend gives up.
    pub vdevice_attempts: u32,
    /// Where to read the driver's version and the PCIe link.
    pub sysfs: SysFs,
}

impl HailoSettings {
    /// The defaults: four frames under way, one at a time, any free device taken alone, a second
    /// for each transfer (so that a shutdown is bounded), and ten attempts, about 15 s.
    pub fn new(hef: impl Into<PathBuf>) -> Self {
        Self {
            hef: hef.into(),
            sha256: None,
            library: None,
            device: None,
            group_id: None,
            multi_process_service: false,
            in_flight: 4,
            batch_size: 1,
            scheduler_timeout: Duration::from_millis(100),
            priority: None,
            timeout: Duration::from_secs(1),
            drain_every: Duration::from_secs(30),
            vdevice_attempts: 10,
            sysfs: SysFs::default(),
        }
    }
}

/// Opens libhailort, takes a device, and loads the HEF onto it.
pub fn open(settings: HailoSettings) -> Result<Hailo, AcceleratorError> {
    let library = Library::open(settings.library.as_deref()).map_err(HailoError::from)?;
    let hef = Hef::open(&library, &settings.hef, settings.sha256).map_err(HailoError::from)?;
    let (chip, input) = Chip::start(&library, &hef, &settings)?;
    Ok(Hailo::new(Arc::new(settings), library, hef, chip, input))
}

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
    /// A device that somebody else holds.
    #[error(
        "Hailo device {device} is in use by another process: `sudo fuser -v /dev/hailo0` names it; to share the chip, run hailort_service and turn multi_process_service on"
    )]
    InUse {
        /// Its PCIe address.
        device: String,
    },
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
    #[error("{hef} is made for a {made_for}, but the device is a {device}: scripts/fetch-hef gets the right one", hef = hef.display())]
    Architecture {
        /// The HEF.
        hef: PathBuf,
        /// The chip it is for.
        made_for: HefArchitecture,
        /// The chip there is.
        device: Architecture,
    },
    /// The network does not take what FastSAM takes.
    #[error("the network takes {found}; FastSAM takes one input of 640x640x3 bytes")]
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
        cause: String,
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
        cause: String,
    },
}

impl HailoError {
    /// Whether going on may help: the backend is recovering, or a device may come free.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Runtime(error) => error.is_transient(),
            Self::NoDevice { .. } | Self::InUse { .. } | Self::Fault { .. } => true,
            _ => false,
        }
    }
}

/// Checks what goes in.
fn check_input(input: &[u8]) -> Result<(), AcceleratorError> {
    if input.len() == INPUT_BYTES {
        return Ok(());
    }
    Err(AcceleratorError::InputSize {
        found: input.len(),
        expected: INPUT_BYTES,
    })
}

/// The same network as before?
fn check_layout(before: &Layout, after: &Layout) -> Result<(), HailoError> {
    if before == after {
        Ok(())
    } else {
        Err(HailoError::Changed)
    }
}
