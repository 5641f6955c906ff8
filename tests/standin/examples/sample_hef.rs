//! Writes a HEF that the stand-in takes: `cargo run -p hailort-standin --example sample_hef -- FILE`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        return ExitCode::from(2);
    };
    match std::fs::write(path, hailort_standin::sample_hef(false)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
