//! No password of a configuration appears in an error, whatever the mistake.

use std::path::Path;

use configuration::Config;
use proptest::prelude::*;

/// The error of a text, if it has one.
fn error(text: &str) -> String {
    match Config::from_yaml(text, Path::new("c.yaml")) {
        Ok(_) => String::new(),
        Err(error) => format!("{error} {error:?}"),
    }
}

/// Where a password may have ended up, as `{}`: behind its key, or behind a mistake.
const PASSWORDS: [&str; 20] = [
    "mqtt: {username: u, password: {}, host: ''}",
    "mqtt: {username: u, pasword: {}}",
    "mqtt: {username: u, password, {}}",
    "mqtt: {username: u, password: [{}]}",
    "mqtt: {username: u, password: {{}: 1}}",
    "mqtt:\n  username: u\n  password: {}\n    more",
    "mqtt:\n  username: u\n  password:\n  {}",
    "mqtt:\n  username: u\n  password:\n    {}: x",
    "mqtt:\n  username: u\n  password:{}",
    "mqtt:\n  username: u\n\tpassword: {}",
    "mqtt:\n  password {}",
    "mqtt:\n  password: {}\n  password: {}",
    "mqtt:\n  password={}",
    "mqtt: \"password: {}\"",
    "mqtt: {username: u, password_file: {}}",
    "mqtt: {username: u, password: &p {}}\nnode: *p",
    "node: &p {}/\nmqtt: {username: u, password: *p}",
    "cameras: [{source: {ffmpeg: {input: 'rtsp://c', password: {}}}}]",
    "cameras: [{source: {ffmpeg: {input: 'rtsp://c', pass: {}}}}]",
    "cameras: [{source: {ffmpeg: {input: 'rtsp://c', username: u, password: !secret {}}}}]",
];

#[test]
fn no_password_is_repeated() {
    for template in PASSWORDS {
        for password in ["sesame", "'sesame'", "\"ses ame 1\"", "sesame!#1"] {
            let text = template.replace("{}", password);
            let shown = error(&text);
            assert!(!shown.contains("sesame"), "{text}\n{shown}");
            assert!(!shown.contains("ses ame"), "{text}\n{shown}");
        }
    }
}

/// A valid document; every key and scalar in it is a place where an address may stand by mistake.
const VALID: &str = "\
node: n
mqtt:
  host: broker
  username: u
  prefix: fastsam
accelerator:
  backend: mock
  batch_size: 1
cameras:
  - name: a
    source: synthetic
  - name: b
    source:
      ffmpeg:
        input: rtsp://cam/1
        fps: 5
  - name: c
    source: {images: {path: ., repeat: true}}
segmentation:
  mask_size: frame
  cleanup: {open: 3}
prompts:
  - {name: p, camera: a, prompt: {points: [[1, 2]], select: best}}
publish: {mask_format: rle}
state_directory: null
log: {level: info}
";

/// The places of the words in a line.
fn words(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let is_in_word = |c: char| c.is_alphanumeric() || "_./:".contains(c);
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_in_word(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                let word = text[from..at].trim_end_matches(':');
                words.push((from, from + word.len()));
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// Breaks a document in one of the ways in which people do.
fn broken(text: &str, way: usize, place: usize) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let place = place % lines.len();
    let line = &mut lines[place];
    match way {
        0 => {}
        1 => *line = format!("\t{line}"),
        2 => *line = format!(" {line}"),
        3 => *line = line.trim_start().to_owned(),
        4 => *line = format!("{line}'"),
        5 => *line = format!("{line} ["),
        6 => *line = line.replacen(": ", ":", 1),
        7 => *line = line.replacen(": ", " ", 1),
        8 => *line = line.replacen(": ", ": &a ", 1),
        9 => *line = line.replacen(": ", ": *a ", 1),
        10 => *line = line.replacen(": ", ": !tag ", 1),
        11 => *line = line.replacen(": ", ": - ", 1),
        12 => {
            let again = line.clone();
            lines.insert(place, again);
        }
        13 => *line = line.replacen(": ", ": [", 1) + "]",
        14 => *line = line.replacen(": ", ": {", 1) + "}",
        _ => *line = line.replacen(": ", ":\n          ", 1),
    }
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_address_is_repeated(
        word in 0..60usize,
        scheme in prop::sample::select(vec!["rtsp://", "http://", "//", ""]),
        password in prop::sample::select(vec![
            "zuqvex2", "zuq@vex2", "zuq/vex2", "zuq#vex2", "zuq #vex2", "zuq?vex2", "zuq vex2",
            "zuq: vex2", "z\u{fc}qvex2", "zuq%40vex2", "zuq,vex2", "zuq{vex2}", "zuq'vex2", "zuq\"vex2",
        ]),
        quotes in prop::sample::select(vec!["", "'", "\""]),
        way in 0..16usize,
        place in 0..40usize,
    ) {
        let words = words(VALID);
        let (start, end) = words[word % words.len()];
        let address = format!("{quotes}{scheme}admin:{password}@10.0.0.1/stream{quotes}");
        let text = format!("{}{address}{}", &VALID[..start], &VALID[end..]);
        let text = broken(&text, way, place);
        let shown = error(&text);
        for piece in ["zuq", "vex2", "qvex"] {
            prop_assert!(!shown.contains(piece), "{}\n{}", text, shown);
        }
    }
}
