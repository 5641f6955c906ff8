//! The program `fastsamd`: see [`fastsamd::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    // First of all: libhailort's logger reads the environment, which may change only before there
    // is a second thread. If there is one (an emulator's), the library logs as it likes.
    let _ = hailort::Logging::default().set_environment();
    fastsamd::cli::main()
}
