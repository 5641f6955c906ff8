//! `/api/v1`: what MQTT's requests do, for programs that speak HTTP, and its description.
//!
//! A request is taken as if it had come over MQTT, by the same handlers, and its answer is the same JSON. What can be
//! asked is written down once, in [`CALLS`]; router and description are made of it.
//!
//! Source of the description's form: OpenAPI 3.1, <https://spec.openapis.org/oas/v3.1.0>.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json, Router,
    body::{Body, to_bytes},
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use message::{Info, Status};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{sync::oneshot, time::timeout};

use crate::app::{App, LONGEST_WAIT, no_camera, refuse};

/// Bytes of a request, at most: as over MQTT.
const MOST_BYTES: usize = 256 * 1024;

/// How long a request may take to come in.
const SLOWEST: Duration = Duration::from_secs(20);

/// How long the doctor may take: a camera that is away takes its time.
const DOCTORS_TIME: Duration = Duration::from_secs(60);

/// What can be asked as over MQTT: the last level of the topic, whether it lists something, and what it does.
const CALLS: [(&str, bool, &str); 7] = [
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
        .route("/api/v1/openapi.json", get(async || Json(description())));
    for (what, lists, _) in CALLS {
        let ask = move |State(app), body| ask(app, what, body);
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

async fn ask(app: App, what: &'static str, body: Body) -> Response {
    match timeout(SLOWEST, to_bytes(body, MOST_BYTES)).await {
        Ok(Ok(bytes)) => {
            // Whoever has nothing to say may say nothing.
            let bytes = if bytes.is_empty() {
                b"{}".to_vec()
            } else {
                bytes.into()
            };
            forward(app, what, bytes).await
        }
        Ok(Err(_)) => refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "a request of more than 262144 bytes, or one that broke off",
        ),
        Err(_) => refuse(
            StatusCode::REQUEST_TIMEOUT,
            "the request took more than 20 seconds",
        ),
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

/// What can be asked for, as OpenAPI describes it.
fn description() -> Value {
    let mut schemas = BTreeMap::new();
    let mut generator = schemars::generate::SchemaSettings::openapi3().into_generator();
    let status = generator.subschema_for::<Status>();
    let info = generator.subschema_for::<Info>();
    schemas.extend(generator.take_definitions(true));
    let answer = |description: &str, kind: &str, schema: Value| json!({"responses": {"200": {"description": description, "content": {kind: {"schema": schema}}}}});
    let binary = json!({"type": "string", "format": "binary"});
    let text = json!({"type": "string"});
    let camera =
        json!([{"name": "camera", "in": "path", "required": true, "schema": {"type": "string"}}]);
    let mut paths = serde_json::Map::new();
    let mut add = |path: &str, summary: &str, kind: &str, schema: Value| {
        let mut operation = answer(summary, kind, schema);
        operation["summary"] = summary.into();
        if path.contains("{camera}") {
            operation["parameters"] = camera.clone();
        }
        paths.insert(path.to_owned(), json!({"get": operation}));
    };
    let json = "application/json";
    add(
        "/api/v1/status",
        "How the node is, as on the topic status",
        json,
        status.into(),
    );
    add(
        "/api/v1/info",
        "What the node is, as on the topic info",
        json,
        info.into(),
    );
    let names = json!({"type": "array", "items": {"type": "string"}});
    add("/api/v1/cameras", "The cameras' names", json, names);
    let objects = json!({"type": "object", "required": ["sequence", "captured_ms", "objects"]});
    add(
        "/api/v1/tracks/{camera}",
        "The objects of the next frame",
        json,
        objects,
    );
    add(
        "/snapshot/{camera}.jpg",
        "The next frame; with masks=1 its masks",
        "image/jpeg",
        binary.clone(),
    );
    add(
        "/labelmap/{camera}.png",
        "The next frame's label map",
        "image/png",
        binary.clone(),
    );
    let stream = "multipart/x-mixed-replace";
    add(
        "/stream/{camera}",
        "Frames as they come, Motion JPEG",
        stream,
        binary,
    );
    add(
        "/healthz",
        "Whether the process works",
        "text/plain",
        text.clone(),
    );
    add("/readyz", "Whether frames flow", "text/plain", text.clone());
    add(
        "/metrics",
        "For Prometheus",
        "application/openmetrics-text",
        text,
    );
    for (what, lists, summary) in CALLS {
        let outcome = json!({"$ref": "#/components/schemas/Outcome"});
        let content = json!({json: {"schema": outcome}});
        let responses = json!({
            "200": {"description": "Done", "content": content},
            "400": {"description": "Why it can't be done", "content": content},
        });
        let request = json!({"required": false, "content": {json: {"schema": {"type": "object"}}}});
        let mut item =
            json!({"post": {"summary": summary, "requestBody": request, "responses": responses}});
        if lists {
            let of = json!([{"name": "camera", "in": "query", "required": false, "schema": {"type": "string"}}]);
            item["get"] =
                json!({"summary": "Lists them", "parameters": of, "responses": responses});
        }
        paths.insert(format!("/api/v1/{what}"), item);
    }
    schemas.insert(
        "Outcome".to_owned(),
        json!({
            "type": "object",
            "required": ["status"],
            "properties": {
                "status": {"enum": ["ok", "error"]},
                "data": {"description": "What was asked for"},
                "error": {"type": "string"},
                "transaction": {"description": "As it was in the request"}
            }
        }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {"title": "fastsamd", "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {"schemas": schemas},
    })
}
