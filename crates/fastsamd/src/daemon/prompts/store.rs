//! What is kept over a restart: a folder of the daemon's own.

use std::{fs, io::Write as _, path::PathBuf};

use anyhow::Context;
use configuration::{Config, StandingPrompt};
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

    /// Where embeddings of texts are kept.
    pub(crate) fn embeddings(&self) -> PathBuf {
        self.folder.join("text-embeddings.json")
    }

    fn prompts(&self) -> PathBuf {
        self.folder.join("prompts.json")
    }

    pub(crate) fn read(&self) -> anyhow::Result<Vec<StandingPrompt>> {
        let path = self.prompts();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).context(path.display().to_string()),
        };
        serde_json::from_slice(&text).with_context(|| path.display().to_string())
    }

    /// Replaces the file as a whole, so that half of it is never read.
    pub(crate) fn write(&self, standing: &[StandingPrompt]) -> anyhow::Result<()> {
        let path = self.prompts();
        let text = serde_json::to_vec_pretty(standing)?;
        // Under a name that nobody can foresee, and readable by this user alone.
        let new = NamedTempFile::new_in(&self.folder);
        new.and_then(|mut new| {
            new.write_all(&text)?;
            new.persist(&path)?;
            Ok(())
        })
        .with_context(|| path.display().to_string())
    }
}
