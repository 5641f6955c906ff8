//! Keeping the secrets of an address out of what a child says.
//!
//! ffmpeg repeats an address whole, cut off, decoded, or split at the places where it saw a host or
//! a path begin. So not only the secrets are looked for in a line, but also their pieces. A line
//! loses a harmless word to that now and then; it keeps the rest.

use crate::address::{Address, Login, MASK, percent_decoded, widest_user_info, without_secrets};

/// Shorter runs of characters than this are in every other word.
const MIN_PIECE: usize = 3;

/// A run of this many characters is a piece of a secret even inside of a word.
const SURE_PIECE: usize = 6;

/// Replaces an address's secrets wherever they turn up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    /// What is replaced as a whole, and by what, in this order.
    replacements: Vec<(String, String)>,
    /// What no piece of may be shown.
    secrets: Vec<Vec<char>>,
}

impl Redaction {
    /// Of the user, password and query of `input`, and of a login that comes beside it; `sent` is
    /// what the child gets in their place. A path has no secrets.
    pub(crate) fn of(input: &str, login: Option<&Login>, sent: &str) -> Self {
        let Some(address) = Address::parse(input) else {
            return Self::default();
        };
        let shown = without_secrets(input);
        let mut secrets: Vec<String> = Vec::new();
        let in_address = [address.user_info, widest_user_info(input)];
        let in_address = in_address.into_iter().flatten().map(str::to_owned);
        for user_info in in_address.chain(address.login_encoded(login)) {
            let (name, password) = user_info.split_once(':').unwrap_or((&user_info, ""));
            secrets.extend([name.to_owned(), password.to_owned(), user_info.clone()]);
        }
        if let Some(Login { username, password }) = login {
            secrets.extend([username.clone(), password.clone()]);
        }
        // Its keys are in the cameras' manuals, and words like `user` in half of all lines.
        let pairs = address
            .query
            .into_iter()
            .flat_map(|query| query.split(['&', ';']));
        secrets.extend(pairs.map(|pair| {
            pair.split_once('=')
                .map_or(pair, |(_, value)| value)
                .to_owned()
        }));
        let decoded: Vec<_> = secrets.iter().map(|s| percent_decoded(s)).collect();
        secrets.extend(decoded);
        secrets.retain(|secret| !secret.is_empty());
        // The longest first: what is left of one must not hide another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        let whole = [input, sent].map(|address| (address.to_owned(), shown.clone()));
        let query = address.query.filter(|query| query.len() >= MIN_PIECE);
        let query = query.map(|query| (query.to_owned(), MASK.to_owned()));
        let parts = secrets
            .iter()
            .filter(|secret| secret.chars().count() >= MIN_PIECE)
            .map(|secret| (secret.clone(), MASK.to_owned()));
        Self {
            replacements: whole.into_iter().chain(query).chain(parts).collect(),
            secrets: secrets.iter().map(|s| s.chars().collect()).collect(),
        }
    }

    /// Replaces this, too.
    pub(crate) fn and(mut self, text: &str, by: String) -> Self {
        self.replacements.push((text.to_owned(), by));
        self
    }

    /// A text without the secrets.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (secret, by) in &self.replacements {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), by);
            }
        }
        self.without_pieces(&without_secrets_of_others(&text))
    }

    /// Words that hold a piece of a secret are replaced.
    fn without_pieces(&self, text: &str) -> String {
        let text: Vec<char> = text.chars().collect();
        let mut secret = vec![false; text.len()];
        for run in self.secrets.iter().flat_map(|secret| pieces(&text, secret)) {
            secret[run].fill(true);
        }
        // The rest of a word would tell what is missing.
        let joined = |a: usize, b: usize| text[a].is_alphanumeric() && text[b].is_alphanumeric();
        for at in 1..text.len() {
            secret[at] |= secret[at - 1] && joined(at - 1, at);
        }
        for at in (1..text.len()).rev() {
            secret[at - 1] |= secret[at] && joined(at - 1, at);
        }
        let mut shown = String::new();
        for (at, &character) in text.iter().enumerate() {
            if !secret[at] {
                shown.push(character);
            } else if at == 0 || !secret[at - 1] {
                shown += MASK;
            }
        }
        shown
    }
}

/// Where `text` has pieces of `secret`: runs that begin and end where a word does, as a program that
/// takes an address apart leaves them, or that are long.
fn pieces(text: &[char], secret: &[char]) -> Vec<std::ops::Range<usize>> {
    let is_edge = |at: usize| {
        at == 0
            || at == text.len()
            || !text[at - 1].is_alphanumeric()
            || !text[at].is_alphanumeric()
    };
    let mut found = Vec::new();
    for start in 0..text.len() {
        let length = (0..secret.len())
            .map(|from| {
                let pairs = text[start..].iter().zip(&secret[from..]);
                pairs.take_while(|(a, b)| a == b).count()
            })
            .max()
            .unwrap_or(0);
        let end = start + length;
        // A word that is exactly a piece of two characters was cut out of the secret, too.
        let is_word = length == 2
            && is_edge(start)
            && is_edge(end)
            && text[start..end].iter().all(|c| c.is_alphanumeric())
            && secret
                .split(|c| !c.is_alphanumeric())
                .any(|word| word == &text[start..end]);
        if is_word
            || length >= SURE_PIECE
            || (length >= MIN_PIECE && is_edge(start) && is_edge(end))
        {
            found.push(start..end);
        }
    }
    found
}

/// Cameras redirect, and playlists name other addresses: these may hold tokens as well.
fn without_secrets_of_others(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(colon) = rest.find("://") {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        let start = rest[..colon].trim_end_matches(is_scheme).len();
        let ends = |c: char| c.is_whitespace() || "'\"<>".contains(c);
        let end = rest[colon..].find(ends).map_or(rest.len(), |at| colon + at);
        let address = rest[start..end].trim_end_matches([':', ',', ';', '.', ')']);
        shown += &rest[..start];
        shown += &without_secrets(address);
        // Never less than the colon, so that this ends.
        let end = (start + address.len()).max(colon + 3);
        rest = &rest[end..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Redaction {
        let sent = Address::parse(address).map_or_else(String::new, |a| a.encoded(None));
        Redaction::of(address, None, &sent)
    }

    #[test]
    fn secrets_are_found_in_any_text() {
        let redaction = of("rtsp://me:p%40ss@cam/1?auth=t0ken");
        let cases = [
            ("nothing here", "nothing here"),
            (
                "rtsp://me:p%40ss@cam/1?auth=t0ken: gone",
                "rtsp://***@cam/1?***: gone",
            ),
            ("to me:p%40ss now", "to *** now"),
            ("key p@ss is wrong", "key *** is wrong"),
            ("GET /1?auth=t0ken", "GET /1?***"),
            ("t0ken expired", "*** expired"),
            ("Connection refused", "Connection refused"),
        ];
        for (text, expected) in cases {
            assert_eq!(redaction.apply(text), expected);
        }
    }

    #[test]
    fn pieces_of_a_secret_are_found() {
        let redaction = of("rtsp://admin:p@ss/w0rd-long@127.0.0.1:9/h264?user=bob&key=s3cretR");
        let cases = [
            (
                "[tcp @ 0x1] Failed to resolve hostname ss: Name or service not known",
                "[tcp @ 0x1] Failed to resolve hostname ***: Name or service not known",
            ),
            ("rtsp://admin:p@ss: gone", "rtsp://******: gone"),
            ("path /w0rd-long@127.0.0.1", "path ***@127.0.0.1"),
            ("cut off at w0rd-lo", "cut off at ***"),
            ("encoded p%40ss%2Fw0rd-long", "encoded ***"),
            ("encoded ss%2Fw0r", "encoded ***"),
            ("key xs3cretRx is bad", "key x***x is bad"),
            (
                "401 Unauthorized (authorization failed)",
                "401 Unauthorized (authorization failed)",
            ),
            ("Connection refused", "Connection refused"),
            (
                "Invalid data found when processing input",
                "Invalid data found when processing input",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(redaction.apply(text), expected);
        }
    }

    #[test]
    fn an_address_with_several_readings_is_secret_in_all_of_them() {
        let address = "rtsp://admin:p@ssword/x?k=1@cam/1";
        let redaction = of(address);
        let shown = redaction.apply("Failed to resolve hostname ssword, path /x?k=1");
        assert!(
            shown.starts_with("Failed to resolve hostname ***"),
            "{shown}"
        );
        assert!(!shown.contains("k=1"), "{shown}");
        assert_eq!(redaction.apply(address), "rtsp://***");
    }

    #[test]
    fn a_login_beside_the_address_is_as_secret() {
        let login = Login {
            username: "c4mera".into(),
            password: "gr\u{fc}n #1%".into(),
        };
        let address = Address::parse("rtsp://cam/1").unwrap();
        let sent = address.encoded(Some(&login));
        let redaction = Redaction::of("rtsp://cam/1", Some(&login), &sent);
        let cases = [
            (
                format!("Impossible to open '{sent}'"),
                "Impossible to open 'rtsp://cam/1'",
            ),
            ("no gr\u{fc}n #1% here".into(), "no *** here"),
            ("user c4mera unknown".into(), "user *** unknown"),
            ("cut gr%C3%BCn%20".into(), "cut ***"),
        ];
        for (text, expected) in cases {
            assert_eq!(redaction.apply(&text), expected);
        }
    }

    #[test]
    fn addresses_of_others_lose_their_secrets() {
        let redaction = of("http://cam/live.m3u8");
        let cases = [
            (
                "Redirecting to http://u:pw@cdn/1?token=t",
                "Redirecting to http://***@cdn/1?***",
            ),
            (
                "failed for 'https://cdn/seg.ts?sig=abc': 403",
                "failed for 'https://cdn/seg.ts?***': 403",
            ),
            ("tcp://127.0.0.1:9: refused", "tcp://127.0.0.1:9: refused"),
            (":// and a ://", ":// and a ://"),
        ];
        for (text, expected) in cases {
            assert_eq!(redaction.apply(text), expected);
        }
    }

    proptest::proptest! {
        /// Whatever part of the secrets a program cuts out and sets apart.
        #[test]
        fn no_piece_of_a_password_is_shown(
            password in "[A-Za-z0-9@/#?:%&= \u{fc}]{3,20}",
            from in 0..18usize,
            length in 3..20usize,
        ) {
            let login = Login { username: "camera".into(), password: password.clone() };
            let address = Address::parse("rtsp://10.1.1.1/").unwrap();
            let redaction = Redaction::of("rtsp://10.1.1.1/", Some(&login), &address.encoded(Some(&login)));
            let piece: String = password.chars().skip(from).take(length).collect();
            if piece.trim().chars().count() >= MIN_PIECE {
                let shown = redaction.apply(&format!("!<{piece}>!"));
                let inside = shown.trim_start_matches("!<").trim_end_matches(">!");
                let left: Vec<char> = inside.chars().collect();
                let shows = left.windows(MIN_PIECE).any(|run| {
                    let run: String = run.iter().collect();
                    password.contains(&run) && run != MASK
                });
                proptest::prop_assert!(!shows, "{} shows a piece of {}", shown, password);
            }
        }
    }
}
