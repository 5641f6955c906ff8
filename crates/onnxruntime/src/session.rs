//! A model that onnxruntime runs.

use std::{
    ffi::{CStr, CString, c_char, c_int},
    num::NonZeroUsize,
    ptr, slice,
};

use crate::{
    ElementType, Error, Library, Port, Terminator,
    object::{Owned, check, nothing},
    port::{Side, describe, ports, taken},
    sys,
};

/// What threads do while they have nothing to do: sleep. By default they spin, which takes
/// time from everybody else.
const NO_SPINNING: [&CStr; 2] = [
    c"session.intra_op.allow_spinning",
    c"session.inter_op.allow_spinning",
];

/// How a session runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// Threads that an inference takes; without this, as many as there are cores.
    pub threads: Option<NonZeroUsize>,
}

/// Elements of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Elements<'a> {
    /// 32-bit floating point.
    F32(&'a [f32]),
    /// 16-bit floating point, as bits.
    F16(&'a [u16]),
}

/// A model that is loaded and ready to run.
// Fields are dropped in this order: what was made from the library goes before it.
pub struct Session {
    metadata: Owned<sys::ModelMetadata>,
    session: Owned<sys::Session>,
    terminator: Terminator,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    /// Of the run at hand.
    scratch: Scratch,
    library: Library,
}

/// What a run fills, kept for the next one.
#[derive(Default)]
struct Scratch {
    names: Vec<*const c_char>,
    values: Vec<*mut sys::Value>,
    sizes: Vec<i64>,
    shape: Vec<usize>,
}

// SAFETY: the library binds none of its objects to a thread, and a session's are used by one thread
// at a time, that which has the session. The pointers in `scratch` mean nothing between runs.
unsafe impl Send for Session {}

impl Session {
    /// Makes a session of a model's bytes.
    ///
    /// # Errors
    /// [`Error::Call`] where the library refuses the model, and [`Error::Answer`].
    pub fn load(library: &Library, bytes: &[u8], options: &SessionOptions) -> Result<Self, Error> {
        let api = library.api();
        let options = c_options(library, options)?;
        let mut session = ptr::null_mut();
        let make = api.CreateSessionFromArray;
        let (data, length) = (bytes.as_ptr().cast(), bytes.len());
        // SAFETY: an environment, so many bytes, which are copied, options, and a place for a
        // pointer.
        let status = unsafe {
            make(
                library.env(),
                data,
                length,
                options.as_ptr(),
                &raw mut session,
            )
        };
        // SAFETY: the session was made by this call, for us.
        let session = unsafe { Owned::from_call(api, "CreateSessionFromArray", status, session) }?;
        let mut metadata = ptr::null_mut();
        // SAFETY: a session and a place for a pointer.
        let status = unsafe { (api.SessionGetModelMetadata)(session.as_ptr(), &raw mut metadata) };
        // SAFETY: the metadata were made by this call, for us.
        let metadata =
            unsafe { Owned::from_call(api, "SessionGetModelMetadata", status, metadata) }?;
        let inputs = Side {
            count: ("SessionGetInputCount", api.SessionGetInputCount),
            name: ("SessionGetInputName", api.SessionGetInputName),
            type_info: ("SessionGetInputTypeInfo", api.SessionGetInputTypeInfo),
        };
        let outputs = Side {
            count: ("SessionGetOutputCount", api.SessionGetOutputCount),
            name: ("SessionGetOutputName", api.SessionGetOutputName),
            type_info: ("SessionGetOutputTypeInfo", api.SessionGetOutputTypeInfo),
        };
        Ok(Self {
            inputs: ports(library, &session, &inputs)?,
            outputs: ports(library, &session, &outputs)?,
            metadata,
            session,
            terminator: Terminator::new(library)?,
            scratch: Scratch::default(),
            library: library.clone(),
        })
    }

    /// The model's inputs.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The model's outputs.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// What ends this session's runs from another thread.
    pub fn terminator(&self) -> Terminator {
        self.terminator.clone()
    }

    /// What the file says under this key in its `metadata_props`.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn metadata(&self, key: &str) -> Result<Option<String>, Error> {
        // No key of a file has a NUL byte that would be found by it.
        let Ok(key) = CString::new(key) else {
            return Ok(None);
        };
        let api = self.library.api();
        let (metadata, allocator) = (self.metadata.as_ptr(), self.library.allocator());
        let look_up = api.ModelMetadataLookupCustomMetadataMap;
        let mut value = ptr::null_mut();
        // SAFETY: metadata, the allocator, a C string and a place for a pointer.
        let status = unsafe { look_up(metadata, allocator, key.as_ptr(), &raw mut value) };
        // SAFETY: the status is this call's.
        unsafe { check(api, "ModelMetadataLookupCustomMetadataMap", status) }?;
        // SAFETY: the text is NULL or a C string of this allocator, for us.
        let value = unsafe { taken(&self.library, value) }?;
        Ok(value.map(|value| value.to_string_lossy().into_owned()))
    }

    /// Runs the model on its first input, and hands each of `outputs` (places in
    /// [`Self::outputs`]) to `take` with its place, shape and elements, in that order.
    ///
    /// # Errors
    /// [`Error::Call`], also where the run was ended by a [`Terminator`]; [`Error::Output`];
    /// [`Error::Answer`], also where an output holds neither `f32` nor `f16`.
    pub fn run(
        &mut self,
        shape: &[usize],
        input: Elements<'_>,
        outputs: &[usize],
        take: &mut dyn FnMut(usize, &[usize], Elements<'_>),
    ) -> Result<(), Error> {
        let Self {
            session,
            terminator,
            scratch,
            library,
            ..
        } = self;
        let Some(port) = self.inputs.first() else {
            return Err(nothing("SessionGetInputCount"));
        };
        let sizes = shape
            .iter()
            .map(|&size| i64::try_from(size).unwrap_or(i64::MAX));
        scratch.sizes.clear();
        scratch.sizes.extend(sizes);
        let value = tensor(library, &scratch.sizes, input)?;
        scratch.names.clear();
        for &output in outputs {
            let port = self.outputs.get(output);
            let port = port.ok_or(Error::Output { output })?;
            scratch.names.push(port.name.as_ptr());
        }
        let api = library.api();
        let answers = Answers::new(&mut scratch.values, outputs.len(), api.ReleaseValue);
        let (input_name, input_value) = (port.name.as_ptr(), value.as_ptr().cast_const());
        // SAFETY: a session that is this thread's alone, run options, one name and one value of an
        // input, and as many names as places of outputs. All of them outlive the call.
        let status = unsafe {
            (api.Run)(
                session.as_ptr(),
                terminator.options(),
                &raw const input_name,
                &raw const input_value,
                1,
                scratch.names.as_ptr(),
                outputs.len(),
                answers.values.as_mut_ptr(),
            )
        };
        // SAFETY: the status is this call's.
        unsafe { check(api, "Run", status) }?;
        for (&output, &value) in outputs.iter().zip(answers.values.iter()) {
            if value.is_null() {
                return Err(nothing("Run"));
            }
            // SAFETY: an answer, which lives as long as `answers`.
            let elements = unsafe { read(library, value, &mut scratch.sizes, &mut scratch.shape) }?;
            take(output, &scratch.shape, elements);
        }
        // Here, so that it is not moved before the last use of what it holds.
        drop(answers);
        Ok(())
    }
}

/// Outputs of a run, released when this goes.
struct Answers<'a> {
    values: &'a mut Vec<*mut sys::Value>,
    release: sys::types::ReleaseValue,
}

impl<'a> Answers<'a> {
    /// So many places for outputs.
    fn new(
        values: &'a mut Vec<*mut sys::Value>,
        count: usize,
        release: sys::types::ReleaseValue,
    ) -> Self {
        values.clear();
        values.resize(count, ptr::null_mut());
        Self { values, release }
    }
}

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        for value in self.values.drain(..).filter(|value| !value.is_null()) {
            // SAFETY: the library put it here for us, and nobody else releases it.
            unsafe { (self.release)(value) };
        }
    }
}

/// The library's own form of the options.
fn c_options(
    library: &Library,
    options: &SessionOptions,
) -> Result<Owned<sys::SessionOptions>, Error> {
    let api = library.api();
    let mut made = ptr::null_mut();
    // SAFETY: a place for a pointer.
    let status = unsafe { (api.CreateSessionOptions)(&raw mut made) };
    // SAFETY: the options were made by this call, for us.
    let made = unsafe { Owned::from_call(api, "CreateSessionOptions", status, made) }?;
    let set_level = api.SetSessionGraphOptimizationLevel;
    // SAFETY: options and one of the library's own numbers.
    let status = unsafe { set_level(made.as_ptr(), sys::OPTIMIZE_ALL) };
    // SAFETY: the status is this call's.
    unsafe { check(api, "SetSessionGraphOptimizationLevel", status) }?;
    // SAFETY: options.
    let status = unsafe { (api.EnableMemPattern)(made.as_ptr()) };
    // SAFETY: the status is this call's.
    unsafe { check(api, "EnableMemPattern", status) }?;
    for key in NO_SPINNING {
        // SAFETY: options and two C strings, which are copied.
        let status =
            unsafe { (api.AddSessionConfigEntry)(made.as_ptr(), key.as_ptr(), c"0".as_ptr()) };
        // SAFETY: the status is this call's.
        unsafe { check(api, "AddSessionConfigEntry", status) }?;
    }
    if let Some(threads) = options.threads {
        let threads = c_int::try_from(threads.get()).unwrap_or(c_int::MAX);
        // SAFETY: options and a number.
        let status = unsafe { (api.SetIntraOpNumThreads)(made.as_ptr(), threads) };
        // SAFETY: the status is this call's.
        unsafe { check(api, "SetIntraOpNumThreads", status) }?;
    }
    Ok(made)
}

/// A tensor of the caller's elements, which it must not outlive.
fn tensor(
    library: &Library,
    sizes: &[i64],
    elements: Elements<'_>,
) -> Result<Owned<sys::Value>, Error> {
    let api = library.api();
    let (data, bytes, number) = match elements {
        Elements::F32(elements) => (
            elements.as_ptr().cast_mut().cast(),
            size_of_val(elements),
            sys::FLOAT,
        ),
        Elements::F16(elements) => (
            elements.as_ptr().cast_mut().cast(),
            size_of_val(elements),
            sys::FLOAT16,
        ),
    };
    let make = api.CreateTensorWithDataAsOrtValue;
    let (memory, sizes, axes) = (library.memory(), sizes.as_ptr(), sizes.len());
    let mut value = ptr::null_mut();
    // SAFETY: information on memory, so many bytes there, which runs only read, so many sizes, an
    // element type, and a place for a pointer. The library refuses sizes that don't fit the bytes.
    let status = unsafe { make(memory, data, bytes, sizes, axes, number, &raw mut value) };
    // SAFETY: the tensor was made by this call, for us.
    unsafe { Owned::from_call(api, "CreateTensorWithDataAsOrtValue", status, value) }
}

/// A tensor's elements, and its shape into `shape`.
///
/// # Safety
/// `value` is a value of the library that lives as long as the result.
unsafe fn read<'a>(
    library: &Library,
    value: *mut sys::Value,
    sizes: &mut Vec<i64>,
    shape: &mut Vec<usize>,
) -> Result<Elements<'a>, Error> {
    let api = library.api();
    let mut info = ptr::null_mut();
    // SAFETY: a value and a place for a pointer.
    let status = unsafe { (api.GetTensorTypeAndShape)(value, &raw mut info) };
    // SAFETY: the information was made by this call, for us.
    let info = unsafe { Owned::from_call(api, "GetTensorTypeAndShape", status, info) }?;
    // SAFETY: a tensor's information.
    let element_type = unsafe { describe(library, info.as_ptr(), sizes) }?;
    shape.clear();
    shape.extend(sizes.iter().map_while(|&size| usize::try_from(size).ok()));
    let count = shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
        .filter(|_| shape.len() == sizes.len());
    // Slices have no more bytes than this.
    let count = count.filter(|&count| count <= isize::MAX as usize / size_of::<f32>());
    let Some(count) = count else {
        return Err(Error::Answer {
            function: "GetDimensions",
            found: format!("{sizes:?}"),
        });
    };
    let mut data = ptr::null_mut();
    // SAFETY: a tensor and a place for a pointer.
    let status = unsafe { (api.GetTensorMutableData)(value, &raw mut data) };
    // SAFETY: the status is this call's.
    unsafe { check(api, "GetTensorMutableData", status) }?;
    if data.is_null() && count > 0 {
        return Err(nothing("GetTensorMutableData"));
    }
    match element_type {
        // A tensor of nothing may lie nowhere.
        ElementType::F32 if count == 0 => Ok(Elements::F32(&[])),
        ElementType::F16 if count == 0 => Ok(Elements::F16(&[])),
        ElementType::F32 => {
            // SAFETY: a tensor of this type and shape has so many elements, aligned, as long as
            // the value lives.
            let elements = unsafe { slice::from_raw_parts(data.cast::<f32>(), count) };
            Ok(Elements::F32(elements))
        }
        ElementType::F16 => {
            // SAFETY: as above.
            let elements = unsafe { slice::from_raw_parts(data.cast::<u16>(), count) };
            Ok(Elements::F16(elements))
        }
        ElementType::Other(name) => Err(Error::Answer {
            function: "Run",
            found: format!("with elements of {name}, no floating point"),
        }),
    }
}
