//! What is asked for, and what answers.
//!
//! | path | answer |
//! |---|---|
//! | `/` | the page |
//! | `/ws/CAMERA` | for each text `next` one binary message with the newest frame |
//! | `/snapshot/CAMERA.jpg` | the next frame |
//! | `/stream/CAMERA` | frames as they come, Motion JPEG |
//! | `/labelmap/CAMERA.png` | the next frame's label map |
//! | `/api/v1/...` | see [`api`](crate::api) |
//! | `/metrics` | for Prometheus |
//! | `/healthz`, `/readyz` | 200 or 503: whether the process works, and whether frames flow |

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{
        Path, Query, Request, State,
        ws::{Message, WebSocket, WebSocketUpgrade},
    },
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Deserialize;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    api,
    app::{App, LONGEST_WAIT, no_camera, refuse},
    gallery::{Encoded, Look, Shown},
    gate::{COOKIE, Gate, Refusal, in_query},
    metrics, page,
};

/// A viewer that asks for nothing for this time is gone, or asleep.
const IDLE: Duration = Duration::from_secs(60);

/// Bytes of a viewer's message, at most: they say `next`.
const MOST_BYTES: usize = 1024;

/// How long a message may take to a viewer.
const SLOWEST: Duration = Duration::from_secs(20);

/// What stands between the pictures of a stream.
const BOUNDARY: &str = "fastsamd-frame";

/// All that can be asked for.
pub(crate) fn router(app: App) -> Router {
    let gate = Arc::clone(&app.gate);
    Router::new()
        .route("/ws/{camera}", get(frames))
        .route("/snapshot/{file}", get(snapshot))
        .route("/stream/{camera}", get(stream))
        .route("/labelmap/{file}", get(labelmap))
        .route("/metrics", get(metrics))
        .merge(api::router())
        .route("/healthz", get(async || "ok\n"))
        // Browsers ask for it by themselves.
        .route("/favicon.ico", get(async || StatusCode::NO_CONTENT))
        .route("/readyz", get(ready))
        .fallback(get(file))
        .with_state(app)
        .layer(middleware::from_fn_with_state(gate, guard))
}

/// Lets in who may come in, and lays the token from the address into a cookie.
async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    match gate.judge(request.headers(), request.uri()) {
        Ok(()) => {
            let told = gate.token.as_ref().and(in_query(request.uri()));
            let cookie = told.map(|told| {
                format!("{COOKIE}={told}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000")
            });
            let mut response = next.run(request).await;
            if let Some(cookie) = cookie.and_then(|cookie| cookie.parse().ok()) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(Refusal::Host) => refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "this is not the host that you asked for: use this machine's name or address",
        ),
        Err(Refusal::Origin) => refuse(
            StatusCode::FORBIDDEN,
            "requests from other sites' pages are refused",
        ),
        Err(Refusal::Token) => refuse(
            StatusCode::UNAUTHORIZED,
            "a token is needed: add ?token=... to the address, or send 'Authorization: Bearer ...'",
        ),
    }
}

async fn file(State(_): State<App>, request: Request) -> Response {
    page::file(request.uri().path())
        .unwrap_or_else(|| refuse(StatusCode::NOT_FOUND, "there is nothing here"))
}

async fn metrics(State(app): State<App>) -> Response {
    let node = &app.node;
    let text = metrics::encode(node.status(), &node.info(), node.stages());
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

/// Whether the accelerator and at least one camera work.
async fn ready(State(app): State<App>) -> Response {
    let status = app.node.status();
    let flows = status.accelerator.online && status.cameras.values().any(|camera| camera.online);
    if flows {
        "frames flow\n".into_response()
    } else {
        refuse(StatusCode::SERVICE_UNAVAILABLE, "no frames flow")
    }
}

/// Whether a snapshot has its masks drawn: `?masks=1`.
#[derive(Deserialize)]
struct Wishes {
    #[serde(default)]
    masks: u8,
}

async fn snapshot(
    State(app): State<App>,
    Path(file): Path<String>,
    Query(wishes): Query<Wishes>,
) -> Response {
    let name = file.strip_suffix(".jpg").unwrap_or(&file);
    if wishes.masks > 0 {
        picture(&app, name, "image/jpeg", Shown::overlay).await
    } else {
        let plain = |shown: &Shown| shown.encoded().jpeg.clone();
        picture(&app, name, "image/jpeg", plain).await
    }
}

async fn labelmap(State(app): State<App>, Path(file): Path<String>) -> Response {
    let name = file.strip_suffix(".png").unwrap_or(&file);
    picture(&app, name, "image/png", Shown::labelmap).await
}

/// Something made of a camera's next frame.
async fn picture<T: Into<Bytes> + Default + Send + 'static>(
    app: &App,
    name: &str,
    kind: &'static str,
    make: impl FnOnce(&Shown) -> T + Send + 'static,
) -> Response {
    let Some(mut look) = app.gallery.look(name) else {
        return no_camera(app, name);
    };
    match timeout(LONGEST_WAIT, look.next()).await {
        Ok(Some(shown)) => {
            let made: Bytes = made(shown, make).await.into();
            if made.is_empty() {
                return refuse(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the picture can't be encoded",
                );
            }
            let headers = [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, made).into_response()
        }
        _ => refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "no frame came within 10 seconds",
        ),
    }
}

async fn stream(State(app): State<App>, Path(camera): Path<String>) -> Response {
    let Some(look) = app.gallery.look(&camera) else {
        return no_camera(&app, &camera);
    };
    // One picture waits while another is written: a slow reader skips frames.
    let (parts_in, parts) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    tokio::spawn(async move {
        let mut look = look;
        while let Ok(Some(shown)) = timeout(LONGEST_WAIT, look.next()).await {
            let Encoded { jpeg, .. } = encoded(shown).await;
            let head = format!(
                "--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                jpeg.len()
            );
            let part = [head.as_bytes(), &jpeg, b"\r\n"].concat();
            match timeout(SLOWEST, parts_in.send(Ok(part.into()))).await {
                Ok(Ok(())) => {}
                _ => return,
            }
        }
    });
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::from_stream(ReceiverStream::new(parts))).into_response()
}

async fn frames(
    State(app): State<App>,
    Path(camera): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(look) = app.gallery.look(&camera) else {
        return no_camera(&app, &camera);
    };
    upgrade
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .on_upgrade(move |socket| serve(socket, look))
}

/// Sends a frame whenever the viewer asks for one.
async fn serve(mut socket: WebSocket, mut look: Look) {
    while let Ok(Some(Ok(asked))) = timeout(IDLE, socket.recv()).await {
        match asked {
            Message::Text(text) if text.as_str() == "next" => {}
            Message::Ping(_) | Message::Pong(_) => continue,
            // What else is said is no viewer of ours.
            _ => return,
        }
        let message = match timeout(LONGEST_WAIT, look.next()).await {
            Ok(Some(shown)) => Message::Binary(encoded(shown).await.message),
            Ok(None) => return,
            // The camera is away; the viewer asks again.
            Err(_) => Message::Text("nothing".into()),
        };
        match timeout(SLOWEST, socket.send(message)).await {
            Ok(Ok(())) => {}
            _ => return,
        }
    }
}

/// What is sent of a frame; the first who asks has it made, and the others share it.
async fn encoded(shown: Arc<Shown>) -> Encoded {
    match shown.if_encoded() {
        Some(encoded) => encoded.clone(),
        None => made(shown, |shown| shown.encoded().clone()).await,
    }
}

/// Something made of a frame, on a thread that nobody waits on.
async fn made<T: Default + Send + 'static>(
    shown: Arc<Shown>,
    make: impl FnOnce(&Shown) -> T + Send + 'static,
) -> T {
    let work = tokio::task::spawn_blocking(move || make(&shown));
    work.await.unwrap_or_default()
}
