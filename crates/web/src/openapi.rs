//! The description of what can be asked for.
//!
//! Source of its form: OpenAPI 3.1, <https://spec.openapis.org/oas/v3.1.0>.

use std::collections::BTreeMap;

use message::{Info, Status};
use serde_json::{Value, json};

use crate::{
    node::OPTIONS,
    upload::{AT_ONCE, MOST_BYTES},
};

/// What can be asked as over MQTT: the last level of the topic, whether it lists something, and what it does.
pub(crate) type Call = (&'static str, bool, &'static str);

/// What can be asked for, as OpenAPI describes it.
pub(crate) fn description(calls: &[Call]) -> Value {
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
    let checks = json!({"type": "object", "required": ["checks"]});
    add(
        "/api/v1/health",
        "What is well and what is not, in the form of `fastsamd doctor --json`",
        json,
        checks,
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
    for &(what, lists, summary) in calls {
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
    paths.insert("/api/v1/segment".to_owned(), segment());
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

/// How a picture is sent.
fn segment() -> Value {
    let error = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Outcome"}}});
    let option = |name: &&str| json!({"name": name, "in": "query", "required": false, "schema": {"type": "string"}});
    let message = json!({"type": "object", "required": ["schema", "backend", "frame", "segments", "latency_ms"]});
    json!({"post": {
        "summary": "Segments a picture, once",
        "description": "The options are those of `segmentation` and `publish` in the configuration; what is not named is as in force for the cameras.",
        "parameters": OPTIONS.iter().map(option).collect::<Vec<_>>(),
        "requestBody": {
            "required": true,
            "description": format!("A picture as `fastsamd segment` reads it, of at most {MOST_BYTES} bytes"),
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        "responses": {
            "200": {"description": "The masks message", "content": {"application/json": {"schema": message}}},
            "400": {"description": "What is wrong with the picture or an option", "content": error},
            "413": {"description": "The picture is too large"},
            "503": {"description": format!("The accelerator does not answer, or {AT_ONCE} pictures are here already")},
        },
    }})
}
