//! `onnx::Session`, whichever engine runs it; onnxruntime is the stand-in.

// All of this is test code: what can't go on may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use onnx::{ElementType, Engine, OnnxError, Session, SessionOptions};
use onnxruntime_standin::Sandbox;

fn load(name: &str, engine: Engine, library: Option<&Path>) -> Result<Session, OnnxError> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/onnx");
    let path = folder.join(format!("{name}.onnx"));
    let options = SessionOptions {
        engine,
        library: library.map(Path::to_owned),
        threads: NonZeroUsize::new(1),
    };
    Session::load(fs::read(path).unwrap(), Path::new("model.onnx"), &options)
}

/// All outputs of a run on a picture of no sense.
fn run(session: &mut Session) -> Vec<(Vec<usize>, Vec<f32>)> {
    let shape = session.inputs()[0].shape.iter();
    let shape: Vec<usize> = shape.map(|size| size.unwrap_or(320)).collect();
    let elements: usize = shape.iter().product();
    let input: Vec<f32> = (0..elements)
        .map(|i| (i * 7919 % 256) as f32 / 255.0)
        .collect();
    let outputs: Vec<usize> = (0..session.outputs().len()).collect();
    let mut found = Vec::new();
    let take = |_, shape: &[usize], elements: &[f32]| {
        found.push((shape.to_vec(), elements.to_vec()));
    };
    session.run(&shape, &input, &outputs, take).unwrap();
    found
}

/// Holds outputs against others, to so much of the largest.
fn assert_alike(
    name: &str,
    found: &[(Vec<usize>, Vec<f32>)],
    expected: &[(Vec<usize>, Vec<f32>)],
    part: f32,
) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.0, expected.0, "{name}");
        let most = expected.1.iter().fold(0_f32, |most, x| most.max(x.abs()));
        let pairs = found.1.iter().zip(&expected.1);
        let apart = pairs.fold(0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(apart <= part * most, "{name}: {apart} apart, of {most}");
    }
}

#[test]
fn both_engines_say_and_give_the_same() {
    let sandbox = Sandbox::new("").unwrap();
    for name in [
        "tiny_two_320",
        "tiny_two_384x640",
        "tiny_two_640",
        "tiny_two_640_bare",
        "tiny_ten_640",
        "tiny_ten_hwc_640",
    ] {
        let mut rten = load(name, Engine::Rten, None).unwrap();
        let mut other = load(name, Engine::OnnxRuntime, Some(&sandbox.library())).unwrap();
        assert_eq!(rten.engine(), "rten 0.27");
        assert_eq!(other.engine(), "onnxruntime 1.32.0");
        assert_eq!((rten.note(), other.note()), (None, None));
        assert_eq!(rten.inputs(), other.inputs());
        assert_eq!(rten.outputs(), other.outputs());
        for key in ["task", "names", "imgsz", "nothing"] {
            assert_eq!(rten.metadata(key), other.metadata(key), "{name}: {key}");
        }
        assert_alike(name, &run(&mut other), &run(&mut rten), 1e-4);
    }
    assert_eq!(sandbox.live(), 0);
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn numbers_of_16_bits_are_converted_on_the_way() {
    let sandbox = Sandbox::new("elements = f16").unwrap();
    let name = "tiny_two_640_half";
    let mut rten = load(name, Engine::Rten, None).unwrap();
    let mut other = load(name, Engine::OnnxRuntime, Some(&sandbox.library())).unwrap();
    let types = |session: &Session| {
        let ports = session.inputs().iter().chain(session.outputs());
        ports.map(|port| port.element_type).collect::<Vec<_>>()
    };
    assert_eq!(types(&rten), [ElementType::F32; 3]);
    assert_eq!(types(&other), [ElementType::F16; 3]);
    assert_alike(name, &run(&mut other), &run(&mut rten), 5e-3);
}

#[test]
fn auto_takes_onnxruntime_where_it_can_be_used() {
    let sandbox = Sandbox::new("").unwrap();
    let session = load("tiny_two_320", Engine::Auto, Some(&sandbox.library())).unwrap();
    assert_eq!(session.engine(), "onnxruntime 1.32.0");
    assert_eq!(session.note(), None);
}

#[test]
fn auto_takes_rten_otherwise_and_says_why() {
    let cases = [
        ("version = 1.16.0; level = 16", "1.17 or later is needed"),
        ("lacks = 9", "no function Run"),
        ("load = refused", "the script refuses it"),
    ];
    for (script, why) in cases {
        let sandbox = Sandbox::new(script).unwrap();
        let mut session = load("tiny_two_320", Engine::Auto, Some(&sandbox.library())).unwrap();
        assert_eq!(session.engine(), "rten 0.27");
        let note = session.note().unwrap();
        assert!(note.starts_with("rten 0.27 runs the model: "), "{note}");
        assert!(note.contains(why), "{note}");
        assert_eq!(note.lines().count(), 1);
        assert_eq!(run(&mut session).len(), 2);
    }
    let nowhere = Path::new("/nowhere/libonnxruntime.so");
    let session = load("tiny_two_320", Engine::Auto, Some(nowhere)).unwrap();
    let note = session.note().unwrap();
    assert!(note.contains("/nowhere/libonnxruntime.so"), "{note}");
}

#[test]
fn onnxruntime_is_an_error_where_it_can_not_be_used() {
    let refused = |script: &str| {
        let sandbox = Sandbox::new(script).unwrap();
        let loaded = load(
            "tiny_two_320",
            Engine::OnnxRuntime,
            Some(&sandbox.library()),
        );
        let error = loaded.err().expect("an error");
        let line = error.to_string();
        assert!(line.starts_with("model.onnx: "), "{line}");
        assert_eq!(line.lines().count(), 1);
        (error, line)
    };
    let (error, line) = refused("version = 1.16.0; level = 16");
    assert!(matches!(error, OnnxError::Engine { .. }), "{line}");
    let (error, line) = refused("load = refused");
    assert!(matches!(error, OnnxError::Model { .. }), "{line}");
    let nowhere = Path::new("/nowhere/libonnxruntime.so");
    let error = load("tiny_two_320", Engine::OnnxRuntime, Some(nowhere));
    let line = error.err().expect("an error").to_string();
    assert!(line.contains("pip install onnxruntime"), "{line}");
}

#[test]
fn a_run_of_onnxruntime_fails_in_one_line_and_can_be_ended() {
    let sandbox = Sandbox::new("run = failing").unwrap();
    let mut session = load(
        "tiny_two_320",
        Engine::OnnxRuntime,
        Some(&sandbox.library()),
    )
    .unwrap();
    let terminator = session.terminator().expect("a terminator");
    let (shape, input) = ([1, 3, 320, 320], vec![0.0; 3 * 320 * 320]);
    let mut run = move || session.run(&shape, &input, &[0], |_, _, _| {});
    let line = run().unwrap_err().to_string();
    assert!(line.starts_with("Run: Non-zero status code"), "{line}");
    sandbox.script("run = hanging").unwrap();
    let running = thread::spawn(run);
    thread::sleep(Duration::from_millis(20));
    assert!(!running.is_finished());
    terminator.terminate().unwrap();
    assert!(running.join().unwrap().is_err());
}
