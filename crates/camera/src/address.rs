//! Addresses of streams: which parts are secret, and how ffmpeg wants them written.
//!
//! People write passwords into addresses as they are, with `@`, `/`, `#` and `?` in them, though
//! RFC 3986 wants those percent-encoded. Such an address has more than one reading. Two rules keep
//! that harmless: what is shown leaves out everything that is secret in any reading, and what ffmpeg
//! gets has one reading only, as user and password are encoded before.

use std::fmt;

/// What stands for what is not shown.
pub(crate) const MASK: &str = "***";

/// The most bytes of user and password that ffmpeg's RTSP client keeps; it cuts off the rest without
/// a word (`auth` in `libavformat/rtsp.c`).
pub(crate) const MAX_RTSP_LOGIN: usize = 127;

/// A name and a password for a camera.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub username: String,
    /// The password as the camera knows it, not encoded.
    pub password: String,
}

impl fmt::Debug for Login {
    /// Without either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// The parts of an address, in the reading that a person most likely meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address<'a> {
    /// Without `://`.
    pub scheme: &'a str,
    /// What stands before the host, without `@`.
    pub user_info: Option<&'a str>,
    /// The host with its port.
    pub host: &'a str,
    /// From the first `/` on.
    pub path: &'a str,
    /// What stands behind the first `?`: tokens and passwords live there.
    pub query: Option<&'a str>,
}

impl<'a> Address<'a> {
    /// `None` for what is a path, which `file://` may stand before.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        if matches!(scheme, "" | "file") || !scheme.chars().all(is_scheme) {
            return None;
        }
        let (user_info, rest) = match end_of_user_info(rest) {
            Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
            None => (None, rest),
        };
        let (before, query) = match rest.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (rest, None),
        };
        let (host, path) = before.split_at(before.find(['/', '#']).unwrap_or(before.len()));
        Some(Self {
            scheme,
            user_info,
            host,
            path,
            query,
        })
    }

    /// The address as ffmpeg is to get it, with user and password encoded so that it has one
    /// reading. `login` comes in place of those in the address.
    pub(crate) fn encoded(&self, login: Option<&Login>) -> String {
        let mut encoded = format!("{}://", self.scheme);
        if let Some(user_info) = self.login_encoded(login) {
            encoded += &user_info;
            encoded.push('@');
        }
        encoded += self.host;
        encoded += self.path;
        if let Some(query) = self.query {
            encoded.push('?');
            encoded += query;
        }
        encoded
    }

    /// User and password as they stand in the encoded address.
    pub(crate) fn login_encoded(&self, login: Option<&Login>) -> Option<String> {
        match login {
            Some(Login { username, password }) => {
                // A colon would end the name.
                let username = percent_encoded(username, false).replace(':', "%3A");
                Some(format!("{username}:{}", percent_encoded(password, false)))
            }
            None => Some(percent_encoded(self.user_info?, true)),
        }
    }
}

/// Where user and password end: the place of their `@` behind the scheme.
fn end_of_user_info(rest: &str) -> Option<usize> {
    let authority = authority(rest);
    let Some(first) = authority.rfind('@') else {
        // `admin:pa/ss@host` has no host of the kind there is where the standard puts it.
        return if authority.is_empty() || is_host(authority) {
            None
        } else {
            rest.rfind('@')
        };
    };
    // A second `@` further on may belong to the path, or else the first belongs to the password. A
    // host with a dot or a port decides. A query, which has `key=value` in it, never holds the host.
    let before_query = match rest.split_once('?') {
        Some((before, query)) if query.contains('=') => before,
        _ => rest,
    };
    let last = before_query.rfind('@').unwrap_or(first);
    let (standard, other) = (&authority[first + 1..], self::authority(&rest[last + 1..]));
    if is_full_host(standard) && !is_full_host(other) {
        Some(first)
    } else {
        Some(last)
    }
}

/// What comes before the path, by the standard.
fn authority(rest: &str) -> &str {
    &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())]
}

/// Whether this can be a host with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (text, ""),
    };
    let is_in_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let is_in_number = |c: char| c.is_ascii_alphanumeric() || ":.%".contains(c);
    let is_name = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        Some(number) => number.chars().all(is_in_number),
        None => !host.is_empty() && host.chars().all(is_in_name),
    };
    is_name && port.chars().all(|c| c.is_ascii_digit())
}

/// Whether this is surely a host: not a mere word.
fn is_full_host(text: &str) -> bool {
    is_host(text) && (text.contains(['.', ':']) || text == "localhost")
}

/// An input as it may be shown: an address without its user, password and query.
///
/// Where an address has several readings, everything is left out that is secret in one of them.
/// A path is shown as it is, unless it looks like an address whose scheme was forgotten.
pub fn without_secrets(input: &str) -> String {
    let Some(address) = Address::parse(input) else {
        return match input.rsplit_once('@') {
            Some((before, after)) if before.contains(':') && !before.starts_with("file:") => {
                format!("{MASK}@{after}")
            }
            _ => input.to_owned(),
        };
    };
    let scheme = address.scheme;
    let rest = &input[scheme.len() + 3..];
    let authority = authority(rest);
    let query = rest.find('?').unwrap_or(rest.len());
    let is_plain = authority.is_empty() || is_host(authority);
    let (shown, at) = match rest[..query].rfind('@') {
        _ if !is_plain && rest[query..].contains('@') => (String::new(), MASK),
        // `udp://@group` names no user.
        Some(0) => (rest[..query].to_owned(), ""),
        Some(at) => (rest[at + 1..query].to_owned(), "***@"),
        None if is_plain => (rest[..query].to_owned(), ""),
        None => (String::new(), MASK),
    };
    // Some cameras have user and password in the path: `/user=admin_password=secret.sdp`.
    let (shown, cut) = match shown.find('=') {
        Some(equals) => {
            let start = shown[..equals].rfind('/').map_or(0, |slash| slash + 1);
            (&shown[..start], MASK)
        }
        None => (shown.as_str(), ""),
    };
    let query = match rest[query..].len() {
        0 | 1 => "",
        _ if shown.is_empty() && !at.is_empty() => "",
        _ => "?***",
    };
    format!("{scheme}://{at}{shown}{cut}{query}")
}

/// Everything before the host, in the reading that has most there.
pub(crate) fn widest_user_info(input: &str) -> Option<&str> {
    let rest = &input[Address::parse(input)?.scheme.len() + 3..];
    let before_query = &rest[..rest.find('?').unwrap_or(rest.len())];
    let is_plain = is_host(authority(rest));
    let searched = if is_plain { before_query } else { rest };
    searched.rfind('@').map(|at| &rest[..at])
}

/// With everything encoded that would end user or password early; `%41` stays where it is known to
/// be an encoded character.
fn percent_encoded(text: &str, keep_codes: bool) -> String {
    let mut encoded = String::new();
    for (at, byte) in text.bytes().enumerate() {
        let is_code = || {
            let code = text.as_bytes().get(at + 1..at + 3);
            code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
        };
        match byte {
            b'%' if keep_codes && is_code() => encoded.push('%'),
            b'/' | b'?' | b'#' | b'@' | b'%' | b'[' | b']' | b'\\' | b'\'' | b'"' => {
                encoded += &format!("%{byte:02X}");
            }
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

/// With `%41` turned into `A`.
pub(crate) fn percent_decoded(text: &str) -> String {
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
            ("rtsp://u:p@ss/w?rd@cam/1", "rtsp://***"),
            ("rtsp://u:p@ss/w0rd@cam/1", "rtsp://***@cam/1"),
            ("rtsp://u:p#ss@cam/1", "rtsp://***@cam/1"),
            ("rtsp://u:p?ss@cam/1", "rtsp://***"),
            ("rtsp://u:12/34@cam/1", "rtsp://***@cam/1"),
            ("rtsp://u:p/ss", "rtsp://***"),
            ("rtsp://u:p@cam", "rtsp://***@cam"),
            ("http://cam/1?token=abc&x=1", "http://cam/1?***"),
            ("http://cam/1?password=p@ssword", "http://cam/1?***"),
            ("http://u:p@cam/1?password=p@ssword", "http://***"),
            ("http://u:p@cam/?token=abc", "http://***@cam/?***"),
            (
                "rtsp://cam:554/live/user=a&password=b.sdp",
                "rtsp://cam:554/live/***",
            ),
            ("udp://@239.0.0.1:1234", "udp://@239.0.0.1:1234"),
            (
                "rtsp://u:p@[fe80::1%eth0]:554/1",
                "rtsp://***@[fe80::1%eth0]:554/1",
            ),
            ("rtsp://[::1]/1", "rtsp://[::1]/1"),
            ("rtsp://", "rtsp://"),
            ("/srv/a@b.mp4", "/srv/a@b.mp4"),
            ("file:///srv/a@b.mp4", "file:///srv/a@b.mp4"),
            ("admin:secret@10.0.0.1/1", "***@10.0.0.1/1"),
            ("", ""),
        ];
        for (address, shown) in cases {
            assert_eq!(without_secrets(address), shown, "{address}");
            assert_eq!(without_secrets(shown), shown, "again");
        }
    }

    #[test]
    fn what_ffmpeg_gets_has_one_reading() {
        let cases = [
            ("rtsp://cam/1", "rtsp://cam/1"),
            ("rtsp://u:p%40s@cam/1", "rtsp://u:p%40s@cam/1"),
            (
                "rtsp://u:p@ss/w0rd@10.0.0.1:9/h",
                "rtsp://u:p%40ss%2Fw0rd@10.0.0.1:9/h",
            ),
            ("rtsp://u:p@ss/w0rd@cam/h", "rtsp://u:p%40ss%2Fw0rd@cam/h"),
            ("rtsp://u:p/s@cam/h?x=1", "rtsp://u:p%2Fs@cam/h?x=1"),
            ("rtsp://u:a#b?c@cam/h", "rtsp://u:a%23b%3Fc@cam/h"),
            ("rtsp://u:50%@cam/h", "rtsp://u:50%25@cam/h"),
            ("rtsp://u:a b\u{fc}@cam/h", "rtsp://u:a%20b%C3%BC@cam/h"),
            ("rtsp://u:{^}@cam/h", "rtsp://u:{^}@cam/h"),
            (
                "rtsp://u:p@10.0.0.1/live@main",
                "rtsp://u:p@10.0.0.1/live@main",
            ),
            (
                "rtsp://u:p@ss?w@10.0.0.1/h",
                "rtsp://u:p%40ss%3Fw@10.0.0.1/h",
            ),
            (
                "http://u:p@cam/1?mail=a@b.org",
                "http://u:p@cam/1?mail=a@b.org",
            ),
            ("rtsp://cam/live@main", "rtsp://cam/live@main"),
            ("http://cam/1?password=p@ss", "http://cam/1?password=p@ss"),
            ("udp://@239.0.0.1:1234", "udp://@239.0.0.1:1234"),
        ];
        for (address, expected) in cases {
            let parsed = Address::parse(address).unwrap();
            assert_eq!(parsed.encoded(None), expected);
        }
        let login = Login {
            username: "a:b".into(),
            password: "p%40@:/ss".into(),
        };
        let encoded = Address::parse("rtsp://cam/1")
            .unwrap()
            .encoded(Some(&login));
        assert_eq!(encoded, "rtsp://a%3Ab:p%2540%40:%2Fss@cam/1");
        assert_eq!(format!("{login:?}"), MASK);
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        for text in ["p@ss/w0rd", "100%", "%41", "\u{fc} \u{1f4f7}", "a'b\"c\\d"] {
            assert_eq!(percent_decoded(&percent_encoded(text, false)), text);
        }
    }
}
