//! Who may come in: requests by the name of this machine, from its own pages, with the token where there is one.
//!
//! A page of somebody else that is open in a viewer's browser can send requests here, too. Those that name another
//! host (DNS rebinding) or come from another origin are refused. Programs send no `Origin` and are let pass.

use std::{borrow::Cow, fmt, net::IpAddr};

use axum::http::{HeaderMap, Uri, header};
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

/// The name of the cookie that holds the token.
pub(crate) const COOKIE: &str = "fastsamd_token";

/// What a viewer has to know.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// This text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether somebody knows it. Takes the same time whatever is wrong: sums are compared.
    fn is(&self, told: &str) -> bool {
        Sha256::digest(&self.0) == Sha256::digest(told)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why somebody may not come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request names another host.
    Host,
    /// It comes from another site's page.
    Origin,
    /// The token is missing or wrong.
    Token,
}

/// What a request needs.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) token: Option<Token>,
    /// The machine's own name.
    pub(crate) machine: String,
}

impl Gate {
    /// Lets a request in, or not.
    pub(crate) fn judge(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST)
            .or_else(|| uri.authority().map(|authority| authority.as_str()))
            .ok_or(Refusal::Host)?;
        if !self.is_ours(name_of(host)) {
            return Err(Refusal::Host);
        }
        if let Some(origin) = text(header::ORIGIN) {
            let ours = origin.split_once("://").map(|(_, rest)| rest) == Some(host);
            if !ours {
                return Err(Refusal::Origin);
            }
        }
        let Some(token) = &self.token else {
            return Ok(());
        };
        let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let cookie = text(header::COOKIE).and_then(|cookies| {
            let mut pairs = cookies
                .split(';')
                .filter_map(|pair| pair.trim().split_once('='));
            pairs
                .find(|(name, _)| *name == COOKIE)
                .map(|(_, told)| told)
        });
        // In an address, and in the cookie that was laid from one, a token is percent-encoded.
        let encoded = in_query(uri).or(cookie);
        let decoded = encoded.map(|told| percent_decode_str(told).decode_utf8_lossy());
        let told = bearer.map(Cow::Borrowed).or(decoded);
        if told.is_some_and(|told| token.is(&told)) {
            Ok(())
        } else {
            Err(Refusal::Token)
        }
    }

    /// Whether a name is this machine's. Addresses are: a page can't have itself taken for one by DNS.
    fn is_ours(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let machine = self.machine.to_ascii_lowercase();
        let short = name.strip_suffix(".local").unwrap_or(&name);
        name.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name == machine
            || (!machine.is_empty() && short == machine.split('.').next().unwrap_or_default())
    }
}

/// The token in an address, `?token=...`.
pub(crate) fn in_query(uri: &Uri) -> Option<&str> {
    let mut pairs = uri
        .query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(name, _)| *name == "token")
        .map(|(_, told)| told)
}

/// A host without its port and brackets.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(
        token: Option<&str>,
        headers: &[(&'static str, &str)],
        uri: &str,
    ) -> Result<(), Refusal> {
        let gate = Gate {
            token: token.map(Token::new),
            machine: "garden".to_owned(),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        gate.judge(&map, &uri.parse().unwrap())
    }

    #[test]
    fn other_hosts_and_other_sites_are_refused() {
        for host in [
            "localhost:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "192.168.1.7",
            "garden",
            "Garden.local:8080",
            "garden.local.",
        ] {
            assert_eq!(judge(None, &[("host", host)], "/"), Ok(()), "{host}");
            let origin = format!("http://{host}");
            let both = [("host", host), ("origin", origin.as_str())];
            assert_eq!(judge(None, &both, "/"), Ok(()), "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "garden.evil.example",
            "",
            "127.0.0.1.nip.io",
        ] {
            assert_eq!(
                judge(None, &[("host", host)], "/"),
                Err(Refusal::Host),
                "{host}"
            );
        }
        assert_eq!(judge(None, &[], "/"), Err(Refusal::Host));
        for origin in [
            "http://evil.example",
            "null",
            "http://127.0.0.1:9",
            "http://localhost.evil.example",
        ] {
            let both = [("host", "127.0.0.1:8080"), ("origin", origin)];
            assert_eq!(judge(None, &both, "/"), Err(Refusal::Origin), "{origin}");
        }
    }

    #[test]
    fn a_token_comes_in_a_header_a_cookie_or_the_address() {
        let host = ("host", "127.0.0.1");
        for (headers, uri) in [
            (vec![host, ("authorization", "Bearer secret")], "/"),
            (vec![host, ("cookie", "a=b; fastsamd_token=secret")], "/"),
            (vec![host], "/?a=b&token=secret"),
        ] {
            assert_eq!(judge(Some("secret"), &headers, uri), Ok(()), "{uri}");
            assert_eq!(judge(Some("secre"), &headers, uri), Err(Refusal::Token));
        }
        assert_eq!(judge(Some("secret"), &[host], "/"), Err(Refusal::Token));
        assert_eq!(
            judge(Some("secret"), &[host], "/?token="),
            Err(Refusal::Token)
        );
        // As browsers write it.
        for (headers, uri) in [
            (vec![host], "/?token=p%40ss%20w%2Frd"),
            (
                vec![host, ("cookie", "fastsamd_token=p%40ss%20w%2Frd")],
                "/",
            ),
        ] {
            assert_eq!(judge(Some("p@ss w/rd"), &headers, uri), Ok(()), "{uri}");
        }
        let gate = format!("{:?}", Token::new("secret"));
        assert!(!gate.contains("secret"));
    }
}
