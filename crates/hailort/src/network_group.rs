//! Network groups: a network loaded onto a chip.

use std::{
    ptr::{self, NonNull},
    sync::Arc,
};

use hailort_sys::{_hailo_configured_network_group, hailo_configured_network_group};

use crate::{
    Error, Hef, VDevice,
    call::{check, function},
};

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
    /// Loads a HEF's network onto the chip.
    ///
    /// Fails for a HEF with several network groups: it has to say which is meant, and FastSAM's
    /// have one. The batch size is the scheduler's `threshold`; configure parameters changed their
    /// layout between versions, so the library's defaults are taken.
    #[doc(alias = "hailo_configure_vdevice")]
    pub fn configure(
        &self,
        hef: &Hef,
        scheduling: SchedulingOptions,
    ) -> Result<ConfiguredNetworkGroup, Error> {
        let mut handle = ptr::null_mut();
        let mut count = 1;
        let mut state = self.lock();
        let configure = function!(self.library(), hailo_configure_vdevice)?;
        let locked_hef = hef.handle.lock();
        // SAFETY: both handles are alive and locked; no parameters; there is room for one network
        // group, as `count` says.
        let status = unsafe {
            configure(
                state.as_ptr(),
                locked_hef.as_ptr(),
                ptr::null_mut(),
                &raw mut handle,
                &raw mut count,
            )
        };
        drop(locked_hef);
        check("hailo_configure_vdevice", status)?;
        state.keep(Arc::clone(&hef.handle));
        drop(state);
        let handle = NonNull::new(handle)
            .filter(|_| count == 1)
            .ok_or_else(|| Error::Answer {
                function: "hailo_configure_vdevice",
                found: format!("{count} network groups"),
                expected: "one",
            })?;
        let group = ConfiguredNetworkGroup {
            handle,
            vdevice: self.clone(),
        };
        group.schedule(scheduling)?;
        Ok(group)
    }
}

impl ConfiguredNetworkGroup {
    pub(crate) fn as_ptr(&self) -> hailo_configured_network_group {
        self.handle.as_ptr()
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
