//! Frames through vstreams.

use std::{ffi::c_void, slice, sync::Arc};

use hailort_sys::*;
use tensors::{ElementType, Elements, Role, TensorInfo, Tensors};

use super::{
    handle::{input, output, vdevice},
    memory::array,
    network::{input_frame_size, output_frame_size},
};
use crate::{
    chip::Fault,
    registry::{VDevice, VStream, standin},
};

/// The vdevice that a vstream is on; it has one as long as the caller keeps the order of release.
fn owner(function: &str, vstream: &VStream) -> Option<Arc<VDevice>> {
    vdevice(function, vstream.group.vdevice)
}

fn status(fault: Fault) -> hailo_status {
    match fault {
        Fault::Timeout => HAILO_TIMEOUT,
        Fault::Aborted => HAILO_STREAM_ABORT,
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
    let expected = input_frame_size(&vstream.group.described);
    if buffer.is_null() || size != expected {
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
    if buffer.is_null() {
        standin().violation(NAME, "the buffer is NULL");
        return HAILO_INVALID_ARGUMENT;
    }
    if size != expected {
        standin().violation(
            NAME,
            &format!("the buffer has {size} bytes, the frame {expected}"),
        );
        return HAILO_INTERNAL_FAILURE;
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
        .find(|role| role.shape(tensors.input(), tensors.classes()) == info.shape)
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
