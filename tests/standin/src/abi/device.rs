//! Physical devices.

use std::{ffi::c_void, sync::atomic::Ordering};

use hailort_sys::*;

use super::{
    handle::device_alone,
    memory::{fill, name_array, put},
    vdevice::is_lost,
};
use crate::{alarm::Listener, registry::standin, script::Device};

const PRODUCT: &str = "HAILO-8 AI ACC M.2 B+M KEY MODULE";

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_scan_devices(
    params: *mut hailo_scan_devices_params_t,
    ids: *mut hailo_device_id_t,
    count: *mut usize,
) -> hailo_status {
    if !params.is_null() {
        return HAILO_INVALID_ARGUMENT;
    }
    let found = match standin().script().device {
        Device::Present | Device::Busy => {
            vec![hailo_device_id_t {
                id: name_array("0000:01:00.0"),
            }]
        }
        Device::None | Device::Lost => Vec::new(),
    };
    fill("hailo_scan_devices", ids, count, found)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_identify(
    device: hailo_device,
    identity: *mut hailo_device_identity_t,
) -> hailo_status {
    let Some(vdevice) = device_alone("hailo_identify", device) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if is_lost(&vdevice.lost) {
        return HAILO_DRIVER_OPERATION_FAILED;
    }
    let script = standin().script();
    let [major, minor, revision] = script.version;
    let board = if script.hailo8l {
        "Hailo-8L"
    } else {
        "Hailo-8"
    };
    let found = hailo_device_identity_t {
        fw_version: hailo_firmware_version_t {
            major,
            minor,
            revision,
        },
        board_name_length: board.len() as u8,
        board_name: name_array(board),
        is_release: true,
        product_name_length: PRODUCT.len() as u8,
        product_name: name_array(PRODUCT),
        device_architecture: if script.hailo8l {
            HAILO_ARCH_HAILO8L
        } else {
            HAILO_ARCH_HAILO8
        },
        ..Default::default()
    };
    put("hailo_identify", identity, found)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_chip_temperature(
    device: hailo_device,
    temperature: *mut hailo_chip_temperature_info_t,
) -> hailo_status {
    let Some(vdevice) = device_alone("hailo_get_chip_temperature", device) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if is_lost(&vdevice.lost) {
        return HAILO_DRIVER_OPERATION_FAILED;
    }
    let script = standin().script();
    let readings = standin().readings.fetch_add(1, Ordering::SeqCst);
    let degrees = script.temperature + script.temperature_rise * readings as f32;
    let found = hailo_chip_temperature_info_t {
        ts0_temperature: degrees,
        ts1_temperature: degrees - 0.5,
        sample_count: 1,
    };
    put("hailo_get_chip_temperature", temperature, found)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_throttling_state(
    device: hailo_device,
    is_active: *mut bool,
) -> hailo_status {
    let Some(vdevice) = device_alone("hailo_get_throttling_state", device) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if is_lost(&vdevice.lost) {
        return HAILO_DRIVER_OPERATION_FAILED;
    }
    let enabled = standin().script().throttling;
    put("hailo_get_throttling_state", is_active, enabled)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_set_notification_callback(
    device: hailo_device,
    callback: hailo_notification_callback,
    id: hailo_notification_id_t,
    opaque: *mut c_void,
) -> hailo_status {
    const NAME: &str = "hailo_set_notification_callback";
    if device_alone(NAME, device).is_none() {
        return HAILO_INVALID_ARGUMENT;
    }
    let Some(callback) = callback else {
        standin().violation(NAME, "the callback is NULL");
        return HAILO_INVALID_ARGUMENT;
    };
    standin().listen(Listener {
        id,
        callback,
        opaque: opaque as usize,
    });
    HAILO_SUCCESS
}
