//! Checks beyond types, made while a value is parsed: the parser then knows where it stands.

use std::{fmt::Display, ops::RangeInclusive, path::PathBuf};

use serde::{Deserialize, Deserializer, de::Error};

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

/// A number inside bounds, both included. NaN is inside none.
pub(crate) fn within<'de, D, T>(deserializer: D, bounds: RangeInclusive<T>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialOrd + Display,
{
    inside(T::deserialize(deserializer)?, &bounds).map_err(D::Error::custom)
}

/// A number inside bounds, or none.
pub(crate) fn optional_within<'de, D, T>(
    deserializer: D,
    bounds: RangeInclusive<T>,
) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialOrd + Display,
{
    Option::<T>::deserialize(deserializer)?
        .map(|value| inside(value, &bounds).map_err(D::Error::custom))
        .transpose()
}

/// Passes on a value inside bounds.
fn inside<T: PartialOrd + Display>(value: T, bounds: &RangeInclusive<T>) -> Result<T, String> {
    if bounds.contains(&value) {
        Ok(value)
    } else {
        Err(format!(
            "{value} is out of range: expected {} to {}",
            bounds.start(),
            bounds.end()
        ))
    }
}

/// A `deserialize_with` function for a number inside bounds.
macro_rules! bounded {
    ($(#[$attribute:meta])* $name:ident: $type:ty, $bounds:expr) => {
        $(#[$attribute])*
        pub(crate) fn $name<'de, D: serde::Deserializer<'de>>(d: D) -> Result<$type, D::Error> {
            crate::check::within(d, $bounds)
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

/// Whether a text can be one level of an MQTT topic: no separators, wildcards, blanks or `$`.
fn is_topic_level(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// One level of an MQTT topic.
pub(crate) fn topic_level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if is_topic_level(&text) {
        Ok(text)
    } else {
        Err(D::Error::custom(format_args!(
            "'{text}' can't be part of a topic: expected 1 to 64 letters, digits, '-', '_' or '.'"
        )))
    }
}

/// One or more levels of an MQTT topic, with '/' between them.
pub(crate) fn topic_prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() <= 256 && text.split('/').all(is_topic_level) {
        Ok(text)
    } else {
        Err(D::Error::custom(format_args!(
            "'{text}' can't start a topic: expected levels of letters, digits, '-', '_' or '.', \
             with '/' between them"
        )))
    }
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
    match path.metadata() {
        Ok(_) => Ok(path),
        Err(error) => Err(D::Error::custom(format_args!(
            "{}: {error}",
            path.display()
        ))),
    }
}

/// A file that is there, or none.
pub(crate) fn optional_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let Some(path) = Option::<PathBuf>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match path.metadata() {
        Ok(metadata) if metadata.is_dir() => Err(D::Error::custom(format_args!(
            "{}: a folder, expected a file",
            path.display()
        ))),
        Ok(_) => Ok(Some(path)),
        Err(error) => Err(D::Error::custom(format_args!(
            "{}: {error}",
            path.display()
        ))),
    }
}
