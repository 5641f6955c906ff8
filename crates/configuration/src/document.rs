//! The text of a configuration and of the files that it includes.
//!
//! `${NAME}` in a plain scalar is the environment variable NAME, also as a part of it; in quotes it
//! stays as it is. `!include FILE` stands for the document in FILE, which is looked for beside the
//! configuration. Every mistake is reported in the file where it stands.

use std::{
    cell::RefCell,
    collections::HashMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_yaml::{
    Error as YamlError, IncludeResolveError, InputSource, Location, ResolvedInclude, Spanned,
};

use crate::{ConfigError, error::Mistake, file, quote::Document, sieve::all_mistakes};

/// A text that was included, and where it is from.
#[derive(Clone)]
struct Included {
    path: PathBuf,
    text: String,
}

/// Texts in the order in which the parser asked for them; its first source is the configuration.
type Sources = Rc<RefCell<Vec<Included>>>;

/// The parser's number of the first file that is included.
const FIRST_INCLUDED: u32 = 2;

/// Parses `text`, which `path` names in errors, with these environment variables.
pub(crate) fn parse<T: DeserializeOwned>(
    text: &str,
    path: &Path,
    environment: &HashMap<String, String>,
) -> Result<Option<T>, ConfigError> {
    let sources = Sources::default();
    let parsed = all_mistakes(most_mistakes(text), |sieve| {
        sources.borrow_mut().clear();
        let options = options(path, environment, Rc::clone(&sources));
        serde_yaml::with_deserializer_from_str_with_options(text, options, |deserializer| {
            Option::<T>::deserialize(sieve.over(deserializer))
        })
        .map_err(|error| Box::new((error, sources.borrow().clone())))
    });
    parsed.map_err(|failures| {
        let no_files: &[Included] = &[];
        let latest = failures.last().map_or(no_files, |failure| &failure.1);
        let document = secrets(text, latest, environment);
        let mut mistakes: Vec<Mistake> = failures
            .iter()
            .map(|failure| {
                let (error, included) = failure.as_ref();
                Mistake::from_yaml(file_of(error, included).unwrap_or(path), &document, error)
            })
            .collect();
        mistakes.sort_by_key(|mistake| (mistake.path != path, mistake.line, mistake.column));
        mistakes.dedup();
        ConfigError::Text(mistakes)
    })
}

/// What is read of a document to know where its standing prompts are.
#[derive(Deserialize)]
struct Outline {
    #[serde(default)]
    prompts: Vec<OutlinedPrompt>,
}

#[derive(Deserialize)]
struct OutlinedPrompt {
    name: Spanned<String>,
}

/// Mistakes in the standing prompts of a text that is well formed otherwise: each by the prompt's number, reported
/// where its name stands.
pub(crate) fn mistakes_of_prompts(
    text: &str,
    path: &Path,
    environment: &HashMap<String, String>,
    causes: Vec<(usize, String)>,
) -> ConfigError {
    let sources = Sources::default();
    let options = options(path, environment, Rc::clone(&sources));
    let outline: Option<Outline> = serde_yaml::from_str_with_options(text, options).unwrap_or(None);
    let prompts = outline.map_or_else(Vec::new, |outline| outline.prompts);
    let included = sources.borrow();
    let document = secrets(text, &included, environment);
    let mistakes = causes.into_iter().map(|(number, cause)| {
        let location = prompts.get(number).map(|prompt| prompt.name.referenced);
        let file = location.and_then(|location| file_at(location, &included));
        Mistake {
            path: file.unwrap_or(path).to_owned(),
            line: location.map_or(1, |location| location.line().max(1)),
            column: location.map_or(1, |location| location.column().max(1)),
            cause: document.reveal(&cause),
        }
    });
    ConfigError::Text(mistakes.collect())
}

/// Enough to mend at once; fewer in a text that takes long to read, as that is done for each.
fn most_mistakes(text: &str) -> usize {
    const MOST: usize = 20;
    const BYTES_TO_READ: usize = 1 << 20;
    (BYTES_TO_READ / text.len().max(1)).clamp(1, MOST)
}

/// What must not be shown of the texts and of the environment.
fn secrets<'a>(
    text: &'a str,
    included: &'a [Included],
    environment: &'a HashMap<String, String>,
) -> Document<'a> {
    let mut document = Document::new(text);
    for other in included {
        document.add(&other.text);
    }
    let texts = || {
        [text]
            .into_iter()
            .chain(included.iter().map(|file| &*file.text))
    };
    for (name, value) in environment {
        let reference = format!("${{{name}");
        if texts().any(|text| text.contains(&reference)) {
            document.add_secret(value);
        }
    }
    document
}

/// The included file that an error is in.
fn file_of<'a>(error: &YamlError, included: &'a [Included]) -> Option<&'a Path> {
    file_at(error.location()?, included)
}

fn file_at(location: Location, included: &[Included]) -> Option<&Path> {
    let index = location.source_id().checked_sub(FIRST_INCLUDED)?;
    included.get(index as usize).map(|file| &*file.path)
}

/// Budgets far above any honest configuration, far below what could hurt: a document that
/// expands its aliases without end is refused after this much work.
fn options(
    path: &Path,
    environment: &HashMap<String, String>,
    sources: Sources,
) -> serde_yaml::Options {
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: 16,
            max_nodes: 10_000,
            max_events: 30_000,
            max_aliases: 100,
            max_anchors: 100,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 8,
        },
        non_finite_float_policy: serde_yaml::NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        strict_booleans: true,
        with_snippet: false,
    }
    .with_properties(environment.clone())
    .with_include_resolver(move |request| {
        let path = folder.join(request.spec);
        let text =
            file::read(&path).map_err(|error| IncludeResolveError::Message(error.to_string()))?;
        let id = path.display().to_string();
        sources.borrow_mut().push(Included {
            path,
            text: text.clone(),
        });
        Ok(ResolvedInclude::new(
            id.clone(),
            id,
            InputSource::from_string(text),
        ))
    })
}
