//! What the Hailo backend needs to know.

use std::{path::PathBuf, time::Duration};

use hailort::{Versions, host::SysFs};

/// What the backend needs to know.
#[derive(Clone, Debug)]
pub struct HailoSettings {
    /// A FastSAM HEF for the chip at hand.
    pub hef: PathBuf,
    /// The HEF's sha256, checked before the library sees the file.
    pub sha256: Option<[u8; 32]>,
    /// libhailort; `None` looks for it by its usual names.
    pub library: Option<PathBuf>,
    /// The program that tries the HEF in a process of its own before this one hands it to the library,
    /// such as fastsamd's own; see [`hailort::Trial`]. `None` goes without.
    pub trial: Option<PathBuf>,
    /// Which versions of libhailort are opened.
    pub library_versions: Versions,
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
    /// The defaults: at most four frames under way, one at a time, any free device taken alone, half a second
    /// for each transfer (so that recovery and shutdown are quick), and ten attempts, about 15 s.
    pub fn new(hef: impl Into<PathBuf>) -> Self {
        Self {
            hef: hef.into(),
            sha256: None,
            library: None,
            trial: None,
            library_versions: Versions::default(),
            device: None,
            group_id: None,
            multi_process_service: false,
            in_flight: 4,
            batch_size: 1,
            scheduler_timeout: Duration::from_millis(100),
            priority: None,
            timeout: Duration::from_millis(500),
            drain_every: Duration::from_secs(30),
            vdevice_attempts: 10,
            sysfs: SysFs::default(),
        }
    }
}
