//! Settings that may change under way, as they are listed.
//!
//! A setting's value is always a text, the same on `<setting>/set`, on `<setting>/state` and in lists.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A setting, with its value in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// Its name: `confidence`, or `cam0/enabled` for a camera's. Also its topic below the node's.
    pub name: String,
    /// What it is, in a few words.
    pub label: Cow<'static, str>,
    /// What values there are.
    pub kind: SettingKind,
    /// The value in force.
    pub value: String,
    /// Whether it was set under way; otherwise it is as the configuration says.
    pub is_set: bool,
}

/// What values a setting may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum SettingKind {
    /// `ON` or `OFF`.
    Switch,
    /// A number.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
        /// The usual distance between two values; with a whole number here, only whole numbers.
        step: f64,
        /// What it is measured in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<Cow<'static, str>>,
    },
    /// One of several words.
    Choice {
        /// The words.
        options: Vec<Cow<'static, str>>,
        /// What else is taken, where anything is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        also: Option<Cow<'static, str>>,
    },
    /// Any text, also an empty one.
    Text {
        /// Characters, at most.
        max_length: usize,
    },
}
