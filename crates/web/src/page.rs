//! The page itself: three files in the program, nothing from any other host.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};

const PAGE: &str = include_str!("page/index.html");
const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/page.css");

/// Nothing is loaded from elsewhere, nothing is run but our script, and nobody else's page frames ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One of the files.
pub(crate) fn file(path: &str) -> Option<Response> {
    let (kind, text) = match path {
        "/" => ("text/html; charset=utf-8", PAGE),
        "/page.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "/page.css" => ("text/css; charset=utf-8", STYLE),
        _ => return None,
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    Some((StatusCode::OK, headers, text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_loads_nothing_from_elsewhere() {
        let all = PAGE.len() + SCRIPT.len() + STYLE.len();
        assert!(all <= 80_000, "{all} bytes");
        for text in [PAGE, SCRIPT, STYLE] {
            assert!(!text.contains("http://") && !text.contains("https://"));
            assert!(!text.contains("innerHTML") && !text.contains("eval("));
        }
        assert!(!PAGE.contains("style=") && !PAGE.contains("onclick"));
        assert!(file("/").is_some() && file("/../secret").is_none());
    }
}
