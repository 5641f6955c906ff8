//! Tensors, and what is known of them.

use std::{
    ffi::{c_int, c_void},
    slice,
};

use onnxruntime::sys;

use super::kind::*;
use crate::object::give;

pub(super) unsafe extern "C" fn CastTypeInfoToTensorInfo(
    info: *const sys::TypeInfo,
    out: *mut *const sys::TensorInfo,
) -> Answer {
    let info = object!(info, TypeInfo);
    put!(out, (&raw const info.tensor).cast())
}

/// A tensor's information, which is an object of its own or a part of a type's.
///
/// # Safety
/// It is one of the two.
unsafe fn tensor_info<'a>(info: *const sys::TensorInfo) -> &'a TensorInfo {
    // SAFETY: as the caller promises.
    unsafe { &*info.cast() }
}

pub(super) unsafe extern "C" fn GetTensorElementType(
    info: *const sys::TensorInfo,
    out: *mut c_int,
) -> Answer {
    // SAFETY: as the caller promises.
    put!(out, unsafe { tensor_info(info) }.element_type)
}

pub(super) unsafe extern "C" fn GetDimensionsCount(
    info: *const sys::TensorInfo,
    out: *mut usize,
) -> Answer {
    // SAFETY: as the caller promises.
    put!(out, unsafe { tensor_info(info) }.shape.len())
}

pub(super) unsafe extern "C" fn GetDimensions(
    info: *const sys::TensorInfo,
    out: *mut i64,
    count: usize,
) -> Answer {
    // SAFETY: as the caller promises.
    let shape = &unsafe { tensor_info(info) }.shape;
    // SAFETY: the caller has room for so many.
    let out = unsafe { slice::from_raw_parts_mut(out, count) };
    for (out, size) in out.iter_mut().zip(shape) {
        *out = *size;
    }
    FINE
}

pub(super) unsafe extern "C" fn CreateTensorWithDataAsOrtValue(
    memory: *const sys::MemoryInfo,
    data: *mut c_void,
    bytes: usize,
    shape: *const i64,
    axes: usize,
    element_type: c_int,
    out: *mut *mut sys::Value,
) -> Answer {
    object!(memory, MemoryInfo);
    // SAFETY: the caller passes so many sizes.
    let shape = unsafe { slice::from_raw_parts(shape, axes) }.to_vec();
    let size = match element_type {
        sys::FLOAT => 4,
        sys::FLOAT16 => 2,
        _ => return failed("not implemented"),
    };
    if usize::try_from(shape.iter().product::<i64>()).ok() != Some(bytes / size) {
        return failed("the preallocated buffer does not fit the shape");
    }
    let value = Value {
        element_type,
        shape,
        data: Data::Borrowed(data),
    };
    put!(out, give(value).cast())
}

pub(super) unsafe extern "C" fn GetTensorTypeAndShape(
    value: *const sys::Value,
    out: *mut *mut sys::TensorInfo,
) -> Answer {
    let value = object!(value, Value);
    let info = TensorInfo {
        element_type: value.element_type,
        shape: value.shape.clone(),
    };
    put!(out, give(info).cast())
}

pub(super) unsafe extern "C" fn GetTensorMutableData(
    value: *mut sys::Value,
    out: *mut *mut c_void,
) -> Answer {
    let data = match &object!(value, Value).data {
        Data::Borrowed(data) => data.cast_const(),
        Data::F32(elements) => elements.as_ptr().cast(),
        Data::F16(elements) => elements.as_ptr().cast(),
        Data::I64(elements) => elements.as_ptr().cast(),
    };
    put!(out, data.cast_mut())
}
