//! The models that fastsamd is made for: `hef/manifest.toml`, built into the program.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::Sum;

const TEXT: &str = include_str!("../../../hef/manifest.toml");

/// The sha256 of an entry whose sum nobody has entered.
const UNKNOWN: &str = "unknown";

/// A manifest that can't be read. The one inside is held readable by a test.
#[derive(Debug, thiserror::Error)]
#[error("the manifest: {0}")]
pub struct ManifestError(#[from] toml::de::Error);

/// What is published, and where.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Where HEFs lie, tried in turn.
    pub(crate) places: Vec<String>,
    /// The zoo whose HEFs were made for a HailoRT, by `major.minor`.
    hailort: BTreeMap<String, String>,
    /// The licence of the networks in HEFs, by name.
    #[serde(default)]
    pub(crate) licence: BTreeMap<String, String>,
    /// The HEFs.
    pub hef: Vec<HefEntry>,
    /// The ONNX models.
    #[serde(default)]
    pub onnx: Vec<OnnxEntry>,
}

/// A published HEF.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HefEntry {
    /// The network.
    pub name: String,
    /// `hailo8` or `hailo8l`.
    pub chip: String,
    /// The zoo's version, such as `v2.17.0`.
    pub zoo: String,
    /// Rows x columns x channels, type and colours.
    pub input: String,
    /// Rows x columns x channels of each.
    pub outputs: Vec<String>,
    /// The file's sum, where it is known.
    #[serde(deserialize_with = "known_sum")]
    pub sha256: Option<Sum>,
}

/// A published model of one or more ONNX files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxEntry {
    /// The model.
    pub name: String,
    /// Whether it is the 8-bit variant.
    #[serde(default)]
    pub quantized: bool,
    /// The folder that its files lie in by default, below that of all models.
    pub(crate) folder: String,
    /// Where its files lie, tried in turn.
    pub(crate) places: Vec<String>,
    /// Its licence, as those say who publish it.
    pub(crate) licence: String,
    /// Its files.
    pub files: Vec<OnnxFile>,
}

/// One file of a model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnnxFile {
    /// What it is called in place.
    pub file: String,
    /// What is published: the file itself, or an archive that holds it.
    pub published: String,
    /// The file's sum, where it is known.
    #[serde(deserialize_with = "known_sum")]
    pub sha256: Option<Sum>,
}

fn known_sum<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Sum>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == UNKNOWN {
        return Ok(None);
    }
    text.parse().map(Some).map_err(D::Error::custom)
}

impl Manifest {
    /// The manifest that is built in.
    ///
    /// # Errors
    /// Never in a build that passed its tests.
    pub fn built_in() -> Result<Self, ManifestError> {
        Self::read(TEXT)
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// It is no TOML, or has a field that is unknown, missing or malformed.
    pub fn read(text: &str) -> Result<Self, ManifestError> {
        Ok(toml::from_str(text)?)
    }

    /// The HailoRT versions (major, minor) that fastsamd works with, oldest first, and the zoo that
    /// fits each.
    pub(crate) fn zoos(&self) -> Vec<([u32; 2], &str)> {
        let mut zoos: Vec<_> = self
            .hailort
            .iter()
            .filter_map(|(line, zoo)| {
                let (major, minor) = line.split_once('.')?;
                Some(([major.parse().ok()?, minor.parse().ok()?], zoo.as_str()))
            })
            .collect();
        zoos.sort_unstable();
        zoos
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_inside_is_readable_and_has_what_is_fetched() {
        let manifest = Manifest::built_in().unwrap();
        assert_eq!(manifest.zoos().len(), manifest.hailort.len());
        assert!(manifest.zoos().len() >= 4);
        for chip in ["hailo8", "hailo8l"] {
            for (_, zoo) in manifest.zoos() {
                assert!(manifest.hef.iter().any(|entry| {
                    entry.name == "fast_sam_s" && entry.chip == chip && entry.zoo == zoo
                }));
            }
        }
        for name in ["fast_sam_s", "clip"] {
            assert!(manifest.onnx.iter().any(|entry| entry.name == name));
        }
    }

    #[test]
    fn a_sum_is_one_or_unknown() {
        let of = |sum: &str| {
            Manifest::read(&format!(
                r#"
                places = []
                hailort = {{}}
                [[hef]]
                name = "a"
                chip = "hailo8"
                zoo = "v1"
                input = ""
                outputs = []
                sha256 = "{sum}"
                "#
            ))
        };
        assert!(of("unknown").unwrap().hef[0].sha256.is_none());
        assert!(of(&"A".repeat(64)).unwrap().hef[0].sha256.is_some());
        let error = of("0").unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
    }
}
