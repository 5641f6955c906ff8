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
//! time until a frame that the chip swallowed is missed (`drain_every`). When a read times out, the
//! library clears that output's pipeline and no other's; so after any failed read the vstreams are
//! made anew: what came next would mix frames.

mod chip;
mod error;
mod fit;
mod flow;
mod halves;
mod misfit;
mod monitor;
mod recovery;
mod settings;
mod step;

use std::sync::Arc;

use hailort::{CheckedHef, Library, Trial};

pub use error::HailoError;
pub use fit::fitting_group;
pub use halves::Hailo;
pub use misfit::Misfit;
pub use monitor::{DeviceReport, Health, Monitor, State};
pub use settings::HailoSettings;
pub use step::Step;

use crate::AcceleratorError;
use chip::Chip;

/// Opens libhailort, takes a device, and loads the HEF onto it.
///
/// The HEF is read and judged before the library gets it, and tried in another process if the
/// settings name a program for that.
pub fn open(settings: HailoSettings) -> Result<Hailo, AcceleratorError> {
    let library = Library::open(settings.library.as_deref(), settings.library_versions)
        .map_err(HailoError::from)?;
    let hef = CheckedHef::read(&settings.hef, settings.sha256).map_err(HailoError::from)?;
    // What does not fit need not be tried.
    fit::group_name(hef.path(), hef.contents())?;
    if let Some(program) = &settings.trial {
        Trial::by(program)
            .run(settings.library.as_deref(), &hef)
            .map_err(HailoError::from)?;
    }
    let hef = hef.open(&library).map_err(HailoError::from)?;
    let (chip, input) = Chip::start(&library, &hef, &settings)?;
    Ok(Hailo::new(Arc::new(settings), library, hef, chip, input))
}
