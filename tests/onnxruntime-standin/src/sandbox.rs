//! What tests need of the stand-in: where it is, and a copy of their own.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// The built library.
///
/// Cargo builds it before any test that depends on this package, and puts it beside the test.
pub fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    // target/PROFILE/deps/TEST
    test.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join("libonnxruntime_standin.so"))
        .find(|path| path.exists())
        .unwrap_or_else(|| PathBuf::from("libonnxruntime_standin.so"))
}

/// A stand-in of its own: a copy of the library in a folder, with its script and its report.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// A copy with this script.
    pub fn new(script: &str) -> io::Result<Self> {
        let sandbox = Self {
            folder: tempfile::tempdir()?,
        };
        fs::copy(library(), sandbox.library())?;
        sandbox.script(script)?;
        Ok(sandbox)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The library.
    pub fn library(&self) -> PathBuf {
        self.folder.path().join("libonnxruntime.so")
    }

    /// Replaces the script; seen with the library's next call.
    pub fn script(&self, script: &str) -> io::Result<()> {
        // At once, so that half of it is never read.
        let new = self.folder.path().join("new.control");
        fs::write(&new, script)?;
        fs::rename(new, self.folder.path().join("libonnxruntime.so.control"))
    }

    /// Objects that the caller has made and not released.
    ///
    /// # Panics
    ///
    /// If the copy can't be opened.
    #[allow(clippy::expect_used)]
    pub fn live(&self) -> usize {
        type Live = unsafe extern "C" fn() -> usize;
        // SAFETY: our own library, whose initialisers do nothing.
        let library = unsafe { libloading::Library::new(self.library()) }.expect("the stand-in");
        // SAFETY: the function has this type.
        let live = unsafe { library.get::<Live>("onnxruntime_standin_live") }.expect("a function");
        // SAFETY: it takes nothing and reads a number.
        unsafe { live() }
    }

    /// What the caller did wrong so far, a line each.
    pub fn report(&self) -> Vec<String> {
        fs::read_to_string(self.folder.path().join("libonnxruntime.so.report"))
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}
