//! `fastsamd hef`: the real binary on HEFs, and on what only says to be one.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fastsamd_tests::fastsamd;
use hailort_standin::{sample_hef, sample_hef_of};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What a run said, and how it ended.
struct Said {
    code: Option<i32>,
    output: String,
    errors: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.output).expect("JSON")
    }

    /// The rest of the line that begins so.
    fn line(&self, start: &str) -> &str {
        self.output
            .lines()
            .find_map(|line| line.strip_prefix(start))
            .expect("such a line")
            .trim_start()
    }

    #[track_caller]
    fn assert_one_line_of_wrong_input(&self, expected: &str) {
        assert_eq!(self.code, Some(2), "{}", self.errors);
        assert_eq!(self.errors.lines().count(), 1, "{}", self.errors);
        assert!(self.errors.contains(expected), "{}", self.errors);
    }
}

fn hef<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Said {
    let mut command = fastsamd();
    let started = Instant::now();
    let output = command.arg("hef").args(arguments).output();
    let output = output.expect("a run");
    assert!(started.elapsed() < Duration::from_secs(20), "hung");
    Said {
        code: output.status.code(),
        output: String::from_utf8(output.stdout).expect("UTF-8"),
        errors: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("a written file");
        path
    }
}

/// The sample with these bytes instead of others of the same length, and its hash made right.
fn patched(from: &[u8], to: &[u8]) -> Vec<u8> {
    const HEADER: usize = 44;
    let mut bytes = sample_hef(false);
    let at = bytes.windows(from.len()).position(|bytes| bytes == from);
    let at = at.expect("these bytes");
    bytes[at..at + to.len()].copy_from_slice(to);
    let hash = xxhash_rust::xxh3::xxh3_64(&bytes[HEADER..]);
    bytes[12..20].copy_from_slice(&hash.to_be_bytes());
    bytes
}

#[test]
fn a_hef_is_described() {
    let folder = Folder::new();
    for (hailo8l, chip, entry) in [(false, "Hailo-8", "hailo8"), (true, "Hailo-8L", "hailo8l")] {
        let bytes = sample_hef(hailo8l);
        let path = folder.write("fast_sam_s.hef", &bytes);
        let said = hef([OsStr::new("--json"), path.as_os_str()]);
        assert_eq!((said.code, &*said.errors), (Some(0), ""));
        let report = said.json();
        assert_eq!(report["architecture"], chip);
        assert_eq!(report["size"], bytes.len());
        assert_eq!(report["compiler"], "stand-in");
        assert_eq!(report["compiled_at"], "2025-01-01T00:00:00Z");
        assert_eq!(report["sha256"], sha256sum(&path));
        let container = &report["container"];
        assert_eq!(container["version"], 2);
        assert_eq!(container["header_size"], 44);
        assert_eq!(container["message_size"], bytes.len() - 44);
        assert_eq!(container["hash"]["kind"], "XXH3");
        assert_eq!(container["hash"]["verified"], true);
        assert_eq!(report["fastsam"], json!({"fits": true, "reason": null}));
        assert_eq!(report["network_group"], "fast_sam_s");
        assert_eq!(report["oldest_hailort"], "4.20");
        assert_eq!(report["format_version"], 1);
        assert_eq!(report["manifest"]["verdict"], "may_be");
        assert_eq!(
            report["manifest"]["entries"][0],
            json!({"name": "fast_sam_s", "chip": entry, "zoo": "v2.18.0"})
        );

        let network = &report["networks"][0];
        assert_eq!(network["name"], "fast_sam_s");
        assert_eq!(network["contexts"], 2);
        assert_eq!(
            network["inputs"],
            json!([{"name": "fast_sam_s/input_layer1", "shape": [640, 640, 3],
                    "format": "uint8", "scale": 1.0, "zero_point": 0.0}])
        );
        assert_eq!(outputs(network), mock_outputs());
    }
}

/// Name, shape, format, scale and zero point of a report's outputs, by name.
fn outputs(network: &Value) -> Vec<(String, Value, String, f64, f64)> {
    let outputs = network["outputs"].as_array().expect("outputs");
    let mut outputs: Vec<_> = outputs
        .iter()
        .map(|output| {
            (
                output["name"].as_str().expect("a name").to_owned(),
                output["shape"].clone(),
                output["format"].as_str().expect("a format").to_owned(),
                output["scale"].as_f64().expect("a scale"),
                output["zero_point"].as_f64().expect("a zero point"),
            )
        })
        .collect();
    outputs.sort_by(|a, b| a.0.cmp(&b.0));
    outputs
}

/// The same of the network that the sample describes.
fn mock_outputs() -> Vec<(String, Value, String, f64, f64)> {
    let layout = accelerator::mock::Network::layout(frame::InputSize::DEFAULT);
    let mut outputs: Vec<_> = tensors::Role::ALL
        .into_iter()
        .map(|role| {
            let info = layout.info(role);
            let format = match info.element_type {
                tensors::ElementType::U8 => "uint8",
                tensors::ElementType::U16 => "uint16",
            };
            // As JSON has it: the shortest decimals that are this f32.
            let number = |value: f32| value.to_string().parse().expect("a number");
            (
                info.name.clone(),
                json!(info.shape),
                format.to_owned(),
                number(info.quant.scale),
                number(info.quant.zero_point),
            )
        })
        .collect();
    outputs.sort_by(|a, b| a.0.cmp(&b.0));
    outputs
}

fn sha256sum(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum")
        .arg(path)
        .output()
        .expect("sha256sum");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split(' ').next().expect("a sum").to_owned()
}

#[test]
fn the_table_is_aligned() {
    let folder = Folder::new();
    let path = folder.write("fast_sam_s.hef", &sample_hef(false));
    let said = hef([&path]);
    assert_eq!((said.code, &*said.errors), (Some(0), ""));
    assert_eq!(said.line("chip "), "Hailo-8");
    assert_eq!(said.line("network "), "fast_sam_s, contexts: 2");
    assert!(said.line("hash ").ends_with(", verified"));
    assert!(said.line("FastSAM ").starts_with("fits"));
    let streams = |line: &&str| line.starts_with("input ") || line.starts_with("output ");
    let columns: Vec<_> = said
        .output
        .lines()
        .filter(streams)
        .map(|line| (line.find("uint"), line.find("(q - ")))
        .collect();
    assert_eq!(columns.len(), 11);
    assert!(columns.iter().all(|&column| column == columns[0]));
}

#[test]
fn what_does_not_fit_is_said() {
    let folder = Folder::new();
    // The scores of the coarsest level, 20x20x1, become another 20x20x2.
    let scores = [3 << 3, 20, 4 << 3, 24, 5 << 3, 1];
    let other = [3 << 3, 20, 4 << 3, 24, 5 << 3, 2];
    let path = folder.write("other.hef", &patched(&scores, &other));
    let said = hef([OsStr::new("--json"), path.as_os_str()]);
    assert_eq!(said.code, Some(0), "{}", said.errors);
    let report = said.json();
    assert_eq!(report["fastsam"]["fits"], false);
    let reason = report["fastsam"]["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("which is none of FastSAM's ten outputs"),
        "{reason}"
    );
    assert_eq!(
        report["manifest"],
        json!({"verdict": "not_listed", "entries": []})
    );
}

#[test]
fn the_group_that_fits_is_named() {
    let folder = Folder::new();
    for groups in [["zz_other", "fast_sam_s"], ["fast_sam_s", "zz_other"]] {
        let path = folder.write("two.hef", &sample_hef_of(1, &groups));
        let said = hef([OsStr::new("--json"), path.as_os_str()]);
        let report = said.json();
        assert_eq!(report["fastsam"]["fits"], true);
        assert_eq!(report["network_group"], "fast_sam_s");
        assert_eq!(report["networks"][0]["name"], groups[0]);
        let entry = &report["manifest"]["entries"][0];
        assert_eq!(entry["name"], "fast_sam_s");
        let said = hef([&path]);
        assert!(said.line("FastSAM ").contains("fast_sam_s"));
    }
    let path = folder.write("none.hef", &sample_hef_of(1, &["aa", "bb"]));
    let report = hef([OsStr::new("--json"), path.as_os_str()]).json();
    assert_eq!(report["network_group"], Value::Null);
    let reason = report["fastsam"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("none of its network groups is FastSAM's: 'aa', 'bb'"));
}

#[test]
fn a_hef_for_a_chip_that_is_not_served_does_not_fit() {
    let folder = Folder::new();
    for (chip, name) in [
        (0, "old number 0"),
        (5, "Hailo-10H"),
        (103, "Hailo-10H or 15H"),
        (77, "unknown architecture 77"),
    ] {
        let path = folder.write("chip.hef", &sample_hef_of(chip, &["fast_sam_s"]));
        let said = hef([OsStr::new("--json"), path.as_os_str()]);
        assert_eq!(said.code, Some(0), "{}", said.errors);
        let report = said.json();
        let architecture = report["architecture"].as_str().expect("a chip");
        assert!(architecture.contains(name), "{architecture}");
        let reason = report["fastsam"]["reason"].as_str().expect("a reason");
        assert!(reason.contains(name), "{reason}");
    }
}

#[test]
fn a_hef_that_kills_the_library_is_described_and_refused() {
    let folder = Folder::new();
    // The name of the network group that the library uses, in its metadata, of ten letters.
    let named = |name: &[u8]| [&[10, 12, 10, 10], name].concat();
    let flipped = patched(&named(b"fast_sam_s"), &named(b"fast_sam_t"));
    let path = folder.write("flipped.hef", &flipped);
    let said = hef([OsStr::new("--json"), path.as_os_str()]);
    said.assert_one_line_of_wrong_input(
        "flipped.hef: libhailort would crash on this HEF: network group 'fast_sam_t' and its \
         network for the chip, 'fast_sam_s', have different names",
    );
    let report = said.json();
    assert_eq!(report["container"]["hash"]["verified"], true);
    assert_eq!(report["fastsam"]["fits"], false);
    assert_eq!(report["networks"][0]["name"], "fast_sam_t");
}

#[test]
fn a_damaged_hef_is_described_and_refused() {
    let folder = Folder::new();
    let mut bytes = sample_hef(false);
    // A letter of a name: all else can be read.
    let at = bytes.windows(8).position(|bytes| bytes == b"stand-in");
    bytes[at.expect("the compiler")] = b'S';
    let path = folder.write("damaged.hef", &bytes);
    let said = hef([OsStr::new("--json"), path.as_os_str()]);
    said.assert_one_line_of_wrong_input("damaged.hef: the HEF is damaged: its XXH3 is ");
    let report = said.json();
    assert_eq!(report["container"]["hash"]["verified"], false);
    assert_eq!(report["compiler"], "Stand-in");
}

#[test]
fn outside_text_stays_in_its_line() {
    let folder = Folder::new();
    let path = folder.write("escape.hef", &patched(b"stand-in", b"\x1b[31m\nX!"));
    let said = hef([&path]);
    assert_eq!(said.code, Some(0), "{}", said.errors);
    assert!(!said.output.contains('\x1b'));
    assert!(said.line("compiled ").ends_with(" [31m X!"));
}

#[test]
fn what_is_no_hef_is_one_line() {
    let folder = Folder::new();
    let good = sample_hef(false);
    let sparse = |name: &str, front: &[u8], size: u64| {
        let path = folder.write(name, front);
        let file = File::options().write(true).open(&path).expect("the file");
        file.set_len(size).expect("a sparse file");
        path
    };
    let cut = |length: usize| &good[..length];
    let bad_body = patched(b"\x1a\x08stand-in", b"\x1f\x08stand-in");
    let table = [
        (folder.0.path().join("none.hef"), "No such file"),
        (folder.0.path().to_owned(), "it is not a file"),
        (PathBuf::from("/dev/zero"), "it is not a file"),
        (folder.write("empty", b""), "0 bytes are too few for a HEF"),
        (folder.write("short", cut(55)), "55 bytes are too few"),
        (folder.write("cut", cut(56)), "was the download cut off?"),
        (
            folder.write("last", cut(good.len() - 1)),
            "was the download cut off?",
        ),
        (
            folder.write("page", &b"<!DOCTYPE html>".repeat(9)),
            "this is not a HEF",
        ),
        (
            folder.write("noise", &[0xa5; 4096]),
            "this is not a HEF: it begins with [a5, a5, a5, a5]",
        ),
        (
            folder.write("newer", &[&good[..7], &[9], &good[8..]].concat()),
            "HEF container version 9 is unknown",
        ),
        (folder.write("body", &bad_body), "description is broken"),
        (sparse("zeros", b"", 1 << 30), "this is not a HEF"),
        (sparse("huge", &good, 1 << 40), "too many for a HEF"),
        (sparse("long", &good, 1 << 29), "was the download cut off?"),
    ];
    for (path, expected) in table {
        for json in [false, true] {
            let mut arguments = vec![path.as_os_str()];
            arguments.extend(json.then_some(OsStr::new("--json")));
            let said = hef(arguments);
            said.assert_one_line_of_wrong_input(expected);
            assert!(said.errors.contains(&*path.to_string_lossy()));
            assert_eq!(said.output, "");
        }
    }
}

#[test]
fn a_pipe_is_not_waited_for() {
    let folder = Folder::new();
    let path = folder.0.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo").success());
    hef([&path]).assert_one_line_of_wrong_input("it is not a file");
}
