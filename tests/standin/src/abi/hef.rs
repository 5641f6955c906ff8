//! HEFs: statuses as libhailort gives them, and what would crash it as violations.

use std::{ffi::CStr, ffi::c_char, ffi::c_void, sync::Arc, thread, time::Duration};

use hailort::hef_file::{HefFile, HefFileError, NetworkGroup};
use hailort_sys::*;

use super::{
    handle::hef,
    memory::{array, fill, name_array, put},
    network::{input_info, output_info, outputs},
};
use crate::{
    registry::{Hef, Object, standin},
    script::Hefs,
};

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
    let script = standin().script();
    let old = script.version < [4, 21, 0];
    match script.hefs {
        Hefs::Judged => {}
        Hefs::Refused if old => return HAILO_INVALID_HEF,
        Hefs::Refused => return HAILO_HEF_NOT_SUPPORTED,
        Hefs::Crashing => std::process::abort(),
        Hefs::Hanging => loop {
            thread::sleep(Duration::from_secs(1));
        },
    }
    let parsed = HefFile::from_bytes(bytes).and_then(|file| {
        file.verify()?;
        let contents = file.contents()?;
        contents.check()?;
        Ok(contents)
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
            if matches!(error, HefFileError::Contents { .. } | HefFileError::Flaw(_)) {
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
    if contents.refusal().is_some() {
        return if old {
            HAILO_INVALID_HEF
        } else {
            HAILO_HEF_NOT_SUPPORTED
        };
    }
    let last = contents.network_groups.last();
    let last = last.map_or_else(String::new, |group| group.name.clone());
    let mut groups = contents.network_groups;
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    let object = Hef {
        architecture: contents.architecture,
        groups,
        last,
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
    let groups = hef.groups.iter().map(|group| hailo_network_group_info_t {
        name: name_array(&group.name),
        is_multi_context: group.contexts > 1,
    });
    fill(NAME, infos, count, groups.collect())
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
    let name = if name.is_null() {
        // The documentation says the first; it is the last.
        hef.last.as_bytes()
    } else {
        // SAFETY: not NULL, and the caller promises that it is a text.
        unsafe { CStr::from_ptr(name) }.to_bytes()
    };
    // A group, or a network of it, which has the group's name unless it says otherwise.
    let is_meant = |group: &&NetworkGroup| {
        let group = group.name.as_bytes();
        name == group || name == [group, b"/", group].concat()
    };
    let wanted = if name.is_empty() {
        hef.groups.iter().find(|group| group.name == hef.last)
    } else {
        hef.groups.iter().find(is_meant)
    };
    let Some(group) = wanted else {
        return HAILO_NOT_FOUND;
    };
    let mut all = vec![input_info(group)];
    all.extend(outputs(group, &standin().script()).iter().map(output_info));
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
