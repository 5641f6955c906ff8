//! Network groups: a network loaded onto a chip.
//!
//! The library loads all groups of a HEF at once and answers with handles that don't say whose they
//! are. The wanted one is found by the names of its outputs, which a HEF and a loaded group both
//! tell.

use std::{
    ptr::{self, NonNull},
    sync::Arc,
};

use hailort_sys::{
    _hailo_configured_network_group, HAILO_FORMAT_TYPE_AUTO, hailo_configured_network_group,
    hailo_output_vstream_params_by_name_t,
};

use crate::{
    Error, Hef, VDevice, VStreamDirection,
    call::{check, function},
    hef_file::MAX_NETWORK_GROUPS,
    text::text,
};

/// The most output vstreams of a network group that the library allows.
const MAX_VSTREAMS: usize = 40;

/// How the library's scheduler treats a network group. `None` leaves the library's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulingOptions {
    /// Runs what there is after this time, even below the threshold. In milliseconds.
    pub timeout_ms: Option<u32>,
    /// Frames to wait for before running: the batch.
    pub threshold: Option<u32>,
    /// 0 to 31; 16 is normal, more goes first.
    pub priority: Option<u8>,
}

/// A network on a chip. The library never releases one: it lives as long as its vdevice.
#[derive(Clone)]
pub struct ConfiguredNetworkGroup {
    handle: NonNull<_hailo_configured_network_group>,
    vdevice: VDevice,
}

// SAFETY: the library ties a network group to no thread, and every call on it holds the vdevice's
// lock.
unsafe impl Send for ConfiguredNetworkGroup {}

impl VDevice {
    /// Loads a HEF's networks onto the chip, and answers with one: the group of this name, or
    /// without a name the only one.
    ///
    /// The batch size is the scheduler's `threshold`, and is set for this group alone; configure
    /// parameters changed their layout between versions, so the library's defaults are taken.
    ///
    /// Fails with [`Error::HefRefused`] where the HEF is for another chip, and with
    /// [`Error::Answer`] where the group can't be told from the others.
    #[doc(alias = "hailo_configure_vdevice")]
    pub fn configure(
        &self,
        hef: &Hef,
        network_group: Option<&str>,
        scheduling: SchedulingOptions,
    ) -> Result<ConfiguredNetworkGroup, Error> {
        let mut handles = [ptr::null_mut(); MAX_NETWORK_GROUPS];
        let mut count = handles.len();
        let mut state = self.lock();
        let configure = function!(self.library(), hailo_configure_vdevice)?;
        let locked_hef = hef.handle.lock();
        // SAFETY: both handles are alive and locked; no parameters; there is room for `count`
        // network groups.
        let status = unsafe {
            configure(
                state.as_ptr(),
                locked_hef.as_ptr(),
                ptr::null_mut(),
                handles.as_mut_ptr(),
                &raw mut count,
            )
        };
        drop(locked_hef);
        check("hailo_configure_vdevice", status).map_err(|error| error.of_hef(hef.path()))?;
        state.keep(Arc::clone(&hef.handle));
        drop(state);
        let groups: Vec<_> = handles
            .into_iter()
            .take(count)
            .filter_map(NonNull::new)
            .map(|handle| ConfiguredNetworkGroup {
                handle,
                vdevice: self.clone(),
            })
            .collect();
        let group = match network_group {
            None => only(groups)?,
            Some(name) => pick(groups, hef, name)?,
        };
        group.schedule(scheduling)?;
        Ok(group)
    }
}

/// The only network group.
fn only(groups: Vec<ConfiguredNetworkGroup>) -> Result<ConfiguredNetworkGroup, Error> {
    match <[_; 1]>::try_from(groups) {
        Ok([group]) => Ok(group),
        Err(groups) => Err(Error::Answer {
            function: "hailo_configure_vdevice",
            found: format!("{} network groups", groups.len()),
            expected: "one, since none is named",
        }),
    }
}

/// The network group of this name.
fn pick(
    groups: Vec<ConfiguredNetworkGroup>,
    hef: &Hef,
    name: &str,
) -> Result<ConfiguredNetworkGroup, Error> {
    let infos = hef.vstreams(name)?;
    let mut wanted: Vec<String> = infos
        .into_iter()
        .filter(|info| info.direction == VStreamDirection::Output)
        .map(|info| info.name)
        .collect();
    wanted.sort_unstable();
    let mut found = Vec::new();
    for group in groups {
        if group.output_names()? == wanted {
            found.push(group);
        }
    }
    match <[_; 1]>::try_from(found) {
        Ok([group]) => Ok(group),
        Err(found) => Err(Error::Answer {
            function: "hailo_configure_vdevice",
            found: format!(
                "{} network groups with the outputs of '{name}'",
                found.len()
            ),
            expected: "one",
        }),
    }
}

impl ConfiguredNetworkGroup {
    pub(crate) fn as_ptr(&self) -> hailo_configured_network_group {
        self.handle.as_ptr()
    }

    /// The names of its output vstreams, sorted.
    #[doc(alias = "hailo_make_output_vstream_params")]
    fn output_names(&self) -> Result<Vec<String>, Error> {
        let mut params = [hailo_output_vstream_params_by_name_t::default(); MAX_VSTREAMS];
        let mut count = params.len();
        let make = function!(self.vdevice.library(), hailo_make_output_vstream_params)?;
        let vdevice = self.vdevice.lock();
        // SAFETY: the group is alive, its vdevice locked; `params` has room for `count`.
        let status = unsafe {
            make(
                self.as_ptr(),
                false,
                HAILO_FORMAT_TYPE_AUTO,
                params.as_mut_ptr(),
                &raw mut count,
            )
        };
        drop(vdevice);
        check("hailo_make_output_vstream_params", status)?;
        let mut names: Vec<_> = params
            .iter()
            .take(count)
            .map(|params| text(&params.name))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The chip it is on.
    pub fn vdevice(&self) -> &VDevice {
        &self.vdevice
    }

    /// Sets what is given, for all its networks.
    #[doc(alias = "hailo_set_scheduler_timeout")]
    #[doc(alias = "hailo_set_scheduler_threshold")]
    #[doc(alias = "hailo_set_scheduler_priority")]
    pub fn schedule(&self, options: SchedulingOptions) -> Result<(), Error> {
        let library = self.vdevice.library();
        let _vdevice = self.vdevice.lock();
        if let Some(timeout_ms) = options.timeout_ms {
            let set = function!(library, hailo_set_scheduler_timeout)?;
            // SAFETY: the group is alive, its vdevice locked; no name means all networks.
            let status = unsafe { set(self.handle.as_ptr(), timeout_ms, ptr::null()) };
            check("hailo_set_scheduler_timeout", status)?;
        }
        if let Some(threshold) = options.threshold {
            let set = function!(library, hailo_set_scheduler_threshold)?;
            // SAFETY: the group is alive, its vdevice locked; no name means all networks.
            let status = unsafe { set(self.handle.as_ptr(), threshold, ptr::null()) };
            check("hailo_set_scheduler_threshold", status)?;
        }
        if let Some(priority) = options.priority {
            let set = function!(library, hailo_set_scheduler_priority)?;
            // SAFETY: the group is alive, its vdevice locked; no name means all networks.
            let status = unsafe { set(self.handle.as_ptr(), priority, ptr::null()) };
            check("hailo_set_scheduler_priority", status)?;
        }
        Ok(())
    }
}
