//! Virtual devices: a chip taken for use, possibly shared.

use std::{
    ffi::CString,
    ptr::{self, NonNull},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hailort_sys::{_hailo_vdevice, hailo_vdevice, hailo_vdevice_params_t};

use crate::{
    DeviceId, Error, Library,
    call::{check, function},
    hef::HefHandle,
};

/// How a vdevice is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VDeviceOptions {
    /// This device, or any free one.
    pub device: Option<DeviceId>,
    /// vdevices of one process with the same group share the chip. Without one, the chip is taken
    /// alone.
    pub group_id: Option<String>,
    /// Shares the chip between processes, through a running `hailort_service`.
    pub multi_process_service: bool,
}

/// A chip taken for use.
///
/// Clones share it. It is released when the last of them, and of the network groups and vstreams
/// made on it, is gone.
#[derive(Clone)]
#[doc(alias = "hailo_create_vdevice")]
pub struct VDevice {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    library: Library,
}

/// Calls on the vdevice hold the lock; the vstreams have threads of their own.
pub(crate) struct State {
    handle: NonNull<_hailo_vdevice>,
    /// The HEFs configured on it, to be released after it.
    hefs: Vec<Arc<HefHandle>>,
}

// SAFETY: the library ties a vdevice to no thread, and the mutex around the state keeps calls from
// overlapping.
unsafe impl Send for State {}

impl State {
    pub(crate) fn as_ptr(&self) -> hailo_vdevice {
        self.handle.as_ptr()
    }

    /// Has a HEF released after the vdevice.
    pub(crate) fn keep(&mut self, hef: Arc<HefHandle>) {
        self.hefs.push(hef);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Ok(release) = &self.library.table.hailo_release_vdevice {
            // SAFETY: the handle came from hailo_create_vdevice and is released here only; every
            // vstream holds this object, so all of them are gone. There is nothing to be done
            // about a failure. The HEFs in the state are dropped after this.
            unsafe { release(state.handle.as_ptr()) };
        }
    }
}

impl VDevice {
    /// Takes a device, with the scheduler on.
    ///
    /// [`Status::OUT_OF_PHYSICAL_DEVICES`](crate::Status::OUT_OF_PHYSICAL_DEVICES) means that there
    /// is none, or that another process has it: [`Library::scan`] tells the two apart.
    pub fn create(library: &Library, options: &VDeviceOptions) -> Result<Self, Error> {
        let mut params = hailo_vdevice_params_t::default();
        let init = function!(library, hailo_init_vdevice_params)?;
        // SAFETY: the pointer is to parameters, valid for the call.
        let status = unsafe { init(&raw mut params) };
        check("hailo_init_vdevice_params", status)?;

        let mut device = options.device.as_ref().map(DeviceId::to_c);
        if let Some(device) = &mut device {
            params.device_count = 1;
            params.device_ids = device;
        }
        let group_id = options.group_id.as_deref().map(group_id).transpose()?;
        if let Some(group_id) = &group_id {
            params.group_id = group_id.as_ptr();
        }
        params.multi_process_service = options.multi_process_service;

        let mut handle = ptr::null_mut();
        let create = function!(library, hailo_create_vdevice)?;
        // SAFETY: `params` points to `device` and `group_id`, which outlive the call; the library
        // copies what it keeps. The handle is written on success only.
        let status = unsafe { create(&raw mut params, &raw mut handle) };
        check("hailo_create_vdevice", status)?;
        let handle = NonNull::new(handle).ok_or(Error::Answer {
            function: "hailo_create_vdevice",
            found: "NULL".to_owned(),
            expected: "a vdevice",
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                state: Mutex::new(State {
                    handle,
                    hefs: Vec::new(),
                }),
                library: library.clone(),
            }),
        })
    }

    /// The library it was made by.
    pub fn library(&self) -> &Library {
        &self.inner.library
    }

    /// Keeps other calls on the vdevice out.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the state whole: it is changed by single pushes.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn group_id(id: &str) -> Result<CString, Error> {
    CString::new(id).map_err(|_| Error::Text {
        what: "group id",
        text: id.to_owned(),
        limit: usize::MAX,
    })
}

impl std::fmt::Debug for VDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VDevice").finish_non_exhaustive()
    }
}
