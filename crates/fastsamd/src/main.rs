//! The program `fastsamd`: see [`fastsamd::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    fastsamd::cli::main()
}
