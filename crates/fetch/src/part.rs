//! What has come of a file so far: `.NAME.part`, and in `.NAME.part.from` where it came from.
//!
//! The second file is why a part is never continued with another file's bytes: it names the URL and
//! the `ETag` that the server gave.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A part, locked against other processes for as long as this lives.
pub(crate) struct Part {
    path: PathBuf,
    from: PathBuf,
    file: File,
    length: u64,
}

impl Part {
    /// Opens the part for a file, or begins one. `None`: another process is at work on it.
    pub(crate) fn open(target: &Path) -> io::Result<Option<Self>> {
        let path = beside(target, ".part");
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let length = file.metadata()?.len();
        Ok(Some(Self {
            from: beside(target, ".part.from"),
            path,
            file,
            length,
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes there are.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Whether what is there came from this URL, and the `ETag` that came with it.
    pub(crate) fn is_from(&self, url: &str) -> Option<Option<String>> {
        if self.length == 0 {
            return None;
        }
        let text = fs::read_to_string(&self.from).ok()?;
        let mut lines = text.lines();
        (lines.next() == Some(url)).then(|| lines.next().map(str::to_owned))
    }

    /// Begins anew with what this URL gives.
    pub(crate) fn restart(&mut self, url: &str, etag: Option<&str>) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        fs::write(&self.from, format!("{url}\n{}", etag.unwrap_or_default()))
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Makes it last.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Removes it and what belongs to it.
    pub(crate) fn remove(self) {
        // Removed or renamed already: all the same.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.from);
    }
}

/// A hidden file beside another, so that nobody takes it for a model.
pub(crate) fn beside(target: &Path, ending: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(ending);
    target.with_file_name(name)
}
