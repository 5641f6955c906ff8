//! Keeping the passwords of addresses to ourselves.

/// What stands for what is not shown.
const MASK: &str = "***";

/// Replaces an address's secrets wherever they turn up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redaction {
    /// What to replace and by what, in this order.
    replacements: Vec<(String, String)>,
    shown: String,
}

/// The parts of an address; anything may be missing, and passwords may hold what they shouldn't.
struct Address<'a> {
    /// With its `://`.
    scheme: &'a str,
    /// What stands before the last `@`.
    user_info: Option<&'a str>,
    host_and_path: &'a str,
    /// What stands behind the first `?`: tokens live there.
    query: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// `None` for what is no address but a path.
    fn parse(address: &'a str) -> Option<Self> {
        let (scheme, rest) = address.split_at(address.find("://")? + 3);
        // First, as passwords may hold slashes and question marks. An `@` in a path makes too much
        // of it secret, never too little.
        let (user_info, rest) = match rest.rsplit_once('@') {
            Some((user_info, rest)) => (Some(user_info), rest),
            None => (None, rest),
        };
        let (host_and_path, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        Some(Self {
            scheme,
            user_info,
            host_and_path,
            query,
        })
    }
}

impl Redaction {
    /// Of an address's user, password and query. A path has no secrets.
    pub(crate) fn of(address: &str) -> Self {
        let Some(parts) = Address::parse(address) else {
            return Self {
                replacements: Vec::new(),
                shown: address.to_owned(),
            };
        };
        let mut shown = parts.scheme.to_owned();
        let mut secrets = Vec::new();
        if let Some(user_info) = parts.user_info {
            shown += MASK;
            shown.push('@');
            secrets.push(user_info);
            secrets.extend(user_info.split_once(':').map(|(_, password)| password));
        }
        shown += parts.host_and_path;
        if let Some(query) = parts.query {
            shown.push('?');
            shown += MASK;
            secrets.push(query);
            secrets.extend(
                query
                    .split('&')
                    .filter_map(|pair| Some(pair.split_once('=')?.1)),
            );
        }
        let decoded = secrets.iter().map(|secret| percent_decoded(secret));
        let mut secrets: Vec<_> = secrets
            .iter()
            .map(|&s| s.to_owned())
            .chain(decoded)
            .collect();
        secrets.retain(|secret| !secret.is_empty());
        // The longest first: what is left of one must not hide another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        let whole = (address.to_owned(), shown.clone());
        let parts = secrets.into_iter().map(|secret| (secret, MASK.to_owned()));
        Self {
            replacements: [whole].into_iter().chain(parts).collect(),
            shown,
        }
    }

    /// The address as it may be shown.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// A text without the secrets.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (secret, by) in &self.replacements {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), by);
            }
        }
        text
    }
}

/// With `%41` turned into `A`.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        let code = behind
            .get(..2)
            .and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        (rest, _) = match (byte, code) {
            (b'%', Some(code)) => (&behind[2..], bytes.push(code)),
            _ => (behind, bytes.push(*byte)),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_address() {
        let cases = [
            ("rtsp://cam/1", "rtsp://cam/1"),
            ("rtsp://user:pw@cam:554/1", "rtsp://***@cam:554/1"),
            ("rtsp://user@cam/1", "rtsp://***@cam/1"),
            ("rtsp://u:p@ss/w?rd@cam/1", "rtsp://***@cam/1"),
            ("http://cam/1?token=abc&x=1", "http://cam/1?***"),
            ("http://u:p@cam/?token=abc", "http://***@cam/?***"),
            ("rtsp://", "rtsp://"),
            ("/srv/a@b.mp4", "/srv/a@b.mp4"),
            ("", ""),
        ];
        for (address, shown) in cases {
            assert_eq!(Redaction::of(address).shown(), shown);
        }
    }

    #[test]
    fn secrets_are_found_in_any_text() {
        let redaction = Redaction::of("rtsp://me:p%40ss@cam/1?auth=t0ken");
        let cases = [
            ("nothing here", "nothing here"),
            (
                "rtsp://me:p%40ss@cam/1?auth=t0ken: gone",
                "rtsp://***@cam/1?***: gone",
            ),
            ("to me:p%40ss now", "to *** now"),
            ("password p@ss is wrong", "password *** is wrong"),
            ("GET /1?auth=t0ken", "GET /1?***"),
            ("token t0ken expired", "token *** expired"),
        ];
        for (text, expected) in cases {
            assert_eq!(redaction.apply(text), expected);
        }
    }
}
