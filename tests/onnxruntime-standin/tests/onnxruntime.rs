//! The `onnxruntime` crate against the stand-in, through the real dlopen.

// All of this is test code: what can't go on may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    num::NonZeroUsize,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use onnxruntime::{ElementType, Elements, Error, Library, Session, SessionOptions, Terminator};
use onnxruntime_standin::Sandbox;

const SHAPE: [usize; 4] = [1, 3, 320, 320];

fn model() -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/onnx");
    fs::read(folder.join("tiny_two_320.onnx")).unwrap()
}

fn open(script: &str) -> (Sandbox, Library) {
    let sandbox = Sandbox::new(script).expect("a sandbox");
    let library = Library::open(Some(&sandbox.library())).expect("the stand-in");
    (sandbox, library)
}

fn session(library: &Library) -> Session {
    let threads = NonZeroUsize::new(1);
    Session::load(library, &model(), &SessionOptions { threads }).expect("a session")
}

fn run(session: &mut Session) -> Result<usize, Error> {
    let input = vec![0.5; SHAPE.iter().product()];
    let mut outputs = 0;
    session.run(&SHAPE, Elements::F32(&input), &[0, 1], &mut |_, _, _| {
        outputs += 1;
    })?;
    Ok(outputs)
}

#[test]
fn a_session_tells_of_its_model_and_leaves_nothing_behind() {
    let (sandbox, library) = open("version = 1.17.3");
    assert_eq!(library.version(), "1.17.3");
    let session = session(&library);
    let [images] = session.inputs() else {
        panic!("{:?}", session.inputs());
    };
    assert_eq!(images.name.as_c_str(), c"images");
    assert_eq!(images.element_type, ElementType::F32);
    assert_eq!(images.shape, SHAPE.map(Some));
    assert_eq!(session.outputs().len(), 2);
    assert_eq!(session.metadata("stride"), Ok(Some("32".to_owned())));
    assert_eq!(session.metadata("nothing"), Ok(None));
    assert_eq!(session.metadata("a\0b"), Ok(None));
    let terminator = session.terminator();
    drop((library, session));
    // The terminator keeps its options and the library.
    assert_eq!(sandbox.live(), 3);
    terminator.terminate().unwrap();
    drop(terminator);
    assert_eq!(sandbox.live(), 0);
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn runs_leave_nothing_behind_however_they_end() {
    let (sandbox, library) = open("");
    let mut session = session(&library);
    let before = sandbox.live();
    assert_eq!(run(&mut session), Ok(2));
    sandbox.script("run = failing").unwrap();
    let error = run(&mut session).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Run: Non-zero status code returned while running Conv node"
    );
    sandbox.script("").unwrap();
    let input = vec![0.5; 3 * 320 * 320];
    let mut run = |shape: &[usize], input: &[f32], outputs: &[usize]| {
        let nothing = &mut |_, _: &[usize], _: Elements<'_>| {};
        session.run(shape, Elements::F32(input), outputs, nothing)
    };
    assert_eq!(run(&SHAPE, &input, &[2]), Err(Error::Output { output: 2 }));
    assert!(matches!(
        run(&SHAPE, &input[1..], &[0]),
        Err(Error::Call { .. })
    ));
    assert!(matches!(
        run(&[1, 1, 1, 1], &[0.0], &[0]),
        Err(Error::Call { .. })
    ));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let panics = &mut |_, _: &[usize], _: Elements<'_>| panic!("on purpose");
        session.run(&SHAPE, Elements::F32(&input), &[0], panics)
    }));
    assert!(caught.is_err());
    assert_eq!(sandbox.live(), before);
    drop((session, library));
    assert_eq!(sandbox.live(), 0);
    assert_eq!(sandbox.report(), [""; 0]);
}

#[test]
fn what_no_session_can_give_is_an_error() {
    let (sandbox, library) = open("elements = i64");
    let mut session = session(&library);
    assert_eq!(session.outputs()[0].element_type, ElementType::Other("i64"));
    let error = run(&mut session).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Run answered with elements of i64, no floating point"
    );
    drop((session, library));
    assert_eq!(sandbox.live(), 0);
}

#[test]
fn a_library_that_is_too_old_is_refused_with_its_version() {
    let sandbox = Sandbox::new("version = 1.16.3; level = 16").unwrap();
    let error = Library::open(Some(&sandbox.library())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "onnxruntime is version 1.16.3, which lacks level 17 of its interface: 1.17 or later is needed"
    );
    assert_eq!(sandbox.live(), 0);
}

#[test]
fn a_table_with_a_hole_is_refused() {
    let sandbox = Sandbox::new("lacks = 118").unwrap();
    let error = Library::open(Some(&sandbox.library())).unwrap_err();
    let function = "ReleaseModelMetadata";
    assert_eq!(error, Error::MissingFunction { function });
}

#[test]
fn a_model_that_is_refused_is_an_error_of_one_line() {
    let (sandbox, library) = open("load = refused");
    let Err(error) = Session::load(&library, &model(), &SessionOptions::default()) else {
        panic!("it was taken");
    };
    assert_eq!(
        error.to_string(),
        "CreateSessionFromArray: Load model failed: the script refuses it"
    );
    drop(library);
    assert_eq!(sandbox.live(), 0);
}

#[test]
fn a_run_that_hangs_is_ended_from_another_thread() {
    fn for_any_thread<T: Send + Sync>(_: &T) {}
    let (sandbox, library) = open("run = hanging");
    let mut session = session(&library);
    let terminator: Terminator = session.terminator();
    for_any_thread(&terminator);
    let started = Instant::now();
    let running = thread::spawn(move || {
        let outcome = run(&mut session);
        (session, outcome)
    });
    thread::sleep(Duration::from_millis(50));
    assert!(!running.is_finished());
    terminator.terminate().unwrap();
    let (mut session, outcome) = running.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(
        outcome.unwrap_err().to_string(),
        "Run: Exiting due to terminate flag being set to true."
    );
    // Later runs end at once.
    assert!(run(&mut session).is_err());
    drop((session, terminator, library));
    assert_eq!(sandbox.live(), 0);
    assert_eq!(sandbox.report(), [""; 0]);
}
