//! Embeddings of texts in a JSON file: made elsewhere, for machines without a text encoder, or
//! kept from before a restart.
//!
//! ```json
//! {"model": "clip-vit-base-patch32", "dimension": 512, "embeddings": {"red car": [0.01, -0.03, ...]}}
//! ```

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::{ClipError, Embedding, tokens::tidy};

/// A thousand texts of 1024 numbers of a dozen digits.
const MOST_BYTES: u64 = 32 << 20;

/// Texts that are kept, at most; then all are forgotten, as each can be made again.
const MOST_TEXTS: usize = 1000;

/// Embeddings by text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    model: String,
    embeddings: BTreeMap<String, Embedding>,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Form {
    /// What made them; for people, and to tell whether they still hold.
    #[serde(default)]
    model: String,
    dimension: usize,
    embeddings: BTreeMap<String, Vec<f32>>,
}

impl Known {
    pub(crate) fn of_model(model: String) -> Self {
        Self {
            model,
            embeddings: BTreeMap::new(),
        }
    }

    /// Reads a file and checks it.
    ///
    /// # Errors
    /// [`ClipError::File`], [`ClipError::Embeddings`].
    pub fn read(path: &Path) -> Result<Self, ClipError> {
        let unreadable = |cause| ClipError::File {
            path: path.to_owned(),
            cause,
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(MOST_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        Self::from_json(&bytes).map_err(|cause| ClipError::Embeddings {
            path: path.to_owned(),
            cause,
        })
    }

    /// Parses and checks a file's content.
    ///
    /// # Errors
    /// What is wrong with it, in one line.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() as u64 > MOST_BYTES {
            return Err(format!("larger than {} MiB", MOST_BYTES >> 20));
        }
        let form: Form =
            serde_json::from_slice(bytes).map_err(|error| format!("no embeddings: {error}"))?;
        let mut embeddings = BTreeMap::new();
        for (text, values) in form.embeddings {
            if values.len() != form.dimension {
                return Err(format!(
                    "'{text}' has {} numbers: expected {}, as 'dimension' says",
                    values.len(),
                    form.dimension
                ));
            }
            let embedding =
                Embedding::new(&values).map_err(|error| format!("'{text}': {error}"))?;
            embeddings.insert(tidy(&text).to_lowercase(), embedding);
        }
        Ok(Self {
            model: form.model,
            embeddings,
        })
    }

    /// Replaces the file as a whole, so that half of it is never read.
    pub(crate) fn write(&self, path: &Path) -> Result<(), ClipError> {
        let form = Form {
            model: self.model.clone(),
            dimension: self
                .embeddings
                .values()
                .next()
                .map_or(0, Embedding::dimension),
            embeddings: self
                .embeddings
                .iter()
                .map(|(text, embedding)| (text.clone(), embedding.values().to_vec()))
                .collect(),
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        // As a whole, so that half of it is never read, and under a name that nobody can foresee.
        NamedTempFile::new_in(folder)
            .and_then(|mut new| {
                serde_json::to_writer(&mut new, &form)?;
                new.persist(path)?;
                Ok(())
            })
            .map_err(|cause| ClipError::File {
                path: path.to_owned(),
                cause,
            })
    }

    /// What made them.
    pub fn model(&self) -> &str {
        &self.model
    }

    pub(crate) fn get(&self, text: &str) -> Option<&Embedding> {
        self.embeddings.get(text)
    }

    pub(crate) fn insert(&mut self, text: String, embedding: Embedding) {
        if self.embeddings.len() >= MOST_TEXTS {
            self.embeddings.clear();
        }
        self.embeddings.insert(text, embedding);
    }

    /// The first texts, for people.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self
            .embeddings
            .keys()
            .map(String::as_str)
            .take(20)
            .collect();
        let more = if self.embeddings.len() > names.len() {
            ", ..."
        } else {
            ""
        };
        format!("{}{more}", names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_are_read_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("embeddings.json");
        let mut known = Known::of_model("m".into());
        known.insert("red".into(), Embedding::new(&[0.6, 0.8]).unwrap());
        known.write(&path).unwrap();
        assert_eq!(Known::read(&path).unwrap(), known);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn texts_are_found_whatever_their_blanks_and_letters() {
        let known =
            Known::from_json(br#"{"dimension": 2, "embeddings": {" Red  Car": [3, 4]}}"#).unwrap();
        assert_eq!(known.get("red car").unwrap().values(), [0.6, 0.8]);
    }

    #[test]
    fn what_is_no_file_of_embeddings_is_refused_with_its_reason() {
        for (text, reason) in [
            (&b""[..], "no embeddings"),
            (b"[]", "no embeddings"),
            (br#"{"embeddings": {}}"#, "dimension"),
            (
                br#"{"dimension": 3, "embeddings": {"a": [1, 2]}}"#,
                "'a' has 2 numbers: expected 3",
            ),
            (
                br#"{"dimension": 1, "embeddings": {"a": [1e39]}}"#,
                "not finite",
            ),
            (
                br#"{"dimension": 1, "embeddings": {"a": ["x"]}}"#,
                "invalid type",
            ),
        ] {
            let error = Known::from_json(text).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains('\n'));
        }
    }

    proptest! {
        #[test]
        fn nothing_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Known::from_json(&bytes);
        }
    }
}
