//! The page itself: some files in the program, nothing from any other host.

use axum::{
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};

/// Path, kind and content of each file.
const FILES: [(&str, &str, &str); 13] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("page/index.html"),
    ),
    (
        "/page.css",
        "text/css; charset=utf-8",
        include_str!("page/page.css"),
    ),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
    ("/api.js", SCRIPT, include_str!("page/api.js")),
    ("/areas.js", SCRIPT, include_str!("page/areas.js")),
    ("/camera.js", SCRIPT, include_str!("page/camera.js")),
    ("/colour.js", SCRIPT, include_str!("page/colour.js")),
    ("/events.js", SCRIPT, include_str!("page/events.js")),
    ("/objects.js", SCRIPT, include_str!("page/objects.js")),
    ("/prompts.js", SCRIPT, include_str!("page/prompts.js")),
    ("/settings.js", SCRIPT, include_str!("page/settings.js")),
    ("/state.js", SCRIPT, include_str!("page/state.js")),
    ("/upload.js", SCRIPT, include_str!("page/upload.js")),
];

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Nothing is loaded from elsewhere, nothing is run but our script, and nobody else's page frames ours.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// One of the files.
pub(crate) fn file(path: &str) -> Option<Response> {
    let (_, kind, text) = FILES.iter().find(|(name, ..)| *name == path)?;
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    Some((StatusCode::OK, headers, *text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small_and_loads_nothing_from_elsewhere() {
        let all: usize = FILES.iter().map(|(_, _, text)| text.len()).sum();
        assert!(all <= 80_000, "{all} bytes");
        for (.., text) in FILES {
            assert!(!text.contains("http://") && !text.contains("https://"));
            assert!(!text.contains("innerHTML") && !text.contains("eval("));
        }
        let (.., page) = FILES[0];
        assert!(!page.contains("style=") && !page.contains("onclick"));
        assert!(file("/").is_some() && file("/../secret").is_none());
    }
}
