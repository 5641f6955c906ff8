//! Which zoo's HEFs fit a libhailort, since a library may refuse a newer HEF.

use std::fmt;

use hailort::Version;

use crate::Manifest;

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
        installed: Version,
    },
    NoLibrary {
        newest: [u32; 2],
    },
    NoneFits {
        installed: Version,
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
    pub fn for_installed(manifest: &Manifest, installed: Option<Version>) -> Option<Self> {
        let zoos = manifest.zoos();
        let &(newest, newest_zoo) = zoos.last()?;
        let fitting = installed.and_then(|version| {
            let line = [version.major, version.minor];
            zoos.iter().find(|(known, _)| *known == line)
        });
        let (zoo, why) = match (installed, fitting) {
            (None, _) => (newest_zoo, Why::NoLibrary { newest }),
            (Some(installed), Some((_, zoo))) => (*zoo, Why::Fits { installed }),
            (Some(installed), None) => (newest_zoo, Why::NoneFits { installed, newest }),
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
            Why::Fits { installed } | Why::NoneFits { installed, .. } => {
                format!(" for HailoRT {installed}")
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
            Why::Fits { installed } => {
                write!(f, "taking zoo {zoo}, which fits libhailort {installed}")
            }
            Why::NoLibrary { newest } => write!(
                f,
                "found no libhailort: taking zoo {zoo}, which HailoRT {} runs (--library-version \
                 chooses for another)",
                shown(*newest)
            ),
            Why::NoneFits { installed, newest } => write!(
                f,
                "libhailort {installed} is none that fastsamd works with: taking zoo {zoo}, for HailoRT {}",
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

    #[test]
    fn the_zoo_fits_the_library() {
        let manifest = Manifest::built_in().unwrap();
        let version = |major, minor, revision| {
            Some(Version {
                major,
                minor,
                revision,
            })
        };
        for (installed, zoo, words) in [
            (version(4, 20, 0), "v2.14.0", "fits libhailort 4.20.0"),
            (version(4, 20, 1), "v2.14.0", "fits libhailort 4.20.1"),
            (version(4, 21, 0), "v2.15.0", "fits libhailort 4.21.0"),
            (version(4, 22, 0), "v2.16.0", "fits libhailort 4.22.0"),
            (version(4, 23, 0), "v2.17.0", "fits libhailort 4.23.0"),
            (version(5, 2, 0), "v2.17.0", "libhailort 5.2.0 is none"),
            (None, "v2.17.0", "found no libhailort"),
        ] {
            let choice = ZooChoice::for_installed(&manifest, installed).unwrap();
            assert_eq!(choice.zoo, zoo, "{installed:?}");
            assert!(choice.to_string().contains(words), "{words}: {choice}");
        }
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
