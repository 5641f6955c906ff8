//! Names of results: no two inputs of a run share one.

use std::{collections::HashSet, iter};

/// The names that were given out.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Whether the name was given out.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Gives a name out.
    pub(super) fn insert(&mut self, name: &str) {
        self.0.insert(name.to_owned());
    }

    /// The first of a stem's names that was not given out, and that `is_free` for another reason.
    pub(super) fn first_free(&self, stem: &str, is_free: impl Fn(&str) -> bool) -> String {
        let numbered = (2..).map(|number: u64| format!("{stem}-{number}"));
        let mut candidates = iter::once(stem.to_owned()).chain(numbered);
        let found = candidates.find(|name| !self.has(name) && is_free(name));
        // Numbers don't run out before names do.
        found.unwrap_or_else(|| stem.to_owned())
    }
}

/// Which of a stem's names this is: 1 for the stem itself, 2 for `stem-2`.
pub(super) fn number(name: &str, stem: &str) -> Option<u64> {
    let rest = name.strip_prefix(stem)?;
    if rest.is_empty() {
        return Some(1);
    }
    let digits = rest.strip_prefix('-')?;
    let number = digits.parse().ok()?;
    // Neither `-02` nor `-1`: these are names of other inputs.
    (number >= 2 && u64::to_string(&number) == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stems_get_numbers() {
        let mut names = Names::default();
        let mut claim = |stem, reserved: &str| {
            let name = names.first_free(stem, |name| name != reserved);
            names.insert(&name);
            name
        };
        assert_eq!(claim("a-2", ""), "a-2");
        assert_eq!(claim("a", ""), "a");
        assert_eq!(claim("a", ""), "a-3");
        assert_eq!(claim("a", "a-4"), "a-5");
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (name, expected) in [
            ("a", Some(1)),
            ("a-2", Some(2)),
            ("a-10", Some(10)),
            ("a-1", None),
            ("a-02", None),
            ("a-+2", None),
            ("a-b", None),
            ("a2", None),
            ("b", None),
        ] {
            assert_eq!(number(name, "a"), expected, "{name}");
        }
        assert_eq!(number("a-2", "a-2"), Some(1));
    }
}
