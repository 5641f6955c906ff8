//! The network that is part of the program: it answers where nothing else is asked for, and says what it is.

use std::fs;

use serde_json::Value;

use crate::{fastsamd, has_square, picture};

/// What is said wherever it answers.
const NOTICE: &str = "the built-in network: a demonstration, not FastSAM";

#[test]
fn it_answers_by_default_and_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.png");
    fs::write(&path, picture(320, 200)).unwrap();
    let finished = fastsamd(&["segment", path.to_str().unwrap()]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.stderr.matches(NOTICE).count(), 1, "{finished:?}");
    let message: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(message["backend"], "onnx");
    assert!(has_square(&message, 8), "{message}");
}
