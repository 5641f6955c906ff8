//! Runs the program, paints pictures and makes recordings for it.

use std::{
    fs,
    io::{Seek, Write},
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fastsamd"));
    command
        .args(arguments)
        .env_remove("FASTSAMD_LOG")
        .env_remove("FASTSAMD_UNTRIED_HAILORT")
        .env_remove("FASTSAMD_MQTT_PASSWORD")
        // A backtrace would have to show now.
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn fastsamd(arguments: &[&str]) -> Finished {
    let output = command(arguments).output().unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program with this as its standard input.
pub(crate) fn fastsamd_with_input(arguments: &[&str], input: &[u8]) -> Finished {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    file.rewind().unwrap();
    finished(command(arguments).stdin(file).output().unwrap())
}

/// Runs the program with a standard output that is full, as a full disk is.
pub(crate) fn fastsamd_onto_full_disk(arguments: &[&str]) -> Finished {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    finished(command(arguments).stdout(full).output().unwrap())
}

/// Starts the program with a standard output that is read by the caller.
pub(crate) fn started(arguments: &[&str]) -> std::process::Child {
    let mut command = command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// How it ended, and what it wrote.
pub(crate) fn finished(output: std::process::Output) -> Finished {
    Finished {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs the program with a standard output that nobody reads.
pub(crate) fn fastsamd_into_closed_pipe(arguments: &[&str]) -> Finished {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(arguments).stdout(writer).output().unwrap();
    Finished {
        code: output.status.code(),
        stdout: String::new(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A PNG of a bright rectangle on dark ground; at 320x200 it spans 80..180, 50..130.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let inside = |x, y| {
        (width / 4..width * 9 / 16).contains(&x) && (height / 4..height * 13 / 20).contains(&y)
    };
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb(if inside(x, y) {
            [220, 60, 40]
        } else {
            [20, 40, 60]
        })
    });
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}

/// The shapes of FastSAM's ten outputs.
const SHAPES: [[usize; 3]; 10] = [
    [80, 80, 64],
    [40, 40, 64],
    [20, 20, 64],
    [80, 80, 1],
    [40, 40, 1],
    [20, 20, 1],
    [80, 80, 32],
    [40, 40, 32],
    [20, 20, 32],
    [160, 160, 32],
];

/// A recording of a frame without objects, to be broken in one place.
pub(crate) struct Recording {
    folder: TempDir,
    pub(crate) frame: Value,
    pub(crate) outputs: Vec<Value>,
}

impl Recording {
    pub(crate) fn new() -> Self {
        let mut recording = Self {
            folder: tempfile::Builder::new()
                .prefix("recording-")
                .tempdir()
                .unwrap(),
            frame: json!({"width": 640, "height": 480}),
            outputs: Vec::new(),
        };
        for (number, shape) in SHAPES.into_iter().enumerate() {
            recording.write_npy(number, "|u1", &shape);
            recording.outputs.push(json!({
                "name": format!("net/conv{number}"), "file": format!("out_{number}.npy"),
                "shape": shape, "dtype": "uint8", "scale": 0.004, "zero_point": 0.0
            }));
        }
        recording
    }

    pub(crate) fn path(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write_manifest(&self) {
        let manifest = json!({"frame": self.frame, "outputs": self.outputs});
        fs::write(self.file("manifest.json"), manifest.to_string()).unwrap();
    }

    /// Writes zeros in NPY version 1.
    pub(crate) fn write_npy(&mut self, number: usize, descr: &str, shape: &[usize; 3]) {
        let [rows, columns, channels] = shape;
        let mut header = format!(
            "{{'descr': '{descr}', 'fortran_order': False, 'shape': ({rows}, {columns}, {channels}), }}"
        );
        while (10 + header.len() + 1) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        let size: usize = descr[2..].parse().unwrap();
        let mut npy = b"\x93NUMPY\x01\x00".to_vec();
        npy.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        npy.extend(header.bytes());
        npy.resize(npy.len() + rows * columns * channels * size, 0);
        fs::write(self.file(&format!("out_{number}.npy")), npy).unwrap();
    }

    pub(crate) fn remove(&mut self, name: &str) {
        fs::remove_file(self.file(name)).unwrap();
    }

    pub(crate) fn truncate(&mut self, name: &str, length: u64) {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(self.file(name))
            .unwrap();
        file.set_len(length).unwrap();
    }
}
