//! What every answer is made from, what may come in, and how something is refused.

use std::{fmt::Display, sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{sync::Semaphore, time::timeout};

use crate::{gallery::Gallery, gate::Gate, node::Node};

/// How long a viewer waits for a frame.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What is served.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) gallery: Arc<Gallery>,
    pub(crate) gate: Arc<Gate>,
    /// Places for pictures that come in or are worked on.
    pub(crate) uploads: Arc<Semaphore>,
}

/// Refuses something in one line.
pub(crate) fn refuse(code: StatusCode, why: impl Display) -> Response {
    (code, format!("{why}\n")).into_response()
}

/// Names the cameras that there are.
pub(crate) fn no_camera(app: &App, name: &str) -> Response {
    let names: Vec<_> = app.gallery.names().collect();
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let why = format!("no camera '{shown}': there is {}", names.join(", "));
    refuse(StatusCode::NOT_FOUND, why)
}

/// Reads what is sent, at most `most` bytes and for `patience`. What says of itself that it is larger is not read.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    most: usize,
    patience: Duration,
) -> Result<Vec<u8>, Response> {
    let too_large = || {
        let why = format!("a request of more than {most} bytes, or one that broke off");
        refuse(StatusCode::PAYLOAD_TOO_LARGE, why)
    };
    let length = headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > most as u64) {
        return Err(too_large());
    }
    match timeout(patience, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => {
            let seconds = patience.as_secs();
            let why = format!("the request took more than {seconds} seconds to come in");
            Err(refuse(StatusCode::REQUEST_TIMEOUT, why))
        }
    }
}
