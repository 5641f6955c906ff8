//! What is kept over a restart: files in a folder of the daemon's own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context;
use configuration::Config;
use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

/// The folder that keeps what is to outlive a restart.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    /// The configured folder, or the one that the service manager gives.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let given = || std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
        let folder = config.state_directory.clone().or_else(given)?;
        Some(Self { folder })
    }

    /// This folder.
    #[cfg(test)]
    pub(crate) fn at(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The path of a file.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.join(name)
    }

    /// What a file holds; `None` where there is none.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let path = self.path(name);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context(path.display().to_string()),
        };
        let value = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        Ok(Some(value))
    }

    /// Replaces a file as a whole, so that half of it is never read, after a power cut neither.
    pub(crate) fn write<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> anyhow::Result<()> {
        let path = self.path(name);
        let text = serde_json::to_vec_pretty(value)?;
        // Under a name that nobody can foresee, and readable by this user alone.
        let new = NamedTempFile::new_in(&self.folder);
        new.and_then(|mut new| {
            new.write_all(&text)?;
            new.as_file().sync_all()?;
            new.persist(&path)?;
            Ok(())
        })
        .with_context(|| path.display().to_string())
    }
}
