//! Which zoo's HEFs fit the libhailort of this machine, since a library may refuse a newer HEF.
//!
//! The version is in the name of the library's file, so nothing is loaded.

use std::{
    env,
    ffi::OsStr,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use hailort::Version;

use crate::Manifest;

/// Where libraries lie.
const FOLDERS: [&str; 4] = ["usr/local/lib", "usr/lib", "lib", "opt/hailo/lib"];

/// A libhailort that this machine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledLibrary {
    /// By its file's name.
    pub version: Version,
    /// Its file.
    pub path: PathBuf,
}

impl InstalledLibrary {
    /// The newest one that the loader knows or that lies in a usual folder.
    pub fn find() -> Option<Self> {
        newest(
            known_to_the_loader()
                .into_iter()
                .chain(in_folders(Path::new("/"))),
        )
    }
}

/// The newest of some paths, of which many may be links to one file, or to nothing.
fn newest(paths: impl Iterator<Item = PathBuf>) -> Option<InstalledLibrary> {
    paths
        .filter_map(|path| {
            let path = fs::canonicalize(path).ok().filter(|path| path.is_file())?;
            let version = version(path.file_name()?)?;
            Some(InstalledLibrary { version, path })
        })
        .max_by_key(|library| library.version)
}

/// `libhailort.so.X.Y.Z`; a plain name says no version.
fn version(name: &OsStr) -> Option<Version> {
    let mut numbers = name.to_str()?.strip_prefix("libhailort.so.")?.split('.');
    let mut number = || numbers.next()?.parse().ok();
    let version = Version {
        major: number()?,
        minor: number()?,
        revision: number()?,
    };
    numbers.next().is_none().then_some(version)
}

/// What the loader's cache lists, if there is an `ldconfig` to say it.
fn known_to_the_loader() -> Vec<PathBuf> {
    // Debian has it in a folder that only root looks in.
    let mut folders = env::var_os("PATH").unwrap_or_default();
    folders.push(":/usr/sbin:/sbin");
    let Ok(listed) = Command::new("ldconfig")
        .arg("-p")
        .env("PATH", folders)
        .output()
    else {
        return Vec::new();
    };
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|line| line.trim_start().starts_with("libhailort.so"))
        .filter_map(|line| Some(PathBuf::from(line.split_once(" => ")?.1)))
        .collect()
}

/// What lies in the usual folders below a root.
fn in_folders(root: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
    let name_holds = |path: &Path, part: &str| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().contains(part))
    };
    let mut found = Vec::new();
    for folder in FOLDERS {
        let plain = root.join(folder);
        // lib64, and Debian's folder for each processor.
        let mut folders = vec![plain.with_file_name("lib64")];
        folders.extend(
            entries(&plain)
                .map(|entry| entry.path())
                .filter(|path| name_holds(path, "-linux-gnu")),
        );
        folders.push(plain);
        for folder in folders {
            found.extend(
                entries(&folder)
                    .map(|entry| entry.path())
                    .filter(|path| name_holds(path, "libhailort.so")),
            );
        }
    }
    found
}

/// A version of HailoRT that no zoo fits.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// A version that can't be one.
    #[error("'{version}' is no version of HailoRT such as 4.23")]
    NotAVersion {
        /// What was asked for.
        version: String,
    },
    /// A version that fastsamd does not work with.
    #[error("fastsamd works with HailoRT {known}, not {version}")]
    NoZooFits {
        /// Those that it works with.
        known: String,
        /// What was asked for.
        version: String,
    },
}

/// Which zoo was taken, and why; says so as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZooChoice {
    /// The zoo's version, such as `v2.17.0`.
    pub zoo: String,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    Asked,
    FitsNamed {
        version: String,
    },
    Fits {
        library: InstalledLibrary,
    },
    NoLibrary {
        newest: [u32; 2],
    },
    NoneFits {
        library: InstalledLibrary,
        newest: [u32; 2],
    },
}

impl ZooChoice {
    /// The zoo that was asked for.
    pub fn asked(zoo: &str) -> Self {
        Self {
            zoo: zoo.to_owned(),
            why: Why::Asked,
        }
    }

    /// The zoo that fits a library by its version, such as `4.23` or `4.23.0`.
    ///
    /// # Errors
    /// [`VersionError::NotAVersion`], [`VersionError::NoZooFits`].
    pub fn for_version(manifest: &Manifest, version: &str) -> Result<Self, VersionError> {
        let numbers: Option<Vec<u32>> = version
            .split('.')
            .map(|number| number.parse().ok())
            .collect();
        let Some([major, minor] | [major, minor, _]) = numbers.as_deref() else {
            return Err(VersionError::NotAVersion {
                version: version.to_owned(),
            });
        };
        let zoos = manifest.zoos();
        match zoos.iter().find(|(line, _)| line == &[*major, *minor]) {
            Some((_, zoo)) => Ok(Self {
                zoo: (*zoo).to_owned(),
                why: Why::FitsNamed {
                    version: version.to_owned(),
                },
            }),
            None => {
                let known: Vec<_> = zoos.iter().map(|(line, _)| shown(*line)).collect();
                Err(VersionError::NoZooFits {
                    known: known.join(", "),
                    version: version.to_owned(),
                })
            }
        }
    }

    /// The zoo that fits the library of this machine; without one that fastsamd works with, the zoo
    /// of the newest that it does. `None` of a manifest without zoos.
    pub fn for_installed(manifest: &Manifest, library: Option<InstalledLibrary>) -> Option<Self> {
        let zoos = manifest.zoos();
        let &(newest, newest_zoo) = zoos.last()?;
        let fitting = library.as_ref().and_then(|library| {
            let line = [library.version.major, library.version.minor];
            zoos.iter().find(|(known, _)| *known == line)
        });
        let (zoo, why) = match (library, fitting) {
            (None, _) => (newest_zoo, Why::NoLibrary { newest }),
            (Some(library), Some((_, zoo))) => (*zoo, Why::Fits { library }),
            (Some(library), None) => (newest_zoo, Why::NoneFits { library, newest }),
        };
        Some(Self {
            zoo: zoo.to_owned(),
            why,
        })
    }

    /// The HailoRT that it was chosen for, for errors: ` for HailoRT 4.23`.
    pub(crate) fn for_hailort(&self) -> String {
        match &self.why {
            Why::Asked => String::new(),
            Why::FitsNamed { version } => format!(" for HailoRT {version}"),
            Why::Fits { library } | Why::NoneFits { library, .. } => {
                format!(" for HailoRT {}", library.version)
            }
            Why::NoLibrary { newest } => format!(" for HailoRT {}", shown(*newest)),
        }
    }
}

impl fmt::Display for ZooChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zoo = &self.zoo;
        match &self.why {
            Why::Asked => write!(f, "taking zoo {zoo}, as you asked"),
            Why::FitsNamed { version } => {
                write!(f, "taking zoo {zoo}, which fits HailoRT {version}")
            }
            Why::Fits { library } => write!(
                f,
                "taking zoo {zoo}, which fits libhailort {} ({})",
                library.version,
                library.path.display()
            ),
            Why::NoLibrary { newest } => write!(
                f,
                "found no libhailort: taking zoo {zoo}, which HailoRT {} runs (--library-version \
                 chooses for another)",
                shown(*newest)
            ),
            Why::NoneFits { library, newest } => write!(
                f,
                "libhailort {} ({}) is none that fastsamd works with: taking zoo {zoo}, for HailoRT {}",
                library.version,
                library.path.display(),
                shown(*newest)
            ),
        }
    }
}

fn shown([major, minor]: [u32; 2]) -> String {
    format!("{major}.{minor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where a machine has these files.
    fn found(files: &[&str]) -> Option<InstalledLibrary> {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
        }
        newest(in_folders(root.path()).into_iter())
    }

    #[test]
    fn the_zoo_fits_the_library() {
        let manifest = Manifest::built_in().unwrap();
        let debian = |version| format!("usr/lib/aarch64-linux-gnu/libhailort.so.{version}");
        let other = "usr/local/lib/libhailort.so.4.22.0";
        // Libraries, the zoo, and what is said of it.
        let cases: [(&[&str], &str, &str); 11] = [
            (&[&debian("4.20.0")], "v2.14.0", "fits libhailort 4.20.0"),
            (&[&debian("4.20.1")], "v2.14.0", "fits libhailort 4.20.1"),
            (&[&debian("4.21.0")], "v2.15.0", "fits libhailort 4.21.0"),
            (&[&debian("4.22.0")], "v2.16.0", "fits libhailort 4.22.0"),
            (&[&debian("4.23.0")], "v2.17.0", "fits libhailort 4.23.0"),
            // Of several, the newest.
            (&[&debian("4.21.0"), other], "v2.16.0", other),
            (&[other, &debian("4.21.0")], "v2.16.0", other),
            (&["usr/lib64/libhailort.so.4.21.0"], "v2.15.0", "4.21.0"),
            (&[&debian("5.2.0")], "v2.17.0", "libhailort 5.2.0 ("),
            (&[], "v2.17.0", "found no libhailort"),
            // A plain name says no version.
            (&["usr/lib/libhailort.so"], "v2.17.0", "found no libhailort"),
        ];
        for (libraries, zoo, words) in cases {
            let choice = ZooChoice::for_installed(&manifest, found(libraries)).unwrap();
            assert_eq!(choice.zoo, zoo, "{libraries:?}");
            assert!(choice.to_string().contains(words), "{words}: {choice}");
        }
    }

    #[test]
    fn links_lead_to_the_file_whose_name_counts() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("usr/lib");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("libhailort.so.4.21.0"), "").unwrap();
        for (link, to) in [
            ("libhailort.so", "libhailort.so.4.21.0"),
            // To nothing.
            ("libhailort.so.4.23.0", "gone"),
        ] {
            std::os::unix::fs::symlink(to, folder.join(link)).unwrap();
        }
        let library = newest(in_folders(root.path()).into_iter()).unwrap();
        assert_eq!(library.version.to_string(), "4.21.0");
    }

    #[test]
    fn a_named_library_has_a_zoo_or_is_the_users_error() {
        let manifest = Manifest::built_in().unwrap();
        for version in ["4.20", "4.20.1"] {
            let choice = ZooChoice::for_version(&manifest, version).unwrap();
            assert_eq!(choice.zoo, "v2.14.0");
        }
        for (version, words) in [
            (
                "5.2",
                "fastsamd works with HailoRT 4.20, 4.21, 4.22, 4.23, not 5.2",
            ),
            ("new", "'new' is no version of HailoRT such as 4.23"),
            ("4", "'4' is no version"),
            ("4.2.3.4", "'4.2.3.4' is no version"),
        ] {
            let error = ZooChoice::for_version(&manifest, version).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
