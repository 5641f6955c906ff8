//! Physical devices.

use std::sync::atomic::Ordering;

use hailort_sys::*;

use super::{
    handle::device_alone,
    memory::{fill, name_array, put},
    vdevice::is_lost,
};
use crate::{registry::standin, script::Device};

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_scan_devices(
    _params: *mut hailo_scan_devices_params_t,
    ids: *mut hailo_device_id_t,
    count: *mut usize,
) -> hailo_status {
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
