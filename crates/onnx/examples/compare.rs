//! Runs models with rten and with an onnxruntime on the same input, and holds their outputs against
//! each other: `compare LIBRARY MODEL...`, see `scripts/check-onnxruntime`.
//!
//! Exit code 1 where an output is further apart than a ten thousandth of its largest number (of files
//! in 16 bits a hundredth), or where a run can't be ended.

// A program for developers: it prints, and ends where it can't go on.
#![allow(clippy::print_stdout, clippy::expect_used)]

use std::{
    env, fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use onnx::{ElementType, Engine, Session, SessionOptions};

/// Times each model runs on each engine. Engines take turns, so that both meet the same load.
const RUNS: usize = 9;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let library = arguments.next().expect("compare LIBRARY MODEL...");
    let mut fine = true;
    println!("one thread, the median of {RUNS} runs in turns");
    for model in arguments {
        fine &= compare(&library, &model);
    }
    ExitCode::from(u8::from(!fine))
}

fn compare(library: &Path, model: &Path) -> bool {
    let load = |engine| {
        let options = SessionOptions {
            engine,
            library: Some(library.to_owned()),
            threads: NonZeroUsize::new(1),
        };
        let bytes = fs::read(model).expect("a file");
        Session::load(bytes, model, &options).unwrap_or_else(|error| stop(&error.to_string()))
    };
    let mut rten = load(Engine::Rten);
    let mut other = load(Engine::OnnxRuntime);
    let port = other.inputs().first().expect("an input").clone();
    let shape: Vec<usize> = port.shape.iter().map(|size| size.unwrap_or(1)).collect();
    let input = noise(shape.iter().product());
    let outputs: Vec<usize> = (0..other.outputs().len()).collect();
    let wide = port.element_type == ElementType::F32;

    let mut alike = rten.outputs().len() == outputs.len()
        && ["task", "names", "imgsz", "nothing"].map(|key| rten.metadata(key))
            == ["task", "names", "imgsz", "nothing"].map(|key| other.metadata(key));
    let mut times = [Vec::new(), Vec::new()];
    let mut furthest = 0_f32;
    for _ in 0..RUNS {
        let (time, expected) = run(&mut rten, &shape, &input, &outputs);
        times[0].push(time);
        let (time, found) = run(&mut other, &shape, &input, &outputs);
        times[1].push(time);
        for ((shape, expected), (found_shape, found)) in expected.iter().zip(&found) {
            alike &= shape == found_shape;
            let most = expected.iter().fold(0_f32, |most, x| most.max(x.abs()));
            let pairs = expected.iter().zip(found);
            let apart = pairs.fold(0_f32, |most, (a, b)| most.max((a - b).abs()));
            furthest = furthest.max(apart / most);
        }
    }
    alike &= furthest <= if wide { 1e-4 } else { 1e-2 };

    // What is terminated is terminated.
    let terminator = other.terminator().expect("a terminator");
    terminator.terminate().expect("a flag to set");
    let ended = other.run(&shape, &input, &outputs, |_, _, _| {});
    let ended = ended.expect_err("a run after its end").to_string();
    let can_end = ended.contains("terminate");

    let [rten_time, other_time] = times.map(|mut times| {
        times.sort_unstable();
        times[RUNS / 2].as_secs_f64() * 1e3
    });
    println!(
        "{:<24} {} {rten_time:.1} ms, {} {other_time:.1} ms: {} to {furthest:.1e}{}",
        model.file_stem().unwrap_or_default().to_string_lossy(),
        rten.engine(),
        other.engine(),
        if alike { "alike" } else { "DIFFERENT" },
        if can_end { "" } else { ", CAN'T BE ENDED" },
    );
    alike && can_end
}

/// Shapes and elements of all outputs.
type Outputs = Vec<(Vec<usize>, Vec<f32>)>;

fn run(
    session: &mut Session,
    shape: &[usize],
    input: &[f32],
    outputs: &[usize],
) -> (Duration, Outputs) {
    let mut found = Vec::new();
    let started = Instant::now();
    let outcome = session.run(shape, input, outputs, |_, shape, elements| {
        found.push((shape.to_vec(), elements.to_vec()));
    });
    let time = started.elapsed();
    outcome.unwrap_or_else(|error| stop(&error.to_string()));
    (time, found)
}

/// Numbers from 0 to 1, the same each time.
fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    (0..count).map(|_| next()).collect()
}

fn stop(line: &str) -> ! {
    println!("{line}");
    std::process::exit(1)
}
