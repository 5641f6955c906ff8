//! Models: whatever a file's bytes, a session is made of them, runs, or is refused with a line.
//!
//! rten is what runs them; onnxruntime, where a user has it, is looked after by others. What a model
//! that makes sense asks of memory is not bounded: more than libFuzzer allows is no finding.

#![no_main]

use std::{num::NonZeroUsize, path::Path};

use libfuzzer_sys::fuzz_target;
use onnx::{Engine, Session, SessionOptions};

/// More elements only take longer.
const MOST_ELEMENTS: usize = 1 << 16;

// A panic of the engine is caught, so the one who catches it decides: those of this file end the
// process all the same.
fuzz_target!(init: drop(std::panic::take_hook()), |bytes: &[u8]| {
    let options = SessionOptions {
        engine: Engine::Rten,
        library: None,
        threads: NonZeroUsize::new(1),
    };
    let mut session = match Session::load(bytes.to_vec(), Path::new("model.onnx"), &options) {
        Ok(session) => session,
        Err(error) => {
            let line = error.to_string();
            assert!(line.starts_with("model.onnx: "), "{line}");
            assert!(!line.contains(['\n', '\r']), "{line}");
            return;
        }
    };
    let _ = session.metadata("task");
    let outputs: Vec<usize> = (0..session.outputs().len()).collect();
    let shape = session.inputs().first().map(|port| port.shape.as_slice());
    let shape: Vec<usize> = shape.unwrap_or_default().iter().map(|size| size.unwrap_or(1)).collect();
    let elements = shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    let Some(elements) = elements.filter(|elements| *elements <= MOST_ELEMENTS) else {
        return;
    };
    let mut taken = 0;
    let outcome = session.run(&shape, &vec![0.5; elements], &outputs, |_, shape, elements| {
        assert_eq!(shape.iter().product::<usize>(), elements.len());
        taken += 1;
    });
    match outcome {
        Ok(()) => assert_eq!(taken, outputs.len()),
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains(['\n', '\r']), "{line}");
        }
    }
});
