//! What every answer is made from, and how something is refused.

use std::{sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use crate::{gallery::Gallery, gate::Gate, node::Node};

/// How long a viewer waits for a frame.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// What is served.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) node: Arc<dyn Node>,
    pub(crate) gallery: Arc<Gallery>,
    pub(crate) gate: Arc<Gate>,
}

/// Refuses something in one line.
pub(crate) fn refuse(code: StatusCode, why: &'static str) -> Response {
    (code, format!("{why}\n")).into_response()
}

/// Names the cameras that there are.
pub(crate) fn no_camera(app: &App, name: &str) -> Response {
    let names: Vec<_> = app.gallery.names().collect();
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let why = format!("no camera '{shown}': there is {}\n", names.join(", "));
    (StatusCode::NOT_FOUND, why).into_response()
}
