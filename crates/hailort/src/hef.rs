//! HEFs, checked before the library sees them.

use std::{
    path::{Path, PathBuf},
    ptr::{self, NonNull},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hailort_sys::{_hailo_hef, hailo_hef, hailo_network_group_info_t, hailo_vstream_info_t};

use crate::{
    Error, HefFileError, Library, VStreamInfo,
    call::{check, function},
    hef_file::HefFile,
    text::text,
};

/// The most network groups that the library allows in a HEF.
const MAX_NETWORK_GROUPS: usize = 8;
/// The most streams that the library allows.
const MAX_VSTREAMS: usize = 40;

/// A network group in a HEF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkGroupInfo {
    /// Its name, such as `fast_sam_s`.
    pub name: String,
    /// Whether it is too large for the chip at once: batches pay then.
    pub is_multi_context: bool,
}

/// A compiled network, read by the library.
#[derive(Clone)]
#[doc(alias = "hailo_create_hef_buffer")]
pub struct Hef {
    pub(crate) handle: Arc<HefHandle>,
    path: PathBuf,
}

/// The library's HEF, released once nothing refers to it.
pub(crate) struct HefHandle {
    /// Calls on the HEF hold the lock: configuring takes it as something that may change.
    hef: Mutex<RawHef>,
    library: Library,
}

/// The library's pointer to a HEF.
pub(crate) struct RawHef(NonNull<_hailo_hef>);

// SAFETY: the library ties a HEF to no thread, and the mutex around it keeps calls from
// overlapping.
unsafe impl Send for RawHef {}

impl RawHef {
    pub(crate) fn as_ptr(&self) -> hailo_hef {
        self.0.as_ptr()
    }
}

impl HefHandle {
    /// Keeps other calls on the HEF out. Whoever needs the vdevice too locks that first.
    pub(crate) fn lock(&self) -> MutexGuard<'_, RawHef> {
        // The pointer never changes, so a panic elsewhere leaves it whole.
        self.hef.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HefHandle {
    fn drop(&mut self) {
        let hef = self.hef.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Ok(release) = &self.library.table.hailo_release_hef {
            // SAFETY: the handle came from hailo_create_hef_buffer and is released here only; a
            // vdevice it was configured on holds this object until it is released itself.
            unsafe { release(hef.as_ptr()) };
        }
    }
}

impl Hef {
    /// Reads a HEF and hands it to the library.
    ///
    /// The library crashes on an empty file, and on one with a good hash and a broken body. So
    /// size, magic, the container's own hash, its description and, if given, the file's sha256 are
    /// checked first, and the library gets the very bytes that were checked.
    pub fn open(library: &Library, path: &Path, sha256: Option<[u8; 32]>) -> Result<Self, Error> {
        let named = |cause| Error::Hef {
            path: path.to_owned(),
            cause,
        };
        let file = HefFile::read(path).map_err(named)?;
        if let Some(expected) = sha256 {
            file.verify_sha256(expected).map_err(named)?;
        }
        match file.verify().and_then(|()| file.contents()) {
            // A container newer than this crate is for the library to judge.
            Ok(_) | Err(HefFileError::Version(_)) => {}
            Err(cause) => return Err(named(cause)),
        }
        let mut handle = ptr::null_mut();
        let create = function!(library, hailo_create_hef_buffer)?;
        let bytes = file.bytes();
        // SAFETY: the pointer and the length are a slice's, of at least 56 bytes; the library
        // copies them. The handle is written on success only.
        let status = unsafe { create(&raw mut handle, bytes.as_ptr().cast(), bytes.len()) };
        check("hailo_create_hef_buffer", status)?;
        let handle = NonNull::new(handle).ok_or(Error::Answer {
            function: "hailo_create_hef_buffer",
            found: "NULL".to_owned(),
            expected: "a HEF",
        })?;
        Ok(Self {
            handle: Arc::new(HefHandle {
                hef: Mutex::new(RawHef(handle)),
                library: library.clone(),
            }),
            path: path.to_owned(),
        })
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The network groups in it.
    #[doc(alias = "hailo_get_network_groups_infos")]
    pub fn network_groups(&self) -> Result<Vec<NetworkGroupInfo>, Error> {
        let mut infos = [hailo_network_group_info_t::default(); MAX_NETWORK_GROUPS];
        let mut count = infos.len();
        let get = function!(self.handle.library, hailo_get_network_groups_infos)?;
        let hef = self.handle.lock();
        // SAFETY: the HEF is alive and locked; `infos` has room for `count` of them.
        let status = unsafe { get(hef.as_ptr(), infos.as_mut_ptr(), &raw mut count) };
        drop(hef);
        check("hailo_get_network_groups_infos", status)?;
        Ok(infos
            .iter()
            .take(count)
            .map(|info| NetworkGroupInfo {
                name: text(&info.name),
                is_multi_context: info.is_multi_context,
            })
            .collect())
    }

    /// The inputs and outputs of its first network group.
    #[doc(alias = "hailo_hef_get_all_vstream_infos")]
    pub fn vstreams(&self) -> Result<Vec<VStreamInfo>, Error> {
        let mut infos = [hailo_vstream_info_t::default(); MAX_VSTREAMS];
        let mut count = infos.len();
        let get = function!(self.handle.library, hailo_hef_get_all_vstream_infos)?;
        let hef = self.handle.lock();
        // SAFETY: the HEF is alive and locked; no name asks for the first group; `infos` has room
        // for `count`.
        let status = unsafe {
            get(
                hef.as_ptr(),
                ptr::null(),
                infos.as_mut_ptr(),
                &raw mut count,
            )
        };
        drop(hef);
        check("hailo_hef_get_all_vstream_infos", status)?;
        Ok(infos.iter().take(count).map(VStreamInfo::from_c).collect())
    }
}

impl std::fmt::Debug for Hef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hef({})", self.path.display())
    }
}
