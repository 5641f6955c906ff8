//! `try-hef`: hands a HEF to libhailort and sees whether that survives. Not for users.
//!
//! fastsamd runs this in a process of its own before it hands the same file to the library itself:
//! see [`hailort::Trial`]. It ends with 0, or with one line and 2 where the HEF is at fault.

use std::path::PathBuf;

use clap::Args;
use configuration::WrongInput;
use hailort::{CheckedHef, Error, Hef, Library, Versions};

/// Which HEF, and which library.
#[derive(Debug, Args)]
pub(super) struct TryHefArgs {
    /// The HEF.
    file: PathBuf,
    /// libhailort; without it, it is found by its usual names.
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// The HEF's sha256.
    #[arg(long, value_name = "SUM", value_parser = sum)]
    sha256: Option<Sum>,
}

/// A sha256.
#[derive(Clone, Copy, Debug)]
struct Sum([u8; 32]);

/// Reads 64 hexadecimal digits.
fn sum(text: &str) -> Result<Sum, String> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let bytes: Option<Vec<u8>> = digits.map(|digits| {
        let pairs = digits.chunks(2);
        pairs
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect()
    });
    bytes
        .filter(|_| text.len() == 64)
        .and_then(|bytes| bytes.try_into().ok())
        .map(Sum)
        .ok_or_else(|| "expected 64 hexadecimal digits".to_owned())
}

pub(super) fn run(arguments: &TryHefArgs) -> anyhow::Result<()> {
    let library = Library::open(arguments.library.as_deref(), Versions::from_environment())?;
    let sha256 = arguments.sha256.as_ref().map(|sum| sum.0);
    let tried = CheckedHef::read(&arguments.file, sha256)
        .and_then(|hef| hef.open(&library))
        .and_then(|hef| ask(&hef));
    tried.map_err(|error| {
        let path = arguments.file.display();
        match error {
            error if error.is_of_hef() => WrongInput::new(error),
            // There is nothing here but the HEF that a call could fail on.
            error => WrongInput::new(format!("{path}: {error}")),
        }
        .into()
    })
}

/// Asks what is in it, as the daemon will.
fn ask(hef: &Hef) -> Result<(), Error> {
    for group in hef.network_groups()? {
        hef.vstreams(&group.name)?;
    }
    Ok(())
}
