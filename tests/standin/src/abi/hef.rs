//! HEFs: statuses as libhailort gives them, and what would crash it as violations.

use std::{ffi::CStr, ffi::c_char, ffi::c_void, sync::Arc};

use frame::InputSize;
use hailort::hef_file::{Contents, HefFile, HefFileError, LayerDirection};
use hailort_sys::*;

use super::{
    handle::hef,
    memory::{array, fill, name_array, put},
    network::{input_info, output_info, outputs},
};
use crate::registry::{Hef, Object, standin};

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
        input: input_of(&contents),
    };
    put(
        NAME,
        hef,
        standin().add(Object::Hef(Arc::new(object))) as hailo_hef,
    )
}

/// The size of the network's input, as the file's first input layer has it; 640 x 640 where that is
/// nothing the mock's network can have.
fn input_of(contents: &Contents) -> InputSize {
    let layers = contents
        .network_groups
        .iter()
        .flat_map(|group| &group.layers);
    layers
        .filter(|layer| layer.direction == LayerDirection::Input)
        .find_map(|layer| {
            let [height, width, _] = layer.shape;
            InputSize::new(width, height).ok()
        })
        .unwrap_or_default()
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
        let group = hef.network.as_bytes();
        // A group, or a network of it: this one has one, of the same name.
        let network = [group, b"/", group].concat();
        if !name.is_empty() && name.to_bytes() != group && name.to_bytes() != network {
            return HAILO_NOT_FOUND;
        }
    }
    let mut all = vec![input_info(hef.input)];
    all.extend(
        outputs(hef.input, &standin().script())
            .iter()
            .map(output_info),
    );
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
