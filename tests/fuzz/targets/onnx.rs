//! Models: whatever a file's bytes, a session is made of them, or they are refused with a line.
//!
//! By rten; onnxruntime, where a user has it, is looked after by others. They don't run: a model that
//! is in order may ask for any amount of memory then.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use onnx::{Engine, Session, SessionOptions};

// A panic of the engine is caught, so the one who catches it decides: those of this file end the
// process all the same.
fuzz_target!(init: drop(std::panic::take_hook()), |bytes: &[u8]| {
    let options = SessionOptions {
        engine: Engine::Rten,
        ..SessionOptions::default()
    };
    match Session::load(bytes.to_vec(), Path::new("model.onnx"), &options) {
        Ok(session) => {
            let _ = session.metadata("task");
            for port in session.inputs().iter().chain(session.outputs()) {
                assert!(port.shape.len() <= bytes.len());
            }
        }
        Err(error) => {
            let line = error.to_string();
            assert!(line.starts_with("model.onnx: "), "{line}");
            assert!(!line.contains(['\n', '\r']), "{line}");
        }
    }
});
