//! Passwords that YAML cuts off.

/// Where a `#` that looks like a part of a password begins a comment: `password: abc #1` is `abc` to
/// YAML, and `password: #abc` nothing. Behind a comment's `#` people leave a blank. Line and column,
/// from 1.
pub(crate) fn cut_off(document: &str) -> Option<(u64, u64)> {
    (1..).zip(document.lines()).find_map(|(number, line)| {
        let (key, value) = line.split_once(':')?;
        let is_password = key.trim_start_matches([' ', '-']) == "password";
        let is_quoted = value.trim_start().starts_with(['"', '\'', '|', '>']);
        if !is_password || is_quoted {
            return None;
        }
        let (before, behind) = value.split_once(" #")?;
        let column = key.chars().count() + before.chars().count() + 3;
        (!behind.is_empty() && !behind.starts_with([' ', '#'])).then_some((number, column as u64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_looks_like_a_comment_is_found() {
        let cases = [
            ("password: abc #1", Some((1, 15))),
            ("mqtt:\n  password: #abc", Some((2, 13))),
            ("mqtt:\n  password: abc#1", None),
            ("mqtt:\n  password: 'abc #1'", None),
            ("mqtt:\n  password: \"#1\"", None),
            ("mqtt:\n  password: abc # mine", None),
            ("mqtt:\n  password: null  # none", None),
            ("mqtt:\n  password:", None),
            ("# password: abc #1", None),
            ("node: abc #1", None),
        ];
        for (document, expected) in cases {
            assert_eq!(cut_off(document), expected, "{document}");
        }
    }
}
