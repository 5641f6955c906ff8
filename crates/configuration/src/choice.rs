//! A key whose value picks one of several kinds, each with settings of its own.
//!
//! Written as the bare name (`backend: mock`) or with settings (`backend: {mock: {fps: 65}}`).
//! Serde's derived enums know only the second form, and its tagged ones lose the location of
//! what is wrong inside; this reads both straight from the parser.

use std::{fmt, marker::PhantomData};

use schemars::{Schema, json_schema};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::error::unknown;

/// The kinds there are to choose from.
pub(crate) trait Choice: Sized {
    /// Their names.
    const NAMES: &'static [&'static str];

    /// The kind with default settings; an error where one has no default.
    fn bare(name: &str) -> Result<Self, String>;

    /// The kind with the settings that come next in the map.
    fn with_settings<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Self, A::Error>;

    /// What to say of a name that is none of these.
    fn unknown(name: &str) -> String {
        unknown("value", name, Self::NAMES)
    }
}

/// Reads a choice in either form.
pub(crate) fn read<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Choice,
    D: Deserializer<'de>,
{
    deserializer.deserialize_any(ChoiceVisitor(PhantomData))
}

struct ChoiceVisitor<T>(PhantomData<T>);

impl<'de, T: Choice> Visitor<'de> for ChoiceVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "one of {}, or one of them with its settings",
            T::NAMES.join(", ")
        )
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        T::bare(name).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let Some(name) = map.next_key_seed(Name::<T>(PhantomData))? else {
            return Err(A::Error::custom(format_args!(
                "expected {}",
                T::NAMES.join(" or ")
            )));
        };
        let chosen = T::with_settings(name, &mut map)?;
        match map.next_key_seed(Name::<T>(PhantomData))? {
            None => Ok(chosen),
            Some(second) => Err(A::Error::custom(format_args!(
                "'{second}' beside '{name}': expected only one of them"
            ))),
        }
    }
}

/// The name of a kind, checked where it stands.
struct Name<T>(PhantomData<T>);

impl<'de, T: Choice> serde::de::DeserializeSeed<'de> for Name<T> {
    type Value = &'static str;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<&'static str, D::Error> {
        let name = String::deserialize(deserializer)?;
        T::NAMES
            .iter()
            .find(|&&known| known == name)
            .copied()
            .ok_or_else(|| D::Error::custom(T::unknown(&name)))
    }
}

/// Adds the bare names to the schema that schemars derives from the enum.
pub(crate) fn allow_bare_names(schema: &mut Schema, names: &[&str]) {
    if let Some(serde_json::Value::Array(forms)) = schema.get_mut("oneOf") {
        forms.push(json_schema!({ "type": "string", "enum": names }).to_value());
    }
}
