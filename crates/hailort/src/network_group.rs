//! Network groups: a network loaded onto a chip.

use std::ptr::{self, NonNull};

use hailort_sys::{
    _hailo_configured_network_group, HAILO_FORMAT_TYPE_AUTO, hailo_vstream_params_t,
};

use crate::{
    Error, InputVStream, OutputVStream, SchedulingOptions, VDevice, VStreamOptions,
    library::{check, function},
    vstream::{Direction, VStream},
};

/// The most streams that the library allows.
const MAX_VSTREAMS: usize = 40;

/// A network on a chip. The library never releases one: it lives as long as its vdevice.
#[derive(Clone)]
pub struct ConfiguredNetworkGroup {
    handle: NonNull<_hailo_configured_network_group>,
    vdevice: VDevice,
}

// SAFETY: the library ties a network group to no thread, and every call on it holds the vdevice's
// lock.
unsafe impl Send for ConfiguredNetworkGroup {}

impl ConfiguredNetworkGroup {
    pub(crate) fn new(vdevice: VDevice, handle: NonNull<_hailo_configured_network_group>) -> Self {
        Self { handle, vdevice }
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

    /// Makes all input vstreams, in the chip's own types.
    #[doc(alias = "hailo_create_input_vstreams")]
    pub fn input_vstreams(&self, options: VStreamOptions) -> Result<Vec<InputVStream>, Error> {
        self.vstreams(options)
    }

    /// Makes all output vstreams, in the chip's own types: nothing is dequantized.
    ///
    /// The order is the library's: identify each by [`OutputVStream::info`].
    #[doc(alias = "hailo_create_output_vstreams")]
    pub fn output_vstreams(&self, options: VStreamOptions) -> Result<Vec<OutputVStream>, Error> {
        self.vstreams(options)
    }

    fn vstreams<D: Direction>(&self, options: VStreamOptions) -> Result<Vec<VStream<D>>, Error> {
        let library = self.vdevice.library();
        let mut params = [D::Params::default(); MAX_VSTREAMS];
        let mut count = params.len();
        let vdevice = self.vdevice.lock();
        let make = D::make_params(library)?;
        // SAFETY: the group is alive, its vdevice locked; `params` has room for `count`.
        let status = unsafe {
            (make.call)(
                self.handle.as_ptr(),
                false,
                HAILO_FORMAT_TYPE_AUTO,
                params.as_mut_ptr(),
                &raw mut count,
            )
        };
        check(make.name, status)?;
        let params = params.get_mut(..count).ok_or_else(|| Error::Answer {
            function: make.name,
            found: format!("{count} vstreams"),
            expected: "at most 40",
        })?;
        for param in params.iter_mut() {
            options.apply(D::params(param));
        }
        let mut handles = [ptr::null_mut(); MAX_VSTREAMS];
        let create = D::create(library)?;
        // SAFETY: as before; `handles` has room for as many as there are parameters.
        let status = unsafe {
            (create.call)(
                self.handle.as_ptr(),
                params.as_ptr(),
                params.len(),
                handles.as_mut_ptr(),
            )
        };
        check(create.name, status)?;
        drop(vdevice);
        // All are owned before any is asked, so that an error releases every one.
        let owned: Vec<_> = handles
            .into_iter()
            .take(count)
            .filter_map(NonNull::new)
            .map(|handle| VStream::own(self.clone(), handle))
            .collect();
        owned.into_iter().map(VStream::described).collect()
    }
}

impl VStreamOptions {
    fn apply(self, params: &mut hailo_vstream_params_t) {
        params.timeout_ms = self.timeout_ms;
        params.queue_size = self.queue_size;
    }
}
