//! The names of a network's classes, as Ultralytics' exporter writes them into a file: a Python dictionary,
//! `{0: 'person', 1: "carpenter's nut"}`.
//!
//! Such a dictionary of numbers and strings is YAML's flow form, too, but for names that hold both kinds of
//! quotes; those are no names then.

use std::collections::BTreeMap;

/// The longest text that is read: names of all classes that there can be, 64 bytes each.
const MOST_BYTES: usize = 1 << 17;

/// The names of classes 0 to `count`, where the text holds exactly those.
pub(super) fn of_metadata(text: &str, count: usize) -> Option<Vec<String>> {
    if text.len() > MOST_BYTES {
        return None;
    }
    let names: BTreeMap<usize, String> = serde_yaml::from_str(text).ok()?;
    let is_whole = names.len() == count && names.keys().copied().eq(0..count);
    is_whole.then(|| names.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pythons_dictionary_is_read() {
        for (text, names) in [
            ("{0: 'object'}", &["object"][..]),
            ("{0: 'a', 1: 'b c'}", &["a", "b c"]),
            ("{1: 'b', 0: \"a's\"}", &["a's", "b"]),
            ("{0: 'Gärtner', 1: '🐢'}", &["Gärtner", "🐢"]),
            ("{0: 'yes: no', 1: '12'}", &["yes: no", "12"]),
        ] {
            let read = of_metadata(text, names.len()).unwrap();
            assert_eq!(read, names, "{text}");
        }
        for text in [
            "",
            "{}",
            "['a', 'b']",
            "{0: 'a'}",
            "{0: 'a', 2: 'b'}",
            "{0: 'a', 1: [",
            "{0: {0: 'a'}, 1: 'b'}",
        ] {
            assert_eq!(of_metadata(text, 2), None, "{text}");
        }
    }
}
