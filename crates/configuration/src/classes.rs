//! Which classes are wanted, of those that the network tells apart.
//!
//! Names are known once the network is: a configuration is checked for the rest, and the names when the
//! network has been opened.

use std::str::FromStr;

use fastsam::ClassSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tensors::Classes;

use crate::{error::unknown, quote::Document};

/// Names that an error lists at most.
const MOST_LISTED: usize = 100;

/// A class, by its name or its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Class {
    /// Its number, from 0.
    Number(u16),
    /// Its name; capitals don't matter.
    Name(String),
}

/// The form of the command line.
impl FromStr for Class {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text
            .trim()
            .parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Number))
    }
}

/// Why wanted classes are none of the network's: one line that says which there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ClassError(String);

/// The wanted classes of a network: all where none is named.
pub(crate) fn wanted_classes(wanted: &[Class], of: &Classes) -> Result<ClassSet, ClassError> {
    if wanted.is_empty() {
        return Ok(ClassSet::ALL);
    }
    if !of.are_told_apart() {
        let why = "the network tells no classes apart, FastSAM finds things of any kind: leave \
                   `classes` out, or take a network for several, such as YOLOv8-seg";
        return Err(ClassError(why.to_owned()));
    }
    let places = wanted.iter().map(|class| place(class, of));
    places.collect::<Result<_, _>>().map_err(ClassError)
}

fn place(class: &Class, of: &Classes) -> Result<usize, String> {
    match class {
        Class::Number(number) if usize::from(*number) < of.count() => Ok((*number).into()),
        Class::Number(number) => Err(format!(
            "the network has no class {number}: expected 0 to {}",
            of.count() - 1
        )),
        Class::Name(name) if of.names().is_empty() => Err(format!(
            "the classes of this network have no names: write the number in place of '{}', or name \
             all of them with accelerator.class_names",
            Document::new("").reveal(name)
        )),
        Class::Name(name) => of.find(name).ok_or_else(|| {
            let names = of.names().iter().map(String::as_str);
            let names: Vec<&str> = names.take(MOST_LISTED).collect();
            // Names of classes are no secrets.
            Document::new("").reveal(&unknown("class", name, &names))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(wanted: &str, of: &Classes) -> Result<Vec<usize>, ClassError> {
        let wanted: Vec<Class> = wanted
            .split(',')
            .map(|text| text.parse().unwrap())
            .collect();
        let set = wanted_classes(&wanted, of)?;
        Ok((0..of.count())
            .filter(|class| set.contains(*class))
            .collect())
    }

    #[test]
    fn classes_are_named_or_numbered() {
        let coco = Classes::numbered(80);
        assert_eq!(set("Person,cup,7", &coco), Ok(vec![0, 7, 41]));
        assert_eq!(wanted_classes(&[], &coco), Ok(ClassSet::ALL));
        assert_eq!(wanted_classes(&[], &Classes::one()), Ok(ClassSet::ALL));
        assert_eq!(set("1", &Classes::numbered(2)), Ok(vec![1]));
    }

    #[test]
    fn a_class_that_is_not_there_is_one_line_that_helps() {
        for (wanted, of, words) in [
            (
                "persn",
                80,
                "unknown class 'persn' (did you mean 'person'?)",
            ),
            ("80", 80, "no class 80: expected 0 to 79"),
            ("cup", 2, "write the number in place of 'cup'"),
            ("cup", 1, "tells no classes apart"),
        ] {
            let error = set(wanted, &Classes::numbered(of)).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert_eq!(error.lines().count(), 1);
        }
    }
}
