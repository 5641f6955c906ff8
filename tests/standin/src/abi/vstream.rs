//! Making, describing and releasing vstreams.

use std::{sync::Arc, time::Duration};

use hailort_sys::*;

use super::{
    handle::{group, input, output},
    memory::{array, fill, name_array, name_of, put},
    network::{INPUT_NAME, format_type, input_info, output_frame_size, output_info},
};
use crate::registry::{Group, Object, VStream, standin};

/// The library's defaults for vstreams.
const DEFAULT_TIMEOUT_MS: u32 = 10_000;
const DEFAULT_QUEUE_SIZE: u32 = 2;

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

/// Whether a vstream exists already. The real library makes a second one, and nobody has tried what
/// comes out of it.
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
    if params.params.queue_size == 0 {
        return HAILO_INVALID_ARGUMENT;
    }
    if exists(&group, |object| match object {
        Object::Input(vstream) => Some(vstream),
        _ => None,
    }) {
        standin().violation(NAME, "the vstreams exist already");
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
        if type_ == HAILO_FORMAT_TYPE_UINT8 && native == HAILO_FORMAT_TYPE_UINT16
            || params.params.queue_size == 0
        {
            return HAILO_INVALID_ARGUMENT;
        }
        if type_ != HAILO_FORMAT_TYPE_AUTO && type_ != native {
            standin().violation(NAME, "the stand-in converts no types: ask for AUTO");
            return HAILO_NOT_IMPLEMENTED;
        }
        wanted.push((index, params.params));
    }
    if exists(&group, |object| match object {
        Object::Output(vstream) => Some(vstream),
        _ => None,
    }) {
        standin().violation(NAME, "the vstreams exist already");
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
        Some(vstream) => put(NAME, frame_size, vstream.group.input.bytes()),
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
        Some(vstream) => put(NAME, info, input_info(vstream.group.input)),
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

#[unsafe(no_mangle)]
pub unsafe extern "C" fn hailo_release_input_vstreams(
    vstreams: *const hailo_input_vstream,
    count: usize,
) -> hailo_status {
    if vstreams.is_null() {
        return HAILO_INVALID_ARGUMENT;
    }
    for handle in array(vstreams, count)
        .iter()
        .filter(|handle| !handle.is_null())
    {
        let Some(vstream) = input("hailo_release_input_vstreams", *handle) else {
            return HAILO_INVALID_ARGUMENT;
        };
        std::thread::sleep(vstream.group.chip.release_takes(vstream.timeout));
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
    if vstreams.is_null() {
        return HAILO_INVALID_ARGUMENT;
    }
    for handle in array(vstreams, count)
        .iter()
        .filter(|handle| !handle.is_null())
    {
        let Some(vstream) = output("hailo_release_output_vstreams", *handle) else {
            return HAILO_INVALID_ARGUMENT;
        };
        vstream.group.chip.close_output(vstream.index);
        standin().release(*handle as usize);
    }
    HAILO_SUCCESS
}
