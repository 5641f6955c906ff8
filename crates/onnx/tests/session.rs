//! Sessions on small models of our own, with random weights.

// All of this is test code: what can't go on may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, num::NonZeroUsize, path::PathBuf};

use onnx::{ElementType, Engine, OnnxError, Session, SessionOptions};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/data/onnx/{name}.onnx"))
}

fn load(name: &str, options: &SessionOptions) -> Result<Session, OnnxError> {
    let path = path(name);
    Session::load(fs::read(&path).unwrap(), &path, options)
}

fn rten() -> SessionOptions {
    SessionOptions {
        engine: Engine::Rten,
        library: None,
        threads: NonZeroUsize::new(1),
    }
}

/// A picture of no sense, the same each time.
fn input(shape: &[usize]) -> Vec<f32> {
    let mut state = 1_u32;
    let elements = shape.iter().product();
    (0..elements)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        })
        .collect()
}

type Output = (usize, Vec<usize>, Vec<f32>);

fn run(session: &mut Session, shape: &[usize], outputs: &[usize]) -> Vec<Output> {
    let mut found = Vec::new();
    session
        .run(shape, &input(shape), outputs, |output, shape, elements| {
            found.push((output, shape.to_vec(), elements.to_vec()));
        })
        .unwrap();
    found
}

/// Holds outputs against others. How a sum is split among threads and engines decides its last bits.
fn assert_alike(found: &[Output], expected: &[Output]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((found.0, &found.1), (expected.0, &expected.1));
        let most = expected.2.iter().fold(0_f32, |most, x| most.max(x.abs()));
        let pairs = found.2.iter().zip(&expected.2);
        let apart = pairs.fold(0_f32, |most, (a, b)| most.max((a - b).abs()));
        assert!(
            apart <= 1e-4 * most,
            "output {} is {apart} apart, of {most}",
            found.0
        );
    }
}

#[test]
fn a_session_says_what_its_model_takes_and_gives() {
    let session = load("tiny_two_384x640", &rten()).unwrap();
    assert_eq!(session.engine(), "rten 0.27");
    assert_eq!(session.note(), None);
    let [images] = session.inputs() else {
        panic!("{:?}", session.inputs());
    };
    assert_eq!(images.name, "images");
    assert_eq!(images.element_type, ElementType::F32);
    assert_eq!(images.shape, [Some(1), Some(3), Some(384), Some(640)]);
    let outputs = session.outputs().iter();
    let outputs: Vec<_> = outputs
        .map(|port| (port.name.as_str(), port.shape.as_slice()))
        .collect();
    assert_eq!(
        outputs,
        [
            ("output0", &[Some(1), Some(37), Some(5040)][..]),
            ("output1", &[Some(1), Some(32), Some(96), Some(160)]),
        ]
    );
    assert_eq!(session.metadata("task").as_deref(), Some("segment"));
    assert_eq!(session.metadata("nothing"), None);
    let bare = load("tiny_two_640_bare", &rten()).unwrap();
    assert_eq!(bare.metadata("task"), None);
}

#[test]
fn outputs_come_in_the_order_asked_for() {
    let mut session = load("tiny_two_320", &rten()).unwrap();
    let shape = [1, 3, 320, 320];
    let both = run(&mut session, &shape, &[1, 0]);
    let [prototypes, rows] = both.as_slice() else {
        panic!("{} outputs", both.len());
    };
    assert_eq!((prototypes.0, &prototypes.1[..]), (1, &[1, 32, 80, 80][..]));
    assert_eq!((rows.0, &rows.1[..]), (0, &[1, 37, 2100][..]));
    assert_eq!(rows.2.len(), 37 * 2100);
    assert!(rows.2.iter().all(|number| number.is_finite()));
    // The same again, alone.
    assert_alike(&run(&mut session, &shape, &[0]), &both[1..]);
    assert!(run(&mut session, &shape, &[]).is_empty());
}

#[test]
fn any_number_of_threads_will_do() {
    let shape = [1, 3, 320, 320];
    let mut one = load("tiny_two_320", &rten()).unwrap();
    let expected = run(&mut one, &shape, &[0, 1]);
    for threads in [NonZeroUsize::new(3), None] {
        let options = SessionOptions { threads, ..rten() };
        let mut session = load("tiny_two_320", &options).unwrap();
        assert_alike(&run(&mut session, &shape, &[0, 1]), &expected);
    }
}

#[test]
fn all_forms_of_files_run() {
    let shape = [1, 3, 640, 640];
    for (name, outputs) in [
        ("tiny_two_640", 2),
        ("tiny_two_640_half", 2),
        ("tiny_two_640_bare", 2),
        ("tiny_ten_640", 10),
        ("tiny_ten_hwc_640", 10),
    ] {
        let mut session = load(name, &rten()).unwrap();
        assert_eq!(session.outputs().len(), outputs, "{name}");
        let all: Vec<usize> = (0..outputs).collect();
        for (output, shape, elements) in run(&mut session, &shape, &all) {
            assert_eq!(elements.len(), shape.iter().product(), "{name}");
            assert!(
                session.outputs()[output]
                    .shape
                    .iter()
                    .zip(&shape)
                    .all(|(port, size)| port.is_none_or(|port| port == *size))
            );
        }
    }
}

#[test]
fn what_does_not_suit_the_model_is_refused_before_it_runs() {
    let mut session = load("tiny_two_320", &rten()).unwrap();
    let mut refused = |shape: &[usize], elements: usize, outputs: &[usize]| {
        let taken = |_, _: &[usize], _: &[f32]| panic!("it ran");
        let outcome = session.run(shape, &vec![0.0; elements], outputs, taken);
        outcome.unwrap_err().to_string()
    };
    let elements = 3 * 320 * 320;
    assert_eq!(
        refused(&[1, 3, 320, 352], 3 * 320 * 352, &[0]),
        "input 'images' takes 1 x 3 x 320 x 320, not 1 x 3 x 320 x 352"
    );
    assert_eq!(
        refused(&[3, 320, 320], elements, &[0]),
        "input 'images' takes 1 x 3 x 320 x 320, not 3 x 320 x 320"
    );
    assert_eq!(
        refused(&[1, 3, 320, 320], elements - 1, &[0]),
        "307199 elements are no 1 x 3 x 320 x 320"
    );
    assert_eq!(
        refused(&[1, 3, 320, 320], elements, &[2]),
        "there is no output 2, the model has 2"
    );
    assert_eq!(
        refused(&[1, 3, 320, 320], elements, &[1, 1]),
        "output 1 is asked for twice"
    );
}

#[test]
fn files_cut_short_are_errors_of_one_line() {
    let path = path("tiny_two_320");
    let bytes = fs::read(&path).unwrap();
    for length in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        let Err(error) = Session::load(bytes[..length].to_vec(), &path, &rten()) else {
            panic!("{length} bytes were taken for a model");
        };
        let line = error.to_string();
        assert!(line.contains("tiny_two_320.onnx: "), "{line}");
        assert_eq!(line.lines().count(), 1);
    }
}
