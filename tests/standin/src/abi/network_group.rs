//! Configuring a network on a vdevice, and the scheduler's settings.

use std::{
    ffi::{CStr, c_char, c_void},
    sync::Arc,
};

use hailort::hef_file::HefArchitecture;
use hailort_sys::*;

use super::{
    handle::{group, hef, vdevice_alone},
    memory::{array, fill},
    network::{input_size, outputs},
    vdevice::is_lost,
};
use crate::{
    chip::Chip,
    registry::{Group, Object, standin},
};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_configure_vdevice(
    vdevice: hailo_vdevice,
    handle: hailo_hef,
    params: *mut c_void,
    groups: *mut hailo_configured_network_group,
    count: *mut usize,
) -> hailo_status {
    const NAME: &str = "hailo_configure_vdevice";
    if !params.is_null() {
        standin().violation(
            NAME,
            "configure parameters differ between versions: pass NULL",
        );
    }
    let Some(owner) = vdevice_alone(NAME, vdevice as usize) else {
        return HAILO_INVALID_ARGUMENT;
    };
    let Some(hef) = hef(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if count.is_null() {
        return HAILO_INVALID_ARGUMENT;
    }
    // Unlike the others, this call does not write back how many there are.
    let room = array(count, 1).first().copied().unwrap_or(0);
    if room == 0 {
        return HAILO_INSUFFICIENT_BUFFER;
    }
    if is_lost(&owner.lost) {
        return HAILO_DRIVER_OPERATION_FAILED;
    }
    let script = standin().script();
    if !fits(hef.architecture, script.hailo8l) {
        let old = script.version < [4, 21, 0];
        return if old {
            HAILO_INVALID_HEF
        } else {
            HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE
        };
    }
    if script.firmware_mismatch {
        return HAILO_UNSUPPORTED_FW_VERSION;
    }
    if script.page_size_refused {
        return HAILO_INTERNAL_FAILURE;
    }
    if room < hef.groups.len() {
        return HAILO_INSUFFICIENT_BUFFER;
    }
    let mut made = Vec::new();
    for described in &hef.groups {
        let outputs = outputs(described, &script);
        let Ok(chip) = Chip::start(outputs.len(), input_size(described)) else {
            return HAILO_OUT_OF_HOST_MEMORY;
        };
        let group = Group {
            vdevice: vdevice as usize,
            hef: handle as usize,
            described: described.clone(),
            chip,
            outputs,
        };
        let group = standin().add(Object::Group(Arc::new(group)));
        made.push(group as hailo_configured_network_group);
    }
    fill(NAME, groups, count, made)
}

/// Whether a Hailo-8 or 8L takes a HEF for this chip.
fn fits(made_for: HefArchitecture, is_8l: bool) -> bool {
    match made_for {
        HefArchitecture::Hailo8 => !is_8l,
        HefArchitecture::Hailo8L => true,
        _ => false,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_set_scheduler_timeout(
    handle: hailo_configured_network_group,
    timeout_ms: u32,
    network: *const c_char,
) -> hailo_status {
    let Some(group) = group("hailo_set_scheduler_timeout", handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if !is_all_networks(network) {
        return HAILO_NOT_IMPLEMENTED;
    }
    group.chip.set_gathering(timeout_ms);
    HAILO_SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_set_scheduler_threshold(
    handle: hailo_configured_network_group,
    threshold: u32,
    network: *const c_char,
) -> hailo_status {
    let Some(group) = group("hailo_set_scheduler_threshold", handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if !is_all_networks(network) {
        return HAILO_NOT_IMPLEMENTED;
    }
    group.chip.set_threshold(threshold);
    HAILO_SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_set_scheduler_priority(
    handle: hailo_configured_network_group,
    priority: u8,
    network: *const c_char,
) -> hailo_status {
    if group("hailo_set_scheduler_priority", handle).is_none() || priority > 31 {
        return HAILO_INVALID_ARGUMENT;
    }
    if !is_all_networks(network) {
        return HAILO_NOT_IMPLEMENTED;
    }
    HAILO_SUCCESS
}

/// The stand-in's networks are set together, by no name or by the one network's.
fn is_all_networks(network: *const c_char) -> bool {
    // SAFETY: the caller promises NULL or a text.
    network.is_null() || unsafe { CStr::from_ptr(network) } == c"fast_sam_s/fast_sam_s"
}
