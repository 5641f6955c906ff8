//! `/api/v1`: what MQTT's requests do, for programs that speak HTTP, and its description.
//!
//! A request is taken as if it had come over MQTT, by the same handlers, and its answer is the same JSON. What can be
//! asked is written down once, in [`CALLS`]; router and description are made of it.

use std::time::Duration;

use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    app::{App, LONGEST_WAIT, no_camera, read, refuse},
    openapi::{self, Call},
    upload,
};

/// Bytes of a request, at most: as over MQTT.
const MOST_BYTES: usize = 256 * 1024;

/// How long a request may take to come in.
const SLOWEST: Duration = Duration::from_secs(20);

/// How long the doctor may take: a camera that is away takes its time.
const DOCTORS_TIME: Duration = Duration::from_secs(60);

/// What can be asked as over MQTT: the last level of the topic, whether it lists something, and what it does.
const CALLS: [Call; 7] = [
    (
        "prompt",
        false,
        "Answers a prompt with the segments of a camera's next frame",
    ),
    ("prompts", true, "Sets, lists and removes standing prompts"),
    ("zones", true, "Sets, lists and removes a camera's zones"),
    ("lines", true, "Sets, lists and removes a camera's lines"),
    ("settings", true, "Sets and lists what may be set under way"),
    ("doctor", false, "Examines the machine"),
    ("restart", false, "Starts the daemon anew"),
];

/// All below `/api/v1`.
pub(crate) fn router() -> Router<App> {
    let mut router = Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/info", get(info))
        .route("/api/v1/cameras", get(cameras))
        .route("/api/v1/tracks/{camera}", get(tracks))
        .route("/api/v1/health", get(health))
        .route("/api/v1/segment", post(upload::segment))
        .route(
            "/api/v1/openapi.json",
            get(async || Json(openapi::description(&CALLS))),
        );
    for (what, lists, _) in CALLS {
        let ask = move |State(app), headers, body| ask(app, what, headers, body);
        let mut methods = post(ask);
        if lists {
            methods = methods.get(move |State(app), query| list(app, what, query));
        }
        router = router.route(&format!("/api/v1/{what}"), methods);
    }
    router
}

async fn status(State(app): State<App>) -> Response {
    Json(app.node.status()).into_response()
}

async fn info(State(app): State<App>) -> Response {
    Json(app.node.info()).into_response()
}

async fn health(State(app): State<App>) -> Response {
    Json(app.node.checks()).into_response()
}

async fn cameras(State(app): State<App>) -> Response {
    Json(app.gallery.names().collect::<Vec<_>>()).into_response()
}

/// The objects of the next frame.
async fn tracks(State(app): State<App>, Path(camera): Path<String>) -> Response {
    let Some(mut look) = app.gallery.look(&camera) else {
        return no_camera(&app, &camera);
    };
    match timeout(LONGEST_WAIT, look.next()).await {
        Ok(Some(shown)) => Json(shown.objects()).into_response(),
        _ => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "no frame came within 10 seconds",
        ),
    }
}

/// Of which camera something is listed.
#[derive(Deserialize)]
struct OfCamera {
    camera: Option<String>,
}

async fn list(app: App, what: &'static str, Query(of): Query<OfCamera>) -> Response {
    let mut request = json!({"action": "list"});
    if let Some(camera) = of.camera {
        request["camera"] = camera.into();
    }
    forward(app, what, request.to_string().into_bytes()).await
}

async fn ask(app: App, what: &'static str, headers: HeaderMap, body: Body) -> Response {
    match read(&headers, body, MOST_BYTES, SLOWEST).await {
        // Whoever has nothing to say may say nothing.
        Ok(bytes) if bytes.is_empty() => forward(app, what, b"{}".to_vec()).await,
        Ok(bytes) => forward(app, what, bytes).await,
        Err(refusal) => refusal,
    }
}

/// Has a request answered as over MQTT.
async fn forward(app: App, what: &str, body: Vec<u8>) -> Response {
    let (answer_in, answer) = oneshot::channel();
    app.node.request(
        what,
        body,
        Box::new(move |answer| drop(answer_in.send(answer.to_vec()))),
    );
    let patience = if what == "doctor" {
        DOCTORS_TIME
    } else {
        LONGEST_WAIT
    };
    match timeout(patience, answer).await {
        Ok(Ok(bytes)) => {
            let code = match serde_json::from_slice(&bytes) {
                Ok(Outcome::Ok) => StatusCode::OK,
                _ => StatusCode::BAD_REQUEST,
            };
            (code, [(header::CONTENT_TYPE, "application/json")], bytes).into_response()
        }
        Ok(Err(_)) => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "too much is asked at once: try again",
        ),
        Err(_) => refuse(StatusCode::GATEWAY_TIMEOUT, "there was no answer in time"),
    }
}

/// What an answer begins with.
#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Outcome {
    Ok,
    Error,
}
