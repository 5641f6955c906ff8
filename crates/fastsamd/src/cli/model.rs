//! `model`: what a HEF or an ONNX file holds, and whether the daemon runs it.
//!
//! HEFs are read without Hailo's library, ONNX files with the engine that would run them.

mod hef;
mod manifest;
mod onnx;

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;
use configuration::WrongInput;

/// Which file.
#[derive(Debug, Args)]
pub(super) struct ModelArgs {
    /// The HEF or ONNX file.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Hef,
    Onnx,
    /// As `torch.save` writes it: an archive.
    Torch,
}

pub(super) fn run(arguments: &ModelArgs) -> anyhow::Result<()> {
    let ModelArgs { file, json } = arguments;
    match kind(file) {
        Some(Kind::Onnx) => onnx::run(file, *json),
        Some(Kind::Torch) => Err(WrongInput::new(format_args!(
            "{0}: an archive, as PyTorch writes its checkpoints: expected a HEF or an ONNX file, as \
             `yolo export model={0} format=onnx` makes it",
            file.display()
        ))
        .into()),
        // What can't be read is told of there.
        Some(Kind::Hef) | None => hef::run(file, *json),
    }
}

/// What a file is by its first bytes, and by its name where they say nothing; `None` where it can't
/// be read.
fn kind(path: &Path) -> Option<Kind> {
    let mut begin = [0; 4];
    let is_file = path.metadata().is_ok_and(|metadata| metadata.is_file());
    let mut file = is_file.then(|| File::open(path).ok()).flatten()?;
    let length = file.read(&mut begin).ok()?;
    Some(match begin {
        [0x01, b'H', b'E', b'F'] => Kind::Hef,
        [b'P', b'K', 3, 4] => Kind::Torch,
        // Its first field is the format's version, a number.
        [0x08, version, ..] if length == begin.len() && (1..64).contains(&version) => Kind::Onnx,
        _ if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("onnx")) =>
        {
            Kind::Onnx
        }
        _ => Kind::Hef,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_with() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content, expected) in [
            ("a.onnx", &b"\x01HEF\0\0"[..], Kind::Hef),
            ("b.hef", b"\x08\x08\x12\x07pytorch", Kind::Onnx),
            ("c.pt", b"PK\x03\x04", Kind::Torch),
            ("d.onnx", b"", Kind::Onnx),
            ("e.hef", b"\x08", Kind::Hef),
            ("f", b"text", Kind::Hef),
        ] {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            assert_eq!(kind(&path), Some(expected), "{name}");
        }
        assert_eq!(kind(folder.path()), None);
        assert_eq!(kind(&folder.path().join("none")), None);
    }
}
