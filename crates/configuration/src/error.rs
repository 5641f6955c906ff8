//! What is wrong with a configuration, in one line that says where.

use std::path::{Path, PathBuf};

use serde_yaml::{Error as YamlError, IncludeResolveError, MessageFormatter};

use crate::quote::{Document, quoted};

/// Why a configuration can't be used. Each displays as one line, but several mistakes as one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file, or one that it names, can't be read.
    #[error("{path}: {cause}", path = path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// Something in the text is wrong: at least one mistake, in the order of the text.
    #[error("{}", lines(.0))]
    Text(Vec<Mistake>),
    /// An environment variable has a value that is no use.
    #[error("environment variable {variable}: expected {expected}")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// What it may be.
        expected: &'static str,
    },
}

/// One thing that is wrong in the text of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {cause}", path = path.display())]
pub struct Mistake {
    /// The file, which may be one that the configuration includes.
    pub path: PathBuf,
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// What is wrong there, and what would be right.
    pub cause: String,
}

fn lines(mistakes: &[Mistake]) -> String {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

impl Mistake {
    /// An error of the parser in the file `path`, which has no secret of `document` in it.
    pub(crate) fn from_yaml(path: &Path, document: &Document<'_>, error: &YamlError) -> Self {
        // A text that ends too early may have no location: it is the first line then.
        let (line, column) = error.location().map_or((1, 1), |location| {
            (location.line().max(1), location.column().max(1))
        });
        Self {
            path: path.to_owned(),
            line,
            column,
            cause: one_line(&document.reveal(&cause(error))),
        }
    }
}

/// What is wrong. Text of the document is quoted, or left out: the place tells where it stands.
fn cause(error: &YamlError) -> String {
    match error.without_snippet() {
        // Made by the checks of this crate, which quote.
        YamlError::Message { msg, .. } => msg.clone(),
        YamlError::SerdeUnknownField {
            field, expected, ..
        } => unknown("key", field, expected),
        YamlError::SerdeUnknownVariant {
            variant, expected, ..
        } => unknown("value", variant, expected),
        YamlError::SerdeMissingField { field, .. } => format!("missing key '{field}'"),
        YamlError::InvalidScalar { ty, .. } => format!("expected {}", in_plain_words(ty)),
        YamlError::InvalidBooleanStrict { .. } => {
            "expected true or false: 'yes', 'no', 'on' and 'off' are texts".into()
        }
        YamlError::NullIntoString { .. } => "expected a text, found nothing".into(),
        YamlError::Unexpected { expected, .. } => format!("expected {}", in_plain_words(expected)),
        YamlError::SerdeInvalidType { expected, .. }
        | YamlError::SerdeInvalidValue { expected, .. } => {
            format!("expected {}", in_plain_words(expected))
        }
        YamlError::DuplicateMappingKey { key, .. } => match key {
            Some(key) => format!("duplicate mapping key {}: expected it once", quoted(key)),
            None => "duplicate mapping key: expected it once".into(),
        },
        YamlError::UnsupportedTag { tag, .. }
        | YamlError::TaggedEnumMismatch { tagged: tag, .. } => {
            format!(
                "tag {}: expected a value without a tag, or '!include FILE'; ${{NAME}} without quotes is an \
                 environment variable, and passwords may stand in a file of their own",
                quoted(tag)
            )
        }
        YamlError::NonFiniteFloat { value, .. } => {
            format!("{} is no finite number", quoted(value))
        }
        YamlError::AliasError { error, .. } => cause(error),
        YamlError::UnresolvedProperty { name, .. } => format!(
            "the environment variable {name} is not set: set it, or put the text in quotes if it is meant as it stands"
        ),
        YamlError::InvalidPropertyName { .. } => {
            "'${' begins an environment variable, as in ${NAME}: put the text in quotes if it is meant as it stands"
                .into()
        }
        YamlError::ResolverError { error, .. } => match error {
            IncludeResolveError::Message(cause) => cause.clone(),
            _ => "the file can't be included".into(),
        },
        YamlError::CyclicInclude { .. } => "the file includes itself".into(),
        other => quoted_where_foreign(other),
    }
}

/// The other errors have the parser's own words alone, but for some with free text, which is not
/// repeated.
fn quoted_where_foreign(error: &YamlError) -> String {
    match error {
        YamlError::SerdeVariantId { .. } => "expected one of the known values".into(),
        other => serde_yaml::UserMessageFormatter
            .format_message(other)
            .into_owned(),
    }
}

/// What the parser's name for a type means to people; a name it doesn't list is passed on.
fn in_plain_words(expected: &str) -> &str {
    match expected {
        "mapping start" => "keys with values ('key: value')",
        "sequence start" => "a list",
        "string scalar" => "a text",
        "floating point" => "a number",
        "boolean" => "true or false",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" => "a whole number, 0 or more",
        other => other,
    }
}

/// What people write from other programs' configurations, and what it is called here.
const OTHER_NAMES: [(&str, &str); 24] = [
    ("address", "host"),
    ("broker", "host"),
    ("server", "host"),
    ("url", "host"),
    ("user", "username"),
    ("login", "username"),
    ("user_name", "username"),
    ("pass", "password"),
    ("passwd", "password"),
    ("pw", "password"),
    ("topic_prefix", "prefix"),
    ("base_topic", "prefix"),
    ("topic", "prefix"),
    ("keepalive", "keep_alive_s"),
    ("conf", "confidence"),
    ("threshold", "confidence"),
    ("score", "confidence"),
    ("path", "model"),
    ("url", "input"),
    ("path", "input"),
    ("bind", "listen"),
    ("address", "listen"),
    ("points", "polygon"),
    ("coordinates", "polygon"),
];

/// Names what was expected and, where one is near, what was probably meant. What was found is quoted.
pub(crate) fn unknown(what: &str, found: &str, expected: &[&str]) -> String {
    let is_expected = |name: &&str| expected.contains(name);
    let synonym = OTHER_NAMES
        .iter()
        .filter(|(other, _)| *other == found)
        .map(|&(_, name)| name)
        .find(is_expected);
    let sides = ["size", "resolution"].contains(&found)
        && ["width", "height"]
            .iter()
            .all(|side| expected.contains(side));
    let nearest = || {
        expected
            .iter()
            .map(|&candidate| (strsim::damerau_levenshtein(found, candidate), candidate))
            .min()
            .filter(|&(distance, candidate)| distance * 3 <= candidate.len().max(3))
            .map(|(_, name)| name)
    };
    let hint = if sides {
        " (did you mean 'width' and 'height'?)".into()
    } else {
        synonym
            .or_else(nearest)
            .map_or(String::new(), |name| format!(" (did you mean '{name}'?)"))
    };
    format!(
        "unknown {what} {}{hint}, expected one of: {}",
        quoted(found),
        expected.join(", ")
    )
}

/// Messages quote outside text, which may hold line breaks and control characters.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// What the user gave can't be used; everything else that fails is a failure at work.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongInput(String);

impl WrongInput {
    /// An error that ends the program with exit code 2.
    pub fn new(cause: impl std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}
