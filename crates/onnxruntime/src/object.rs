//! Objects of the library, and what its calls answer.

use std::{
    ffi::{CStr, c_char},
    ptr::NonNull,
};

use crate::{
    Error,
    sys::{self, Api},
};

/// What the library makes and the caller has to release.
pub(crate) trait Release {
    /// The function that releases it.
    fn release(api: &Api) -> unsafe extern "C" fn(*mut Self);
}

macro_rules! released {
    ($($object:ident by $function:ident)*) => {$(
        impl Release for sys::$object {
            fn release(api: &Api) -> unsafe extern "C" fn(*mut Self) {
                api.$function
            }
        }
    )*};
}

released! {
    Env by ReleaseEnv
    MemoryInfo by ReleaseMemoryInfo
    ModelMetadata by ReleaseModelMetadata
    RunOptions by ReleaseRunOptions
    Session by ReleaseSession
    SessionOptions by ReleaseSessionOptions
    TensorInfo by ReleaseTensorTypeAndShapeInfo
    TypeInfo by ReleaseTypeInfo
    Value by ReleaseValue
}

/// An object that is released once, when this goes.
pub(crate) struct Owned<T: Release> {
    pointer: NonNull<T>,
    release: unsafe extern "C" fn(*mut T),
}

impl<T: Release> Owned<T> {
    /// Takes what a call made, if it made something.
    ///
    /// # Safety
    /// `status` is that call's answer, not looked at yet. Where it is success, `made` is NULL or an
    /// object of this type that nobody else releases, nor uses when this is gone.
    pub(crate) unsafe fn from_call(
        api: &Api,
        function: &'static str,
        status: *mut sys::Status,
        made: *mut T,
    ) -> Result<Self, Error> {
        // SAFETY: as the caller promises.
        unsafe { check(api, function, status) }?;
        let pointer = NonNull::new(made).ok_or_else(|| nothing(function))?;
        let release = T::release(api);
        Ok(Self { pointer, release })
    }

    pub(crate) fn as_ptr(&self) -> *mut T {
        self.pointer.as_ptr()
    }
}

impl<T: Release> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: nobody else releases it, and this happens once.
        unsafe { (self.release)(self.pointer.as_ptr()) }
    }
}

/// What a call that should have made something, and made nothing, comes to.
pub(crate) fn nothing(function: &'static str) -> Error {
    Error::Answer {
        function,
        found: "nothing".to_owned(),
    }
}

/// What a call answered, as a result.
///
/// # Safety
/// `status` is NULL or a status that a call just answered with, and that nobody else releases.
pub(crate) unsafe fn check(
    api: &Api,
    function: &'static str,
    status: *mut sys::Status,
) -> Result<(), Error> {
    if status.is_null() {
        return Ok(());
    }
    // SAFETY: the status is valid.
    let message = unsafe { (api.GetErrorMessage)(status) };
    // SAFETY: the message is NULL or a C string that lives as long as the status.
    let message = unsafe { text(message) }.unwrap_or_default();
    // SAFETY: nobody else releases it, and the message was copied.
    unsafe { (api.ReleaseStatus)(status) };
    let words: Vec<&str> = message.split_whitespace().collect();
    Err(Error::Call {
        function,
        message: words.join(" "),
    })
}

/// A copy of a text; nothing of NULL.
///
/// # Safety
/// `text` is NULL or a C string.
pub(crate) unsafe fn text(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(text) };
    Some(text.to_string_lossy().into_owned())
}
