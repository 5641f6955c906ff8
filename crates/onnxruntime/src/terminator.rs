//! Ending a run from another thread.

use std::{ptr, sync::Arc};

use crate::{
    Error, Library,
    object::{Owned, check},
    sys,
};

/// Ends a session's run from any thread.
#[derive(Clone)]
pub struct Terminator {
    shared: Arc<Shared>,
}

/// Options of a session's runs. Before the library, so that they are released first.
struct Shared {
    options: Owned<sys::RunOptions>,
    library: Library,
}

// SAFETY: the options are only read by runs, and the flag in them is documented to be set from
// another thread; nothing else of them changes.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Terminator {
    pub(crate) fn new(library: &Library) -> Result<Self, Error> {
        let api = library.api();
        let mut options = ptr::null_mut();
        // SAFETY: a place for a pointer.
        let status = unsafe { (api.CreateRunOptions)(&raw mut options) };
        // SAFETY: the options were made by this call, for us.
        let options = unsafe { Owned::from_call(api, "CreateRunOptions", status, options) }?;
        let library = library.clone();
        Ok(Self {
            shared: Arc::new(Shared { options, library }),
        })
    }

    /// Makes the session's run end soon with an error, and all its later runs at once.
    ///
    /// # Errors
    /// [`Error::Call`].
    pub fn terminate(&self) -> Result<(), Error> {
        let api = self.shared.library.api();
        // SAFETY: run options, which live as long as this.
        let status = unsafe { (api.RunOptionsSetTerminate)(self.options()) };
        // SAFETY: the status is this call's.
        unsafe { check(api, "RunOptionsSetTerminate", status) }
    }

    pub(crate) fn options(&self) -> *mut sys::RunOptions {
        self.shared.options.as_ptr()
    }
}
