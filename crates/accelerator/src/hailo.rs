//! The Hailo backend: a FastSAM HEF on a Hailo-8 or 8L, through libhailort.
//!
//! The writer's half ([`Submit`](crate::Submit)) feeds the input vstream, the reader's half
//! ([`Collect`](crate::Collect)) reads each output vstream straight into the buffer of its role, so
//! that frames overlap on the chip. Outputs are bound to roles by shape and read in the types that
//! the chip has: nothing is converted here.
//!
//! When something fails, the reader climbs a ladder of steps ([`Step`]); [`Monitor`] shows any other
//! thread how it stands. What may not come back from the library, as the release of a device that
//! was pulled out, has a thread of its own and a limit.
//!
//! Invariant: the ten outputs of an answer are of one input, the one its ticket names, but for the
//! time until a frame that the chip swallowed is missed (`drain_every`). When a read times out, the
//! library clears that output's pipeline and no other's; so after any failed read the vstreams are
//! made anew: what came next would mix frames.

mod chip;
mod errand;
mod error;
mod fit;
mod flow;
mod halves;
mod misfit;
mod monitor;
mod recovery;
mod repair;
mod settings;
mod step;

use std::{sync::Arc, time::Duration};

use hailort::{Alarms, CheckedHef, Library, Trial, host::Chip};

pub use errand::calls_left_behind;
pub use error::HailoError;
pub use fit::fitting_group;
pub use halves::Hailo;
pub use misfit::Misfit;
pub use monitor::{DeviceReport, Health, Monitor, State};
pub use settings::HailoSettings;
pub use step::Step;

use crate::AcceleratorError;
use errand::within;
use repair::Plant;

/// Reading, judging and trying a HEF; the trial has a limit of its own.
const OPEN_LIMIT: Duration = Duration::from_secs(30);

/// Opens libhailort, takes a device, and loads the HEF onto it.
///
/// The HEF is read and judged before the library gets it, and tried in another process if the
/// settings name a program for that.
pub fn open(settings: HailoSettings) -> Result<Hailo, AcceleratorError> {
    let settings = Arc::new(settings);
    let shared = Arc::clone(&settings);
    let (library, hef) = within(OPEN_LIMIT, "opening the HEF", move || {
        // Before the library, which for such a chip would be the wrong one or none.
        if let [Chip::Other(name), ..] = shared.sysfs.chips()[..] {
            return Err(HailoError::OtherChip(name));
        }
        let library = Library::open(shared.library.as_deref(), shared.library_versions)?;
        let hef = CheckedHef::read(&shared.hef, shared.sha256)?;
        // What does not fit need not be tried.
        fit::group_name(hef.path(), hef.contents())?;
        if let Some(program) = &shared.trial {
            Trial::by(program).run(shared.library.as_deref(), &hef)?;
        }
        Ok::<_, HailoError>((hef.open(&library)?, library))
    })
    .and_then(|opened| opened)
    .map(|(hef, library)| (library, hef))?;
    let plant = Plant {
        settings,
        hef,
        library,
        alarms: Alarms::default(),
    };
    let (chip, input) = plant.start()?.finish()??;
    Ok(Hailo::new(plant, chip, input))
}
