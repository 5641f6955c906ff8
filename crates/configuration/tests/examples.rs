//! The alternatives that stand in the comments of `config/fastsamd.yaml` are right, too.
//!
//! A comment whose text is indented (three or more spaces behind the `#`) belongs to a block that
//! can be used in place of the key of the same name that follows it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this is a test")]

use std::path::{Path, PathBuf};

use configuration::{Backend, Config, Ffmpeg, Hailo, Rpicam, Source, Text, V4l2};

fn commented_file() -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/fastsamd.yaml");
    std::fs::read_to_string(path).unwrap()
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A line of a block, as it stands when it is no comment any more.
fn uncommented(line: &str) -> Option<String> {
    let (before, text) = line.split_once('#')?;
    let code = text.strip_prefix("   ")?;
    if !before.trim().is_empty() {
        return None;
    }
    // Files that only some machines have: any file does.
    let code = match code.split_once(": ") {
        Some((key, value)) if value.starts_with('/') && value.contains("must exist") => {
            format!(
                "{key}: {}",
                env!("CARGO_MANIFEST_DIR").to_owned() + "/Cargo.toml"
            )
        }
        _ => code.to_owned(),
    };
    Some(format!("{before}{code}"))
}

/// The file with each of its blocks used in turn, and the first line of the block.
fn alternatives(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let block: Vec<String> = lines[at..]
            .iter()
            .map_while(|line| uncommented(line))
            .collect();
        if block.is_empty() {
            at += 1;
            continue;
        }
        let depth = indentation(&block[0]);
        let key = block[0].split(':').next().unwrap();
        let is_key = |line: &str| line.split(':').next() == Some(key);
        let behind = at + block.len();
        let live = (behind..lines.len())
            .find(|&line| is_key(lines[line]))
            .unwrap_or_else(|| panic!("no key {key:?} follows its block"));
        // The key goes, with everything below it.
        let after = (live + 1..lines.len())
            .find(|&line| !lines[line].trim().is_empty() && indentation(lines[line]) <= depth)
            .unwrap_or(lines.len());
        let used: Vec<&str> = lines[..at]
            .iter()
            .copied()
            .chain(block.iter().map(String::as_str))
            .chain(lines[behind..live].iter().copied())
            .chain(lines[after..].iter().copied())
            .collect();
        let names: Vec<&str> = block.iter().take(2).map(|line| line.trim()).collect();
        found.push((names.join(" "), used.join("\n")));
        at = behind;
    }
    found
}

#[test]
fn every_commented_block_is_a_configuration() {
    let text = commented_file();
    let mut names = Vec::new();
    for (name, text) in alternatives(&text) {
        let parsed = Config::from_yaml(&text, Path::new("fastsamd.yaml"));
        assert!(parsed.is_ok(), "{name} {}\n{text}", parsed.unwrap_err());
        names.push(name);
    }
    let expected = [
        "backend: hailo:",
        "backend: replay:",
        "backend: mock:",
        "source: images:",
        "source: v4l2:",
        "source: rpicam:",
        "source: ffmpeg:",
        "zones: - name: porch",
        "lines: - name: gate",
        "prompts: - name: cup",
        "text: image_encoder: ",
        "web: listen: 127.0.0.1:8080",
    ];
    assert_eq!(names.len(), expected.len(), "{names:?}");
    for (name, expected) in names.iter().zip(expected) {
        assert!(name.starts_with(expected), "{name}");
    }
}

#[test]
fn a_wrong_block_fails() {
    let text = commented_file().replace("#       power_line: null", "#       power_lime: null");
    let wrong = alternatives(&text)
        .into_iter()
        .filter(|(_, text)| Config::from_yaml(text, Path::new("fastsamd.yaml")).is_err());
    assert_eq!(wrong.count(), 1);
}

/// A block that shows all keys of a kind, and says that they are the defaults.
fn used(name: &str) -> Config {
    let alternatives = alternatives(&commented_file());
    let (_, text) = alternatives
        .iter()
        .find(|(found, _)| found.starts_with(name))
        .unwrap();
    Config::from_yaml(text, Path::new("fastsamd.yaml")).unwrap()
}

fn keys(value: &impl serde::Serialize) -> Vec<String> {
    let value = serde_json::to_value(value).unwrap();
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn blocks_show_the_defaults() {
    let backend = used("backend: hailo:").accelerator.backend;
    assert_eq!(backend, Backend::Hailo(Hailo::default()));
    let source = |name: &str| used(name).cameras[0].source.clone();
    assert_eq!(source("source: v4l2:"), Source::V4l2(V4l2::default()));
    assert_eq!(source("source: rpicam:"), Source::Rpicam(Rpicam::default()));
}

#[test]
fn blocks_show_every_key() {
    let text = commented_file();
    let shows = |key: &String| {
        text.contains(&format!("#       {key}: ")) || text.contains(&format!("#     {key}: "))
    };
    let keys_of = [
        keys(&Hailo::default()),
        keys(&V4l2::default()),
        keys(&Rpicam::default()),
        keys(&used_ffmpeg()),
        keys(&used_text()),
    ];
    for key in keys_of.iter().flatten() {
        assert!(shows(key), "{key}");
    }
}

fn used_ffmpeg() -> Ffmpeg {
    match used("source: ffmpeg:").cameras.remove(0).source {
        Source::Ffmpeg(ffmpeg) => ffmpeg,
        other => panic!("{other:?}"),
    }
}

fn used_text() -> Text {
    used("text:").text.unwrap()
}
