//! The C functions, with the behaviour that libhailort 4.20 to 4.23 was seen to have.
//!
//! Each is `unsafe` as in C: pointers that the caller passes must be valid as the real library's
//! documentation says. NULL where it is not allowed is a violation, not a crash.

// Reached by name, from outside.
#![allow(unreachable_pub)]

use std::{
    ffi::{CStr, c_char, c_void},
    ptr, slice,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use accelerator::{ElementType, Elements, Layout, Role, TensorInfo, Tensors, mock::Network};
use hailort::hef_file::{HefArchitecture, HefFile, HefFileError};
use hailort_sys::*;

use crate::{
    chip::{Chip, Fault},
    registry::{Group, Hef, InUse, Object, VDevice, VStream, standin},
    script::{Device, FrameSize, Script, Types},
};

const INPUT_NAME: &str = "fast_sam_s/input_layer1";
/// The library's defaults for vstreams.
const DEFAULT_TIMEOUT_MS: u32 = 10_000;
const DEFAULT_QUEUE_SIZE: u32 = 2;
/// What frames of the script's `short` and `padded` lack and have more.
const FRAME_SIZE_OFF: usize = 16;

/// Writes to a pointer that the caller gave; NULL is a violation.
fn put<T>(function: &str, to: *mut T, value: T) -> hailo_status {
    if to.is_null() {
        standin().violation(function, "a pointer to write to is NULL");
        return HAILO_INVALID_ARGUMENT;
    }
    // SAFETY: not NULL, and the caller promises that it is valid for its type.
    unsafe { to.write(value) };
    HAILO_SUCCESS
}

/// Fills the caller's array; if it is too small, writes back how many there are.
fn fill<T>(function: &str, to: *mut T, count: *mut usize, items: Vec<T>) -> hailo_status {
    if count.is_null() {
        standin().violation(function, "the pointer to a count is NULL");
        return HAILO_INVALID_ARGUMENT;
    }
    // SAFETY: not NULL, and the caller promises that it points to a count.
    let room = unsafe { count.replace(items.len()) };
    if room < items.len() {
        return HAILO_INSUFFICIENT_BUFFER;
    }
    if to.is_null() && !items.is_empty() {
        standin().violation(function, "the array is NULL");
        return HAILO_INVALID_ARGUMENT;
    }
    for (index, item) in items.into_iter().enumerate() {
        let place = to.wrapping_add(index);
        // SAFETY: the caller promises room for `room` items, and there are no more.
        unsafe { place.write(item) };
    }
    HAILO_SUCCESS
}

/// The caller's array.
fn array<'a, T>(from: *const T, count: usize) -> &'a [T] {
    if from.is_null() {
        return &[];
    }
    // SAFETY: not NULL, and the caller promises `count` items.
    unsafe { slice::from_raw_parts(from, count) }
}

fn name_array<const N: usize>(name: &str) -> [c_char; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(name.bytes()).take(N - 1) {
        *to = c_char::from_ne_bytes([from]);
    }
    array
}

fn name_of(array: &[c_char]) -> String {
    let bytes: Vec<u8> = array
        .iter()
        .map(|c| c.to_ne_bytes()[0])
        .take_while(|byte| *byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether the device under a vdevice is gone; once gone, it stays so for that vdevice.
pub(crate) fn is_lost(lost: &AtomicBool) -> bool {
    if standin().script().device == Device::Lost {
        lost.store(true, Ordering::SeqCst);
    }
    lost.load(Ordering::SeqCst)
}

fn vdevice(function: &str, handle: usize) -> Option<Arc<VDevice>> {
    standin().get(function, handle, "vdevice", |object| match object {
        Object::VDevice(vdevice) => Some(Arc::clone(vdevice)),
        _ => None,
    })
}

/// A vdevice in use by this call alone.
fn vdevice_alone(function: &str, handle: usize) -> Option<InUse<VDevice>> {
    vdevice(function, handle).and_then(|vdevice| standin().enter(function, vdevice))
}

fn hef(function: &str, handle: hailo_hef) -> Option<Arc<Hef>> {
    standin().get(function, handle as usize, "HEF", |object| match object {
        Object::Hef(hef) => Some(Arc::clone(hef)),
        _ => None,
    })
}

fn group(function: &str, handle: hailo_configured_network_group) -> Option<Arc<Group>> {
    standin().get(
        function,
        handle as usize,
        "network group",
        |object| match object {
            Object::Group(group) => Some(Arc::clone(group)),
            _ => None,
        },
    )
}

fn input(function: &str, handle: hailo_input_vstream) -> Option<InUse<VStream>> {
    let vstream = standin().get(
        function,
        handle as usize,
        "input vstream",
        |object| match object {
            Object::Input(vstream) => Some(Arc::clone(vstream)),
            _ => None,
        },
    )?;
    standin().enter(function, vstream)
}

fn output(function: &str, handle: hailo_output_vstream) -> Option<InUse<VStream>> {
    let vstream = standin().get(
        function,
        handle as usize,
        "output vstream",
        |object| match object {
            Object::Output(vstream) => Some(Arc::clone(vstream)),
            _ => None,
        },
    )?;
    standin().enter(function, vstream)
}

// The library.

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_library_version(version: *mut hailo_version_t) -> hailo_status {
    let [major, minor, revision] = standin().script().version;
    put(
        "hailo_get_library_version",
        version,
        hailo_version_t {
            major,
            minor,
            revision,
        },
    )
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_status_message(status: hailo_status) -> *const c_char {
    let name = match status {
        HAILO_SUCCESS => c"HAILO_SUCCESS",
        HAILO_INVALID_ARGUMENT => c"HAILO_INVALID_ARGUMENT",
        HAILO_TIMEOUT => c"HAILO_TIMEOUT",
        HAILO_OUT_OF_PHYSICAL_DEVICES => c"HAILO_OUT_OF_PHYSICAL_DEVICES",
        _ => return ptr::null(),
    };
    name.as_ptr()
}

// Devices.

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

/// The vdevice of a physical device, in use by this call alone.
fn device_alone(function: &str, device: hailo_device) -> Option<InUse<VDevice>> {
    let owner = standin().get(function, device as usize, "device", |object| match object {
        Object::Device(vdevice) => Some(*vdevice),
        _ => None,
    })?;
    vdevice_alone(function, owner)
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

// Virtual devices.

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
    let mut shared = false;
    if let Some(params) = array(params, 1).first() {
        if params.device_count == 0 {
            return HAILO_INVALID_ARGUMENT;
        }
        if params.scheduling_algorithm != HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN {
            standin().violation(NAME, "the scheduler is off");
        }
        if params.group_id.is_null() {
            standin().violation(NAME, "the group id is NULL");
            return HAILO_INVALID_ARGUMENT;
        }
        // SAFETY: not NULL, and the caller promises that it is a text.
        let group_id = unsafe { CStr::from_ptr(params.group_id) };
        shared = params.multi_process_service || group_id != c"UNIQUE";
        let ids = array(params.device_ids, params.device_count as usize);
        if ids.iter().any(|id| name_of(&id.id) != "0000:01:00.0") {
            return HAILO_INVALID_ARGUMENT;
        }
        if !ids.is_empty() && script.device == Device::Busy {
            return HAILO_DEVICE_IN_USE;
        }
    }
    if script.device != Device::Present {
        return HAILO_OUT_OF_PHYSICAL_DEVICES;
    }
    if script.driver_mismatch {
        return HAILO_INVALID_DRIVER_VERSION;
    }
    if script.firmware_mismatch {
        return HAILO_UNSUPPORTED_FW_VERSION;
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
    if vdevice_alone(NAME, handle).is_none() {
        return HAILO_INVALID_ARGUMENT;
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

// HEFs.

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_create_hef_buffer(
    hef: *mut hailo_hef,
    buffer: *const c_void,
    size: usize,
) -> hailo_status {
    const NAME: &str = "hailo_create_hef_buffer";
    if buffer.is_null() || size == 0 {
        standin().violation(NAME, "an empty buffer crashes the real library");
        return HAILO_INVALID_ARGUMENT;
    }
    let bytes = array(buffer.cast::<u8>(), size).to_vec();
    let old = standin().script().version < [4, 21, 0];
    let parsed = HefFile::from_bytes(bytes).and_then(|file| {
        file.verify()?;
        file.contents()
    });
    let contents = match parsed {
        Ok(contents) => contents,
        Err(HefFileError::TooSmall { size }) if size < 12 => return HAILO_FILE_OPERATION_FAILURE,
        Err(HefFileError::Magic { .. } | HefFileError::Version(_)) => {
            return if old {
                HAILO_INVALID_HEF
            } else {
                HAILO_HEF_NOT_SUPPORTED
            };
        }
        Err(error) => {
            if matches!(error, HefFileError::Contents { .. }) {
                standin().violation(
                    NAME,
                    "a good hash with a broken body crashes the real library",
                );
            }
            return if old {
                HAILO_INVALID_HEF
            } else {
                HAILO_HEF_FILE_CORRUPTED
            };
        }
    };
    let network = contents
        .network_groups
        .first()
        .map_or_else(String::new, |g| g.name.clone());
    let object = Hef {
        architecture: contents.architecture,
        network,
    };
    put(
        NAME,
        hef,
        standin().add(Object::Hef(Arc::new(object))) as hailo_hef,
    )
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_network_groups_infos(
    handle: hailo_hef,
    infos: *mut hailo_network_group_info_t,
    count: *mut usize,
) -> hailo_status {
    const NAME: &str = "hailo_get_network_groups_infos";
    let Some(hef) = hef(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    let info = hailo_network_group_info_t {
        name: name_array(&hef.network),
        is_multi_context: true,
    };
    fill(NAME, infos, count, vec![info])
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_hef_get_all_vstream_infos(
    handle: hailo_hef,
    name: *const c_char,
    infos: *mut hailo_vstream_info_t,
    count: *mut usize,
) -> hailo_status {
    const NAME: &str = "hailo_hef_get_all_vstream_infos";
    let Some(hef) = hef(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if !name.is_null() {
        // SAFETY: not NULL, and the caller promises that it is a text.
        let name = unsafe { CStr::from_ptr(name) };
        if name.to_bytes() != hef.network.as_bytes() {
            return HAILO_NOT_FOUND;
        }
    }
    let mut all = vec![input_info()];
    all.extend(outputs(&standin().script()).iter().map(output_info));
    fill(NAME, infos, count, all)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_release_hef(handle: hailo_hef) -> hailo_status {
    const NAME: &str = "hailo_release_hef";
    if hef(NAME, handle).is_none() {
        return HAILO_INVALID_ARGUMENT;
    }
    let in_use = standin()
        .count(|object| matches!(object, Object::Group(group) if group.hef == handle as usize));
    if in_use > 0 {
        standin().violation(NAME, "a vdevice that it is configured on is not released");
    }
    standin().release(handle as usize);
    HAILO_SUCCESS
}

// Network groups.

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
    // Unlike the others, this call does not write back how many there are.
    if count.is_null() || array(count, 1).first() == Some(&0) {
        return HAILO_INSUFFICIENT_BUFFER;
    }
    if is_lost(&owner.lost) {
        return HAILO_DRIVER_OPERATION_FAILED;
    }
    let script = standin().script();
    let fits = match hef.architecture {
        HefArchitecture::Hailo8 => !script.hailo8l,
        HefArchitecture::Hailo8L => true,
        _ => false,
    };
    if !fits {
        let old = script.version < [4, 21, 0];
        return if old {
            HAILO_INVALID_HEF
        } else {
            HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE
        };
    }
    if script.page_size_refused {
        return HAILO_INTERNAL_FAILURE;
    }
    let outputs = outputs(&script);
    let Ok(chip) = Chip::start(outputs.len()) else {
        return HAILO_OUT_OF_HOST_MEMORY;
    };
    let group = Group {
        vdevice: vdevice as usize,
        hef: handle as usize,
        chip,
        outputs,
    };
    let group = standin().add(Object::Group(Arc::new(group)));
    fill(
        NAME,
        groups,
        count,
        vec![group as hailo_configured_network_group],
    )
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_set_scheduler_timeout(
    handle: hailo_configured_network_group,
    timeout_ms: u32,
    _network: *const c_char,
) -> hailo_status {
    let Some(group) = group("hailo_set_scheduler_timeout", handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    group.chip.set_gathering(timeout_ms);
    HAILO_SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_set_scheduler_threshold(
    handle: hailo_configured_network_group,
    threshold: u32,
    _network: *const c_char,
) -> hailo_status {
    let Some(group) = group("hailo_set_scheduler_threshold", handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    group.chip.set_threshold(threshold);
    HAILO_SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_set_scheduler_priority(
    handle: hailo_configured_network_group,
    priority: u8,
    _network: *const c_char,
) -> hailo_status {
    if group("hailo_set_scheduler_priority", handle).is_none() || priority > 31 {
        return HAILO_INVALID_ARGUMENT;
    }
    HAILO_SUCCESS
}

// Vstreams.

/// The network's outputs in the order of their names, in the types that the script asks for.
fn outputs(script: &Script) -> Vec<TensorInfo> {
    let layout: Layout = Network::layout();
    let mut infos: Vec<TensorInfo> = Role::ALL
        .into_iter()
        .map(|role| layout.info(role).clone())
        .collect();
    for info in &mut infos {
        match (script.types, info.element_type) {
            // The same real numbers with coarser steps.
            (Types::U8, ElementType::U16) => {
                info.element_type = ElementType::U8;
                info.quant.scale *= 256.0;
                info.quant.zero_point /= 256.0;
            }
            (Types::U16, ElementType::U8) => info.element_type = ElementType::U16,
            _ => {}
        }
    }
    infos.sort_by(|a, b| a.name.cmp(&b.name));
    infos
}

fn format_type(info: &TensorInfo) -> hailo_format_type_t {
    match info.element_type {
        ElementType::U8 => HAILO_FORMAT_TYPE_UINT8,
        ElementType::U16 => HAILO_FORMAT_TYPE_UINT16,
    }
}

fn vstream_info(
    name: &str,
    direction: hailo_stream_direction_t,
    type_: hailo_format_type_t,
    shape: [usize; 3],
    quant: [f32; 2],
) -> hailo_vstream_info_t {
    let [height, width, features] = shape.map(|n| n as u32);
    hailo_vstream_info_t {
        name: name_array(name),
        network_name: name_array("fast_sam_s/fast_sam_s"),
        direction,
        format: hailo_format_t {
            type_,
            order: HAILO_FORMAT_ORDER_NHWC,
            flags: 0,
        },
        __bindgen_anon_1: hailo_vstream_info_t__bindgen_ty_1 {
            shape: hailo_3d_image_shape_t {
                height,
                width,
                features,
            },
        },
        quant_info: hailo_quant_info_t {
            qp_zp: quant[1],
            qp_scale: quant[0],
            limvals_min: 0.0,
            limvals_max: 0.0,
        },
    }
}

fn input_info() -> hailo_vstream_info_t {
    vstream_info(
        INPUT_NAME,
        HAILO_H2D_STREAM,
        HAILO_FORMAT_TYPE_UINT8,
        [frame::INPUT_SIDE as usize, frame::INPUT_SIDE as usize, 3],
        [1.0, 0.0],
    )
}

fn output_info(info: &TensorInfo) -> hailo_vstream_info_t {
    vstream_info(
        &info.name,
        HAILO_D2H_STREAM,
        format_type(info),
        info.shape,
        [info.quant.scale, info.quant.zero_point],
    )
}

fn output_frame_size(group: &Group, index: usize) -> usize {
    let Some(info) = group.outputs.get(index) else {
        return 0;
    };
    let bytes = match info.element_type {
        ElementType::U8 => 1,
        ElementType::U16 => 2,
    };
    let size = info.shape.iter().product::<usize>() * bytes;
    match standin().script().frame_size {
        FrameSize::Short if index == 0 => size.saturating_sub(FRAME_SIZE_OFF),
        FrameSize::Padded if index == 0 => size + FRAME_SIZE_OFF,
        _ => size,
    }
}

fn default_params(type_: hailo_format_type_t) -> hailo_vstream_params_t {
    hailo_vstream_params_t {
        user_buffer_format: hailo_format_t {
            type_,
            order: HAILO_FORMAT_ORDER_AUTO,
            flags: 0,
        },
        timeout_ms: DEFAULT_TIMEOUT_MS,
        queue_size: DEFAULT_QUEUE_SIZE,
        ..Default::default()
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_make_input_vstream_params(
    handle: hailo_configured_network_group,
    _unused: bool,
    type_: hailo_format_type_t,
    params: *mut hailo_input_vstream_params_by_name_t,
    count: *mut usize,
) -> hailo_status {
    const NAME: &str = "hailo_make_input_vstream_params";
    if group(NAME, handle).is_none() {
        return HAILO_INVALID_ARGUMENT;
    }
    let made = hailo_input_vstream_params_by_name_t {
        name: name_array(INPUT_NAME),
        params: default_params(type_),
    };
    fill(NAME, params, count, vec![made])
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_make_output_vstream_params(
    handle: hailo_configured_network_group,
    _unused: bool,
    type_: hailo_format_type_t,
    params: *mut hailo_output_vstream_params_by_name_t,
    count: *mut usize,
) -> hailo_status {
    const NAME: &str = "hailo_make_output_vstream_params";
    let Some(group) = group(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    let made = group
        .outputs
        .iter()
        .map(|info| hailo_output_vstream_params_by_name_t {
            name: name_array(&info.name),
            params: default_params(type_),
        })
        .collect();
    fill(NAME, params, count, made)
}

/// Whether a vstream exists already; the real library refuses a second one.
fn exists(group: &Arc<Group>, wanted: impl Fn(&Object) -> Option<&Arc<VStream>>) -> bool {
    standin().count(|object| wanted(object).is_some_and(|v| Arc::ptr_eq(&v.group, group))) > 0
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_create_input_vstreams(
    handle: hailo_configured_network_group,
    params: *const hailo_input_vstream_params_by_name_t,
    count: usize,
    vstreams: *mut hailo_input_vstream,
) -> hailo_status {
    const NAME: &str = "hailo_create_input_vstreams";
    let Some(group) = group(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    let [params] = array(params, count) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if name_of(&params.name) != INPUT_NAME {
        return HAILO_NOT_FOUND;
    }
    if exists(&group, |object| match object {
        Object::Input(vstream) => Some(vstream),
        _ => None,
    }) {
        standin().violation(NAME, "the vstreams exist already");
        return HAILO_INVALID_OPERATION;
    }
    group.chip.open_input(params.params.queue_size as usize);
    let timeout = Duration::from_millis(params.params.timeout_ms.into());
    let vstream = Arc::new(VStream::new(group, 0, timeout));
    put(
        NAME,
        vstreams,
        standin().add(Object::Input(vstream)) as hailo_input_vstream,
    )
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_create_output_vstreams(
    handle: hailo_configured_network_group,
    params: *const hailo_output_vstream_params_by_name_t,
    count: usize,
    vstreams: *mut hailo_output_vstream,
) -> hailo_status {
    const NAME: &str = "hailo_create_output_vstreams";
    let Some(group) = group(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    let mut wanted = Vec::new();
    for params in array(params, count) {
        let name = name_of(&params.name);
        let Some(index) = group.outputs.iter().position(|info| info.name == name) else {
            return HAILO_NOT_FOUND;
        };
        let native = group.outputs.get(index).map_or(0, format_type);
        let type_ = params.params.user_buffer_format.type_;
        if type_ != HAILO_FORMAT_TYPE_AUTO && type_ != native {
            return HAILO_INVALID_ARGUMENT;
        }
        wanted.push((index, params.params));
    }
    if exists(&group, |object| match object {
        Object::Output(vstream) => Some(vstream),
        _ => None,
    }) {
        standin().violation(NAME, "the vstreams exist already");
        return HAILO_INVALID_OPERATION;
    }
    // The handles come in the order of the names, whatever the caller's.
    wanted.sort_by_key(|(index, _)| *index);
    let mut room = wanted.len();
    let made = wanted
        .into_iter()
        .map(|(index, params)| {
            group.chip.open_output(index, params.queue_size as usize);
            let timeout = Duration::from_millis(params.timeout_ms.into());
            let vstream = Arc::new(VStream::new(Arc::clone(&group), index, timeout));
            standin().add(Object::Output(vstream)) as hailo_output_vstream
        })
        .collect();
    fill(NAME, vstreams, &raw mut room, made)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_input_vstream_frame_size(
    handle: hailo_input_vstream,
    frame_size: *mut usize,
) -> hailo_status {
    const NAME: &str = "hailo_get_input_vstream_frame_size";
    match input(NAME, handle) {
        Some(_) => put(NAME, frame_size, frame::INPUT_BYTES),
        None => HAILO_INVALID_ARGUMENT,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_output_vstream_frame_size(
    handle: hailo_output_vstream,
    frame_size: *mut usize,
) -> hailo_status {
    const NAME: &str = "hailo_get_output_vstream_frame_size";
    match output(NAME, handle) {
        Some(vstream) => put(
            NAME,
            frame_size,
            output_frame_size(&vstream.group, vstream.index),
        ),
        None => HAILO_INVALID_ARGUMENT,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_input_vstream_info(
    handle: hailo_input_vstream,
    info: *mut hailo_vstream_info_t,
) -> hailo_status {
    const NAME: &str = "hailo_get_input_vstream_info";
    match input(NAME, handle) {
        Some(_) => put(NAME, info, input_info()),
        None => HAILO_INVALID_ARGUMENT,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_get_output_vstream_info(
    handle: hailo_output_vstream,
    info: *mut hailo_vstream_info_t,
) -> hailo_status {
    const NAME: &str = "hailo_get_output_vstream_info";
    let Some(vstream) = output(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    match vstream.group.outputs.get(vstream.index) {
        Some(found) => put(NAME, info, output_info(found)),
        None => HAILO_INTERNAL_FAILURE,
    }
}

/// The vdevice that a vstream is on; it has one as long as the caller keeps the order of release.
fn owner(function: &str, vstream: &VStream) -> Option<Arc<VDevice>> {
    vdevice(function, vstream.group.vdevice)
}

fn status(fault: Fault) -> hailo_status {
    match fault {
        Fault::Timeout => HAILO_TIMEOUT,
        Fault::Aborted => HAILO_STREAM_ABORT,
        Fault::Lost => HAILO_DRIVER_OPERATION_FAILED,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_vstream_write_raw_buffer(
    handle: hailo_input_vstream,
    buffer: *const c_void,
    size: usize,
) -> hailo_status {
    const NAME: &str = "hailo_vstream_write_raw_buffer";
    let Some(vstream) = input(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    let Some(vdevice) = owner(NAME, &vstream) else {
        return HAILO_INVALID_ARGUMENT;
    };
    if buffer.is_null() || size != frame::INPUT_BYTES {
        let expected = frame::INPUT_BYTES;
        standin().violation(
            NAME,
            &format!("the buffer has {size} bytes, the frame {expected}"),
        );
        return HAILO_INVALID_ARGUMENT;
    }
    let input = array(buffer.cast::<u8>(), size);
    match vstream
        .group
        .chip
        .write(input, vstream.timeout, &vdevice.lost)
    {
        Ok(()) => HAILO_SUCCESS,
        Err(fault) => status(fault),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_vstream_read_raw_buffer(
    handle: hailo_output_vstream,
    buffer: *mut c_void,
    size: usize,
) -> hailo_status {
    const NAME: &str = "hailo_vstream_read_raw_buffer";
    let Some(vstream) = output(NAME, handle) else {
        return HAILO_INVALID_ARGUMENT;
    };
    let Some(vdevice) = owner(NAME, &vstream) else {
        return HAILO_INVALID_ARGUMENT;
    };
    let expected = output_frame_size(&vstream.group, vstream.index);
    if buffer.is_null() || size != expected {
        standin().violation(
            NAME,
            &format!("the buffer has {size} bytes, the frame {expected}"),
        );
        return HAILO_INVALID_ARGUMENT;
    }
    let answer = match vstream
        .group
        .chip
        .read(vstream.index, vstream.timeout, &vdevice.lost)
    {
        Ok(answer) => answer,
        Err(fault) => return status(fault),
    };
    let Some(info) = vstream.group.outputs.get(vstream.index) else {
        return HAILO_INTERNAL_FAILURE;
    };
    // SAFETY: not NULL, and the caller promises `size` bytes to write to.
    let buffer = unsafe { slice::from_raw_parts_mut(buffer.cast::<u8>(), size) };
    copy_output(&answer.tensors, info, buffer);
    HAILO_SUCCESS
}

/// Copies an output's elements as bytes, in the type that the script asks for.
fn copy_output(tensors: &Tensors, info: &TensorInfo, buffer: &mut [u8]) {
    let Some(role) = Role::ALL
        .into_iter()
        .find(|role| role.shape() == info.shape)
    else {
        return;
    };
    match (tensors.view(role).elements, info.element_type) {
        (Elements::U8(elements), ElementType::U8) => {
            for (to, from) in buffer.iter_mut().zip(elements) {
                *to = *from;
            }
        }
        (Elements::U16(elements), ElementType::U16) => {
            for (to, from) in buffer.chunks_exact_mut(2).zip(elements) {
                to.copy_from_slice(&from.to_ne_bytes());
            }
        }
        (Elements::U8(elements), ElementType::U16) => {
            for (to, from) in buffer.chunks_exact_mut(2).zip(elements) {
                to.copy_from_slice(&u16::from(*from).to_ne_bytes());
            }
        }
        (Elements::U16(elements), ElementType::U8) => {
            for (to, from) in buffer.iter_mut().zip(elements) {
                *to = (from >> 8) as u8;
            }
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_flush_input_vstream(handle: hailo_input_vstream) -> hailo_status {
    match input("hailo_flush_input_vstream", handle) {
        Some(_) => HAILO_SUCCESS,
        None => HAILO_INVALID_ARGUMENT,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_clear_input_vstreams(
    vstreams: *const hailo_input_vstream,
    count: usize,
) -> hailo_status {
    for handle in array(vstreams, count) {
        let Some(vstream) = input("hailo_clear_input_vstreams", *handle) else {
            return HAILO_INVALID_ARGUMENT;
        };
        vstream.group.chip.clear_input();
    }
    HAILO_SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_clear_output_vstreams(
    vstreams: *const hailo_output_vstream,
    count: usize,
) -> hailo_status {
    for handle in array(vstreams, count) {
        let Some(vstream) = output("hailo_clear_output_vstreams", *handle) else {
            return HAILO_INVALID_ARGUMENT;
        };
        vstream.group.chip.clear_output(vstream.index);
    }
    HAILO_SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_release_input_vstreams(
    vstreams: *const hailo_input_vstream,
    count: usize,
) -> hailo_status {
    for handle in array(vstreams, count) {
        let Some(vstream) = input("hailo_release_input_vstreams", *handle) else {
            return HAILO_INVALID_ARGUMENT;
        };
        vstream.group.chip.close_input();
        standin().release(*handle as usize);
    }
    HAILO_SUCCESS
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_release_output_vstreams(
    vstreams: *const hailo_output_vstream,
    count: usize,
) -> hailo_status {
    for handle in array(vstreams, count) {
        let Some(vstream) = output("hailo_release_output_vstreams", *handle) else {
            return HAILO_INVALID_ARGUMENT;
        };
        vstream.group.chip.close_output(vstream.index);
        standin().release(*handle as usize);
    }
    HAILO_SUCCESS
}
