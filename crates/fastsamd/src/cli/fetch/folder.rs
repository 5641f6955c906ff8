//! Where a model is put: the folder that is named, the system's, or the user's own.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use fetch::Asset;

use crate::cli::exit;

/// Where the daemon's models lie by default.
const SYSTEM: &str = "/usr/share/fastsamd";

/// The folder for a model, made if need be.
pub(super) fn choose(named: Option<&Path>, asset: &Asset) -> anyhow::Result<PathBuf> {
    if let Some(folder) = named {
        make_writable(folder)
            .map_err(|error| anyhow::anyhow!("{} can't be written: {error}", folder.display()))?;
        return Ok(folder.to_owned());
    }
    let system = Path::new(SYSTEM).join(&asset.folder);
    let Err(error) = make_writable(&system) else {
        return Ok(system);
    };
    let users_own = match of_user(env::var_os("XDG_DATA_HOME"), env::home_dir()) {
        // The daemon would not look in root's home.
        Some(folder) if !rustix::process::geteuid().is_root() => folder.join(&asset.folder),
        _ => anyhow::bail!(
            "{} can't be written ({error}): use --out DIR",
            system.display()
        ),
    };
    make_writable(&users_own)
        .map_err(|error| anyhow::anyhow!("{} can't be written: {error}", users_own.display()))?;
    exit::tell(&format!(
        "{} can't be written without sudo: using {}",
        system.display(),
        users_own.display()
    ));
    Ok(users_own)
}

/// Where a user's own data of fastsamd lies, as the XDG Base Directory Specification says.
fn of_user(data_home: Option<std::ffi::OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let data_home = data_home
        .map(PathBuf::from)
        // "All paths must be absolute"; any other is to be ignored.
        .filter(|folder| folder.is_absolute())
        .or_else(|| Some(home?.join(".local/share")))?;
    Some(data_home.join("fastsamd"))
}

/// Makes a folder, and a file in it that nobody sees.
fn make_writable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    tempfile::tempfile_in(folder).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_own_folder() {
        let home = || Some(PathBuf::from("/home/me"));
        for (data_home, home, expected) in [
            (Some("/data"), home(), Some("/data/fastsamd")),
            (None, home(), Some("/home/me/.local/share/fastsamd")),
            (Some("data"), home(), Some("/home/me/.local/share/fastsamd")),
            (Some(""), home(), Some("/home/me/.local/share/fastsamd")),
            (None, None, None),
        ] {
            let found = of_user(data_home.map(Into::into), home);
            assert_eq!(found.as_deref(), expected.map(Path::new), "{data_home:?}");
        }
    }

    #[test]
    fn a_folder_is_made_and_left_empty() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        make_writable(&folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::write(root.path().join("file"), "").unwrap();
        assert!(make_writable(&root.path().join("file/b")).is_err());
    }
}
