//! Inputs and outputs of a model: names, element types, shapes.

use std::{
    ffi::{CStr, CString, c_char, c_int},
    ptr,
};

use crate::{
    Error, Library,
    object::{Owned, check, nothing},
    sys,
};

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name in the file.
    pub name: CString,
    /// What its elements are.
    pub element_type: ElementType,
    /// Its shape, `None` for axes that are free; empty where the file gives none.
    pub shape: Vec<Option<usize>>,
}

/// What a tensor's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floating point.
    F32,
    /// 16-bit floating point.
    F16,
    /// Something else, by name.
    Other(&'static str),
}

impl ElementType {
    /// By the library's number of it.
    pub(crate) fn of(number: c_int) -> Self {
        match number {
            sys::FLOAT => Self::F32,
            sys::FLOAT16 => Self::F16,
            2 => Self::Other("u8"),
            3 => Self::Other("i8"),
            4 => Self::Other("u16"),
            5 => Self::Other("i16"),
            6 => Self::Other("i32"),
            7 => Self::Other("i64"),
            8 => Self::Other("text"),
            9 => Self::Other("bool"),
            11 => Self::Other("f64"),
            12 => Self::Other("u32"),
            13 => Self::Other("u64"),
            16 => Self::Other("bf16"),
            _ => Self::Other("an unknown type"),
        }
    }
}

/// The functions that tell of one side of a session, with their names.
pub(crate) struct Side {
    pub(crate) count: (&'static str, sys::types::SessionGetInputCount),
    pub(crate) name: (&'static str, sys::types::SessionGetInputName),
    pub(crate) type_info: (&'static str, sys::types::SessionGetInputTypeInfo),
}

/// All ports of one side of a session.
pub(crate) fn ports(
    library: &Library,
    session: &Owned<sys::Session>,
    side: &Side,
) -> Result<Vec<Port>, Error> {
    let api = library.api();
    let session = session.as_ptr();
    let mut count = 0;
    // SAFETY: a session and a place for a number.
    let status = unsafe { (side.count.1)(session, &raw mut count) };
    // SAFETY: the status is this call's.
    unsafe { check(api, side.count.0, status) }?;
    (0..count)
        .map(|index| {
            let mut name = ptr::null_mut();
            // SAFETY: a session, one of its ports, the allocator and a place for a pointer.
            let status =
                unsafe { (side.name.1)(session, index, library.allocator(), &raw mut name) };
            // SAFETY: the status is this call's.
            unsafe { check(api, side.name.0, status) }?;
            // SAFETY: the text is NULL or a C string of this allocator, for us.
            let name = unsafe { taken(library, name) }?.ok_or_else(|| nothing(side.name.0))?;
            let mut info = ptr::null_mut();
            // SAFETY: a session, one of its ports and a place for a pointer.
            let status = unsafe { (side.type_info.1)(session, index, &raw mut info) };
            // SAFETY: the information was made by this call, for us.
            let info = unsafe { Owned::from_call(api, side.type_info.0, status, info) }?;
            let mut tensor = ptr::null();
            // SAFETY: the information of a type, and a place for a pointer.
            let status = unsafe { (api.CastTypeInfoToTensorInfo)(info.as_ptr(), &raw mut tensor) };
            // SAFETY: the status is this call's.
            unsafe { check(api, "CastTypeInfoToTensorInfo", status) }?;
            if tensor.is_null() {
                return Ok(Port {
                    name,
                    element_type: ElementType::Other("no tensor"),
                    shape: Vec::new(),
                });
            }
            let mut shape = Vec::new();
            // SAFETY: the information of a tensor, which lives as long as that of its type.
            let element_type = unsafe { describe(library, tensor, &mut shape) }?;
            Ok(Port {
                name,
                element_type,
                // Free axes are negative.
                shape: shape
                    .iter()
                    .map(|&size| usize::try_from(size).ok())
                    .collect(),
            })
        })
        .collect()
}

/// A tensor's element type, and its sizes into `shape`.
///
/// # Safety
/// `tensor` is a tensor's information.
pub(crate) unsafe fn describe(
    library: &Library,
    tensor: *const sys::TensorInfo,
    shape: &mut Vec<i64>,
) -> Result<ElementType, Error> {
    let api = library.api();
    let mut number = 0;
    // SAFETY: a tensor's information and a place for a number.
    let status = unsafe { (api.GetTensorElementType)(tensor, &raw mut number) };
    // SAFETY: the status is this call's.
    unsafe { check(api, "GetTensorElementType", status) }?;
    let mut axes = 0;
    // SAFETY: a tensor's information and a place for a number.
    let status = unsafe { (api.GetDimensionsCount)(tensor, &raw mut axes) };
    // SAFETY: the status is this call's.
    unsafe { check(api, "GetDimensionsCount", status) }?;
    shape.clear();
    shape.resize(axes, 0);
    // SAFETY: a tensor's information and a place for as many numbers.
    let status = unsafe { (api.GetDimensions)(tensor, shape.as_mut_ptr(), axes) };
    // SAFETY: the status is this call's.
    unsafe { check(api, "GetDimensions", status) }?;
    Ok(ElementType::of(number))
}

/// A text that the library made with its allocator: copied and freed. Nothing of NULL.
///
/// # Safety
/// `text` is NULL or a C string of the library's allocator that nobody else frees.
pub(crate) unsafe fn taken(library: &Library, text: *mut c_char) -> Result<Option<CString>, Error> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: as the caller promises.
    let copy = unsafe { CStr::from_ptr(text) }.to_owned();
    let api = library.api();
    // SAFETY: the text is this allocator's, and not used any more.
    let status = unsafe { (api.AllocatorFree)(library.allocator(), text.cast()) };
    // SAFETY: the status is this call's.
    unsafe { check(api, "AllocatorFree", status) }?;
    Ok(Some(copy))
}
