//! `POST /api/v1/segment`: a picture's masks, once.
//!
//! The body is the picture's bytes, of any kind that `fastsamd segment` reads; options stand in the query; the answer is
//! the `masks` message. Invariant: no more than [`AT_ONCE`] pictures are in memory, coming in ones among them.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    app::{App, read, refuse},
    node::{Options, Refused},
};

/// Pictures that come in, wait or are worked on.
pub(crate) const AT_ONCE: usize = 3;

/// Bytes of a picture, at most: a photo of a large camera has a third of it.
pub(crate) const MOST_BYTES: usize = 32 << 20;

/// How long one may take to come in.
const SLOWEST: Duration = Duration::from_secs(30);

/// How long one may wait and be worked on: three that are given up by the accelerator.
const LONGEST: Duration = Duration::from_secs(100);

const TOO_MANY: &str = "too many pictures are being segmented: try again in a moment";

/// Has a picture segmented.
pub(crate) async fn segment(
    State(app): State<App>,
    Query(mut options): Query<Options>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // It was for the gate.
    options.remove("token");
    let Ok(_place) = app.uploads.clone().try_acquire_owned() else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY);
    };
    let picture = match read(&headers, body, MOST_BYTES, SLOWEST).await {
        Ok(picture) => picture,
        Err(refusal) => return refusal,
    };
    let (answer_in, answer) = oneshot::channel();
    let take = Box::new(move |outcome| drop(answer_in.send(outcome)));
    app.node.segment(picture, options, take);
    match timeout(LONGEST, answer).await {
        Ok(Ok(Ok(message))) => {
            ([(header::CONTENT_TYPE, "application/json")], message).into_response()
        }
        Ok(Ok(Err(Refused::Wrong(why)))) => {
            let told = Json(json!({"status": "error", "error": why}));
            (StatusCode::BAD_REQUEST, told).into_response()
        }
        Ok(Ok(Err(Refused::Unable(why)))) => refuse(StatusCode::SERVICE_UNAVAILABLE, why),
        Ok(Err(_)) => refuse(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY),
        Err(_) => refuse(StatusCode::GATEWAY_TIMEOUT, "there was no answer in time"),
    }
}
