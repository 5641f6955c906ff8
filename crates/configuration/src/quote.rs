//! Which text of a document an error may repeat.
//!
//! Errors go to the journal, and what stands in the wrong place is often an address with a password
//! in it. So whatever an error quotes goes through [`quoted`], which marks it, and [`Document::reveal`]
//! decides about each mark once the error is complete: an address is not shown, nor what stands
//! behind a key for passwords, nor what stands on a line with an `@`. Invariant: an error of the
//! parser that passes through here has no other text of the document in it.

/// Begin and end of quoted text, until it is decided: from Unicode's area for private use.
const BEGIN: char = '\u{e000}';
const END: char = '\u{e001}';

/// What stands for text that is not shown.
const HIDDEN: &str = "'***'";

/// Characters of quoted text that are shown.
const MAX_SHOWN: usize = 80;

/// Shorter words are in every other text.
const MIN_WORD: usize = 3;

/// Parts of keys whose values are secret.
const SECRET_KEYS: [&str; 6] = ["pass", "pasw", "pwd", "secret", "token", "credential"];

/// Marks text of the document inside an error.
pub(crate) fn quoted(text: &str) -> String {
    let text: String = text.chars().filter(|&c| !is_mark(c)).collect();
    format!("{BEGIN}{text}{END}")
}

/// An error about something that is no part of a document, and in which nothing is secret: a value that came by itself.
pub fn revealed(error: &str) -> String {
    Document::new("").reveal(error)
}

fn is_mark(character: char) -> bool {
    matches!(character, BEGIN | END)
}

/// What decides whether quoted text may be shown.
pub(crate) struct Document<'a> {
    /// The stretches of text that are secret.
    secrets: Vec<&'a str>,
}

impl<'a> Document<'a> {
    /// Looks for the secrets of a document, which may be broken.
    pub(crate) fn new(text: &'a str) -> Self {
        let mut document = Self {
            secrets: Vec::new(),
        };
        document.add(text);
        document
    }

    /// Notes something that is secret whatever it is.
    pub(crate) fn add_secret(&mut self, secret: &'a str) {
        self.secrets.push(secret);
    }

    /// Looks for the secrets of a text that belongs to the document.
    pub(crate) fn add(&mut self, text: &'a str) {
        let lines: Vec<&str> = text.lines().filter(|line| !is_comment(line)).collect();
        let secrets = &mut self.secrets;
        for (number, line) in lines.iter().enumerate() {
            if line.contains('@') || line.contains("//") {
                secrets.push(without_keys(line));
            }
            if let Some(value) = behind_secret_key(line) {
                secrets.push(value);
                // The value may follow: as a block, a list, keys, or anything that was meant as one.
                let indentation = |line: &str| line.len() - line.trim_start().len();
                let mut following = lines[number + 1..].iter();
                if value.trim_matches([':', ' ', '|', '>', '-']).is_empty() {
                    secrets.extend(following.next());
                }
                let block = following.take_while(|next| indentation(next) > indentation(line));
                secrets.extend(block);
            }
        }
        // What an alias stands for is as secret as its place.
        let aliases: Vec<String> = secrets
            .iter()
            .flat_map(|secret| secret.split_whitespace())
            .filter_map(|word| word.strip_prefix('*'))
            .map(|name| format!("&{}", name.trim_end_matches(['}', ']', ',', '"', '\''])))
            .collect();
        for anchor in aliases {
            let anchored = lines
                .iter()
                .filter_map(|line| Some(line.split_once(&anchor)?.1));
            secrets.extend(anchored);
        }
    }

    /// Decides about everything that was marked.
    pub(crate) fn reveal(&self, error: &str) -> String {
        let mut revealed = String::new();
        let mut rest = error;
        while let Some((before, marked)) = rest.split_once(BEGIN) {
            let (text, after) = marked.split_once(END).unwrap_or((marked, ""));
            revealed += before;
            if self.may_show(text) {
                revealed += &format!("'{}'", shortened(text));
            } else {
                revealed += HIDDEN;
            }
            rest = after;
        }
        revealed + rest
    }

    fn may_show(&self, text: &str) -> bool {
        let says_more = |text: &str| text.contains([':', '=', ' ']);
        let looks_secret =
            text.contains('@') || text.contains("://") || (is_secret_key(text) && says_more(text));
        !looks_secret
            && !self
                .secrets
                .iter()
                .any(|secret| shares_a_word(secret, text))
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_secret_key(key: &str) -> bool {
    let key = key.to_lowercase();
    SECRET_KEYS.iter().any(|part| key.contains(part))
}

/// What stands behind a key that holds a password. The name of a file that holds one is none.
fn behind_secret_key(line: &str) -> Option<&str> {
    let is_in_key = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let mut rest = line;
    while let Some(start) = rest.find(is_in_key) {
        let end = rest[start..]
            .find(|c| !is_in_key(c))
            .map_or(rest.len(), |length| start + length);
        let key = &rest[start..end];
        rest = &rest[end..];
        if is_secret_key(key) && !key.ends_with("_file") {
            return Some(rest);
        }
    }
    None
}

/// What is left of a line without the keys at its beginning.
fn without_keys(line: &str) -> &str {
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '-', '{', '[']);
        let is_in_key = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let value = rest.trim_start_matches(is_in_key);
        match value.strip_prefix(':') {
            Some(value) if value.is_empty() || value.starts_with([' ', '\t']) => rest = value,
            _ => return rest,
        }
    }
}

/// Whether `text` has a word of `secret`, or all of it.
fn shares_a_word(secret: &str, text: &str) -> bool {
    fn words(text: &str) -> impl Iterator<Item = &str> {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.chars().count() >= MIN_WORD)
    }
    let whole = text.trim();
    (whole.chars().count() >= MIN_WORD && secret.contains(whole))
        || words(text).any(|word| words(secret).any(|other| other == word))
        // An escaped character may hide what it is.
        || (secret.contains('\\') && !text.is_empty())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_text_is_shown() {
        let document = Document::new("node: a/b\nmqtt: {host: h, password: sesame}\n");
        for text in [
            "a/b",
            "host",
            "password",
            "hosst",
            "",
            "/srv/pictures",
            "rtsp",
        ] {
            let error = format!("unknown key {}, see above", quoted(text));
            let expected = format!("unknown key '{text}', see above");
            assert_eq!(document.reveal(&error), expected);
        }
        let long = "x".repeat(1000);
        assert!(document.reveal(&quoted(&long)).len() < 100);
    }

    #[test]
    fn what_may_hold_a_password_is_not() {
        let cases = [
            ("", "rtsp://admin:sesame@cam/1"),
            ("", "rtsp://cam/1"),
            ("", "admin:se same@cam"),
            ("", "password=sesame"),
            ("", "password: sesame"),
            ("mqtt: {password, sesame}", "sesame"),
            ("mqtt:\n  password:\n    - [sesame]", "sesame"),
            ("mqtt:\n  password:\n  sesame", "sesame"),
            ("mqtt:\n  password: |\n    open\n    sesame", "sesame"),
            ("mqtt: {password: &p sesame}\nnode: *p", "sesame"),
            ("node: &p sesame/x\nmqtt: {password: *p}", "sesame/x"),
            ("mqtt: {password: \"s\\x65same\"}\nnode: sesame", "sesame"),
            ("source: rtsp://u:sesame #x@cam", "rtsp:sesame"),
            ("source: u:ses #ame@cam", "u:ses"),
            ("source: rtsp://u:sesame cam", "sesame"),
        ];
        for (document, text) in cases {
            let document = Document::new(document);
            assert_eq!(document.reveal(&quoted(text)), HIDDEN, "{text}");
        }
    }

    #[test]
    fn marks_cannot_be_forged() {
        let document = Document::new("");
        let text = format!("{END}rtsp://admin:sesame@cam{BEGIN}");
        assert_eq!(document.reveal(&quoted(&text)), HIDDEN);
    }
}
