//! Virtual devices.

use std::{ffi::CStr, ptr, sync::Arc, sync::atomic::AtomicBool, sync::atomic::Ordering};

use hailort_sys::*;

use super::{
    handle::vdevice_alone,
    memory::{array, fill, name_of, put},
};
use crate::{
    registry::{Object, VDevice, standin},
    script::{Device, Service},
};

fn never_return() -> ! {
    loop {
        std::thread::park();
    }
}

/// The device, also by a short address, and with blanks behind it.
fn names(id: &[std::ffi::c_char]) -> bool {
    matches!(name_of(id).trim_end(), "0000:01:00.0" | "01:00.0")
}

/// Whether the device under a vdevice is gone; once gone, it stays so for that vdevice.
pub(crate) fn is_lost(lost: &AtomicBool) -> bool {
    if standin().script().device == Device::Lost {
        lost.store(true, Ordering::SeqCst);
    }
    lost.load(Ordering::SeqCst)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_init_vdevice_params(
    params: *mut hailo_vdevice_params_t,
) -> hailo_status {
    let defaults = hailo_vdevice_params_t {
        device_count: 1,
        device_ids: ptr::null_mut(),
        scheduling_algorithm: HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN,
        group_id: c"UNIQUE".as_ptr(),
        multi_process_service: false,
    };
    put("hailo_init_vdevice_params", params, defaults)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_create_vdevice(
    params: *mut hailo_vdevice_params_t,
    vdevice: *mut hailo_vdevice,
) -> hailo_status {
    const NAME: &str = "hailo_create_vdevice";
    let script = standin().script();
    if vdevice.is_null() {
        return HAILO_INVALID_ARGUMENT;
    }
    if standin().stuck.load(Ordering::SeqCst) {
        never_return();
    }
    let mut shared = false;
    if let Some(params) = array(params, 1).first() {
        if params.device_count == 0 {
            return HAILO_INVALID_ARGUMENT;
        }
        if params.device_count > 1 {
            return HAILO_OUT_OF_PHYSICAL_DEVICES;
        }
        if params.scheduling_algorithm != HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN {
            standin().violation(NAME, "the scheduler is off");
        }
        if params.multi_process_service {
            match script.service {
                Service::Running => {}
                Service::Missing => return HAILO_INVALID_OPERATION,
                Service::Down => return HAILO_RPC_FAILED,
            }
        }
        let group_id = if params.group_id.is_null() {
            c"UNIQUE"
        } else {
            // SAFETY: not NULL, and the caller promises that it is a text.
            unsafe { CStr::from_ptr(params.group_id) }
        };
        shared = params.multi_process_service || group_id != c"UNIQUE";
        let ids = array(params.device_ids, params.device_count as usize);
        let is_there = matches!(script.device, Device::Present | Device::Busy);
        if ids.iter().any(|id| !is_there || !names(&id.id)) {
            return HAILO_INVALID_ARGUMENT;
        }
        if !ids.is_empty() && script.device == Device::Busy {
            return HAILO_DEVICE_IN_USE;
        }
    }
    if script.device != Device::Present {
        return HAILO_OUT_OF_PHYSICAL_DEVICES;
    }
    if script.node_closed {
        return HAILO_DRIVER_OPERATION_FAILED;
    }
    if script.driver_mismatch {
        return HAILO_INVALID_DRIVER_VERSION;
    }
    if !shared && standin().count(|object| matches!(object, Object::VDevice(_))) > 0 {
        return HAILO_OUT_OF_PHYSICAL_DEVICES;
    }
    let handle = standin().add(Object::VDevice(Arc::new(VDevice::new())));
    standin().add(Object::Device(handle));
    put(NAME, vdevice, handle as hailo_vdevice)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_physical_devices(
    vdevice: hailo_vdevice,
    devices: *mut hailo_device,
    count: *mut usize,
) -> hailo_status {
    const NAME: &str = "hailo_get_physical_devices";
    if vdevice_alone(NAME, vdevice as usize).is_none() {
        return HAILO_INVALID_ARGUMENT;
    }
    let found = standin()
        .handles(|object| matches!(object, Object::Device(owner) if *owner == vdevice as usize));
    fill(
        NAME,
        devices,
        count,
        found
            .into_iter()
            .map(|handle| handle as hailo_device)
            .collect(),
    )
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_release_vdevice(handle: hailo_vdevice) -> hailo_status {
    const NAME: &str = "hailo_release_vdevice";
    let handle = handle as usize;
    let Some(vdevice) = vdevice_alone(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if is_lost(&vdevice.lost) {
        // The real library waits for the device that was removed, and never comes back.
        standin().release(handle);
        standin().stuck.store(true, Ordering::SeqCst);
        never_return();
    }
    let live = standin().count(|object| match object {
        Object::Input(vstream) | Object::Output(vstream) => vstream.group.vdevice == handle,
        _ => false,
    });
    if live > 0 {
        standin().violation(NAME, &format!("{live} of its vstreams are not released"));
    }
    for owned in standin().handles(|object| match object {
        Object::Group(group) => group.vdevice == handle,
        Object::Device(owner) => *owner == handle,
        _ => false,
    }) {
        let chip = standin().get(NAME, owned, "network group", |object| match object {
            Object::Group(group) => Some(Some(Arc::clone(&group.chip))),
            _ => Some(None),
        });
        if let Some(Some(chip)) = chip {
            chip.end();
        }
        standin().release(owned);
    }
    standin().release(handle);
    HAILO_SUCCESS
}
