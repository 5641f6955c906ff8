//! Checks beyond types, made while a value is parsed: the parser then knows where it stands.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
};

use message::TopicError;
use serde::{Deserialize, Deserializer, de::Error};

use crate::{access, quote::quoted};

/// A section whose keys depend on each other.
pub(crate) trait Section {
    /// What is wrong with the keys together.
    fn check(&self) -> Result<(), String>;
}

/// Parses a section and checks its keys together.
pub(crate) fn section<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Section,
{
    let section = T::deserialize(deserializer)?;
    section.check().map_err(D::Error::custom)?;
    Ok(section)
}

/// A section whose keys were checked together.
pub(crate) struct Checked<T>(pub T);

impl<'de, T: Deserialize<'de> + Section> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        section(deserializer).map(Self)
    }
}

/// Parses a section that may be left out, and checks its keys together.
pub(crate) fn optional_section<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Section,
{
    let section = Option::<T>::deserialize(deserializer)?;
    if let Some(section) = &section {
        section.check().map_err(D::Error::custom)?;
    }
    Ok(section)
}

/// A path, or none; an empty one is a mistake.
pub(crate) fn optional_path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(deserializer)?;
    match path {
        Some(path) if path.as_os_str().is_empty() => Err(D::Error::custom(
            "an empty path: expected a file, or leave the key out",
        )),
        path => Ok(path),
    }
}

/// A `deserialize_with` function for a number inside bounds.
macro_rules! bounded {
    ($(#[$attribute:meta])* $name:ident: $type:ty, $bounds:expr) => {
        $(#[$attribute])*
        pub(crate) fn $name<'de, D: serde::Deserializer<'de>>(d: D) -> Result<$type, D::Error> {
            crate::number::within(d, $bounds)
        }
    };
}
pub(crate) use bounded;

bounded!(
    /// A share or probability.
    fraction: f64, 0.0..=1.0
);
bounded!(
    /// Frames per second.
    rate: f64, 0.01..=1000.0
);
bounded!(
    /// Seconds between two messages of a kind.
    interval_s: f64, 0.1..=86_400.0
);

/// One level of an MQTT topic.
pub(crate) fn topic_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match message::topic_level(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(D::Error::custom(in_quotes(&error))),
    }
}

/// One or more levels of an MQTT topic, with '/' between them.
pub(crate) fn topic_prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match message::topic_prefix(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(D::Error::custom(in_quotes(&error))),
    }
}

/// The name of a camera, which is a level beside others.
pub(crate) fn camera_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match message::camera_name(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(D::Error::custom(in_quotes(&error))),
    }
}

/// The error with the name in it marked as text of the document.
fn in_quotes(error: &TopicError) -> String {
    let name = error.name();
    error
        .to_string()
        .replacen(&format!("'{name}'"), &quoted(name), 1)
}

/// A text with something in it.
pub(crate) fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("expected a text that is not empty"));
    }
    Ok(text)
}

/// The side of a square morphology kernel; 0 leaves the step out.
pub(crate) fn kernel<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    kernel_side(u32::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Passes on what can be the side of a kernel.
pub(crate) fn kernel_side(side: u32) -> Result<u32, String> {
    if side == 0 || (side % 2 == 1 && side <= 99) {
        Ok(side)
    } else {
        Err(format!(
            "{side} is no kernel: expected an odd number up to 99 (an even one would shift the \
             mask), or 0 for none"
        ))
    }
}

/// A file or folder that is there.
pub(crate) fn existing_path<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    metadata(&path).map_err(D::Error::custom)?;
    Ok(path)
}

/// A file that is there, or none.
pub(crate) fn optional_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(deserializer)?;
    path.map(|path| file(path).map_err(D::Error::custom))
        .transpose()
}

/// A file that is there and holds a password, or none. A relative path is not repeated in errors: it
/// may be the password itself, written behind the wrong key.
pub(crate) fn optional_secret_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(deserializer)?;
    match path {
        Some(path) if path.is_relative() && !path.is_file() => Err(D::Error::custom(
            "no such file: expected the path of a file whose first line is the password",
        )),
        path => path
            .map(|path| file(path).map_err(D::Error::custom))
            .transpose(),
    }
}

/// Passes on the path of a file that is there.
fn file(path: PathBuf) -> Result<PathBuf, String> {
    if metadata(&path)?.is_dir() {
        let folder = quoted(&path.display().to_string());
        return Err(format!("{folder}: a folder, expected a file"));
    }
    Ok(path)
}

fn metadata(path: &Path) -> Result<Metadata, String> {
    path.metadata().map_err(|error| {
        let cause = access::explained(path, &error);
        format!("{}: {cause}", quoted(&path.display().to_string()))
    })
}
