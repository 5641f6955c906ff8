//! A place that a file may be fetched from: a URL whose secrets are kept apart.

use std::{fmt, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use ureq::http::Uri;

/// An `http`, `https` or `file` URL. Shown without the user and password that it may have had.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    url: String,
    /// The host, with its port if it names one; empty for files.
    host: String,
    /// The value of an `Authorization` header.
    authorization: Option<String>,
}

/// A text that is no such URL. It is not quoted, since there may be a password in it.
#[derive(Debug, thiserror::Error)]
#[error("a URL begins with http://, https:// or file:/// and has no blanks or braces")]
pub struct NotAPlace;

/// How URLs of this machine's own files begin; the path follows, and begins with a slash.
const FILE: &str = "file://";

impl Place {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// [`NotAPlace`].
    pub fn parse(url: &str) -> Result<Self, NotAPlace> {
        if let Some(path) = url.strip_prefix(FILE) {
            if !path.starts_with('/') {
                return Err(NotAPlace);
            }
            return Ok(Self {
                url: url.to_owned(),
                host: String::new(),
                authorization: None,
            });
        }
        // A placeholder that nothing replaced, perhaps.
        if url.contains(['{', '}']) {
            return Err(NotAPlace);
        }
        let uri: Uri = url.parse().map_err(|_| NotAPlace)?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) =
            (uri.scheme_str(), uri.authority())
        else {
            return Err(NotAPlace);
        };
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority.as_str()),
        };
        if host.is_empty() {
            return Err(NotAPlace);
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            url: format!("{scheme}://{host}{path}"),
            host: host.to_owned(),
            authorization: user.map(basic),
        })
    }

    /// The URL, without secrets.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host, with its port if it names one; empty for this machine's files.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// The path, if it is this machine's file.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.url.strip_prefix(FILE).map(PathBuf::from)
    }

    pub(crate) fn is_https(&self) -> bool {
        self.url.starts_with("https://")
    }
}

/// RFC 7617: what is escaped in a URL is not in the header.
fn basic(user_and_password: &str) -> String {
    let mut plain = Vec::new();
    let (user, password) = user_and_password
        .split_once(':')
        .unwrap_or((user_and_password, ""));
    plain.extend(percent_decode_str(user));
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    format!("Basic {}", BASE64_STANDARD.encode(plain))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_sent_and_not_shown() {
        let place = Place::parse("https://me:p%40ss@host:8443/a/b.hef?c=d").unwrap();
        assert_eq!(place.url(), "https://host:8443/a/b.hef?c=d");
        assert_eq!(place.host(), "host:8443");
        // me:p@ss
        assert_eq!(place.authorization(), Some("Basic bWU6cEBzcw=="));
        assert!(!format!("{place:?} {place}").contains("ss@"));
        assert!(place.is_https());
    }

    #[test]
    fn only_urls_that_can_be_fetched_are_places() {
        for url in [
            "",
            "host/a.hef",
            "/a.hef",
            "ftp://host/a",
            "http://",
            "http://me@/a",
            "file://a",
            "http://host/a b",
            "http://host/{model}/a",
        ] {
            let error = Place::parse(url).unwrap_err().to_string();
            assert!(error.contains("http://"), "{url}: {error}");
        }
        let file = Place::parse("file:///a b/c.hef").unwrap();
        assert_eq!(file.file(), Some(PathBuf::from("/a b/c.hef")));
        assert_eq!(Place::parse("http://host").unwrap().url(), "http://host/");
    }
}
