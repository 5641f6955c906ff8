//! HEFs, checked before the library sees them.
//!
//! The library crashes on files that it should refuse. So a file is read here first
//! ([`CheckedHef`]): size, magic, the container's own hash, its description, and if given the file's
//! sha256. What is known to kill the library is refused, and the library then gets the very bytes
//! that were checked. A [`Trial`](crate::Trial) between the two catches what nobody foresaw.

use std::{
    ffi::CString,
    path::{Path, PathBuf},
    ptr::{self, NonNull},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hailort_sys::{_hailo_hef, hailo_hef, hailo_network_group_info_t, hailo_vstream_info_t};

use crate::{
    Error, Library, VStreamInfo,
    call::{check, function},
    hef_file::{Contents, HefFile, MAX_NETWORK_GROUPS},
    text::text,
};

/// The most streams that the library allows.
const MAX_VSTREAMS: usize = 40;
/// The longest name of a network group, in bytes.
const MAX_NAME: usize = 127;

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
    contents: Arc<Contents>,
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

/// A HEF that has been read and found to be none that kills the library.
pub struct CheckedHef {
    path: PathBuf,
    file: HefFile,
    contents: Contents,
}

impl CheckedHef {
    /// Reads a HEF and checks all that can be without the library.
    ///
    /// Fails with [`Error::Hef`] for what is no HEF, is damaged, has not the sha256, is of a
    /// container version that no library of 4.20 to 4.23 knows, or would crash the library.
    pub fn read(path: &Path, sha256: Option<[u8; 32]>) -> Result<Self, Error> {
        let named = |cause| Error::Hef {
            path: path.to_owned(),
            cause,
        };
        let file = HefFile::read(path).map_err(named)?;
        if let Some(expected) = sha256 {
            file.verify_sha256(expected).map_err(named)?;
        }
        file.verify().map_err(named)?;
        let contents = file.contents().map_err(named)?;
        contents.check().map_err(named)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            contents,
        })
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it describes.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The sha256 of the whole file.
    pub fn sha256(&self) -> [u8; 32] {
        self.file.sha256()
    }

    /// Hands it to the library.
    ///
    /// Fails with [`Error::HefRefused`] where the library does not take it.
    #[doc(alias = "hailo_create_hef_buffer")]
    pub fn open(self, library: &Library) -> Result<Hef, Error> {
        const FUNCTION: &str = "hailo_create_hef_buffer";
        let mut handle = ptr::null_mut();
        let create = function!(library, hailo_create_hef_buffer)?;
        let bytes = self.file.bytes();
        // SAFETY: the pointer and the length are a slice's, of at least 56 bytes; the library
        // copies them. The handle is written on success only.
        let status = unsafe { create(&raw mut handle, bytes.as_ptr().cast(), bytes.len()) };
        check(FUNCTION, status).map_err(|error| error.of_hef(&self.path))?;
        let handle = NonNull::new(handle).ok_or(Error::Answer {
            function: FUNCTION,
            found: "NULL".to_owned(),
            expected: "a HEF",
        })?;
        Ok(Hef {
            handle: Arc::new(HefHandle {
                hef: Mutex::new(RawHef(handle)),
                library: library.clone(),
            }),
            path: self.path,
            contents: Arc::new(self.contents),
        })
    }
}

impl std::fmt::Debug for CheckedHef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckedHef({})", self.path.display())
    }
}

impl Hef {
    /// Reads a HEF, checks it as [`CheckedHef::read`] does, and hands it to the library.
    pub fn open(library: &Library, path: &Path, sha256: Option<[u8; 32]>) -> Result<Self, Error> {
        CheckedHef::read(path, sha256)?.open(library)
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it describes, as read without the library.
    pub fn contents(&self) -> &Contents {
        &self.contents
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
        check("hailo_get_network_groups_infos", status)
            .map_err(|error| error.of_hef(&self.path))?;
        Ok(infos
            .iter()
            .take(count)
            .map(|info| NetworkGroupInfo {
                name: text(&info.name),
                is_multi_context: info.is_multi_context,
            })
            .collect())
    }

    /// The inputs and outputs of a network group.
    ///
    /// The name is not left out, since of several groups the library then takes the last. An
    /// unknown one is answered with status 61 (`HAILO_NOT_FOUND`).
    #[doc(alias = "hailo_hef_get_all_vstream_infos")]
    pub fn vstreams(&self, network_group: &str) -> Result<Vec<VStreamInfo>, Error> {
        let name = CString::new(network_group).map_err(|_| Error::Text {
            what: "the network group",
            text: network_group.to_owned(),
            limit: MAX_NAME,
        })?;
        let mut infos = [hailo_vstream_info_t::default(); MAX_VSTREAMS];
        let mut count = infos.len();
        let get = function!(self.handle.library, hailo_hef_get_all_vstream_infos)?;
        let hef = self.handle.lock();
        // SAFETY: the HEF is alive and locked; the name is a text that outlives the call; `infos`
        // has room for `count`.
        let status = unsafe {
            get(
                hef.as_ptr(),
                name.as_ptr(),
                infos.as_mut_ptr(),
                &raw mut count,
            )
        };
        drop(hef);
        check("hailo_hef_get_all_vstream_infos", status)
            .map_err(|error| error.of_hef(&self.path))?;
        Ok(infos.iter().take(count).map(VStreamInfo::from_c).collect())
    }
}

impl std::fmt::Debug for Hef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hef({})", self.path.display())
    }
}
