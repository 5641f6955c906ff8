//! What `segment` takes, and what it says of the rest.

use std::{
    io::{BufRead, BufReader, Read},
    os::unix::fs::symlink,
    process::Command,
};

use serde_json::Value;

use crate::{
    assert_fails,
    outputs::{Place, assert_succeeds},
    support::{fastsamd, fastsamd_onto_full_disk, fastsamd_with_input, finished, picture, started},
};

#[test]
fn a_folder_says_what_it_left_out() {
    let place = Place::with(&["in/a.png", "in/below/b.png"]);
    place.write("in/notes.txt", b"notes");
    // A picture by its content.
    place.write("in/c", &picture(64, 48));
    let finished = place.segment(&["in"], "out", &[]);
    assert_succeeds(&finished);
    let expected = "left out 1 other file (notes.txt), 1 folder (--recursive looks into them)";
    assert!(finished.stderr.contains(expected), "{finished:?}");
    assert!(finished.stderr.contains("2 pictures, "), "{finished:?}");
    let finished = place.segment(&["in"], "all", &["-r"]);
    assert!(finished.stderr.contains("3 pictures, "), "{finished:?}");
}

#[test]
fn what_can_not_be_read_is_told_in_a_line_each_and_the_rest_is_done() {
    let place = Place::with(&["in/good.png"]);
    symlink("nowhere", place.path("in/dangling.png")).unwrap();
    let made = Command::new("mkfifo")
        .arg(place.path("in/pipe.png"))
        .status()
        .unwrap();
    assert!(made.success());
    place.write("in/photo.jpg", b"\0\0\0\x1cftypheic\0\0\0\0mif1heic");
    place.write("in/text.jpg", b"<html>");
    let finished = place.segment(&["in"], "out", &[]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    for (name, cause) in [
        ("dangling.png", "No such file"),
        ("pipe.png", "not a file"),
        (
            "photo.jpg",
            "a HEIC picture, which fastsamd can't read; convert it, for example with: heif-convert",
        ),
        ("text.jpg", "not a picture"),
    ] {
        let lines: Vec<_> = finished
            .stderr
            .lines()
            .filter(|line| line.contains(name))
            .collect();
        assert!(
            lines.len() == 1 && lines[0].contains(cause),
            "{name}: {finished:?}"
        );
    }
    assert!(finished.stderr.contains("1 picture, "), "{finished:?}");
    assert!(place.path("out/good.json").exists());
}

#[test]
fn patterns_and_standard_input_are_inputs() {
    let place = Place::with(&["a.png", "b.png"]);
    let finished = fastsamd(&["segment", &place.text("*.png")]);
    assert_succeeds(&finished);
    assert_eq!(finished.stdout.lines().count(), 2);
    assert_fails(
        &fastsamd(&["segment", &place.text("*.bmp")]),
        2,
        "no file matches this pattern",
    );

    let finished = fastsamd_with_input(&["segment", "-"], &picture(64, 48));
    assert_succeeds(&finished);
    let message: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(
        (&message["camera"], &message["input"]),
        (&"stdin".into(), &"-".into())
    );
    assert_eq!(message["frame"]["width"], 64);
    assert_fails(
        &fastsamd_with_input(&["segment", "-"], b""),
        2,
        "-: the file is empty",
    );
}

#[test]
fn an_interrupted_run_says_how_far_it_came() {
    let place = Place::with(&["a.png"]);
    // More lines than a pipe holds: it can't be done before somebody reads.
    let path = place.text("a.png");
    let many = vec![path.as_str(); 300];
    let mut child = started(&[&["segment"], &many[..]].concat());
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -INT {}", child.id())])
        .status()
        .unwrap();
    assert!(sent.success());
    lines.read_to_string(&mut String::new()).unwrap();
    let finished = finished(child.wait_with_output().unwrap());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let done = finished.stderr.split("interrupted after ").nth(1).unwrap();
    let done: usize = done.split(' ').next().unwrap().parse().unwrap();
    assert!((1..300).contains(&done), "{finished:?}");
    assert!(finished.stderr.contains("of 300 inputs"), "{finished:?}");
    assert!(
        finished.stderr.contains(&format!("{done} picture")),
        "{finished:?}"
    );
}

#[test]
fn a_full_disk_is_told() {
    let place = Place::with(&["a.png"]);
    let finished = fastsamd_onto_full_disk(&["segment", &place.text("a.png")]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(
        finished.stderr.to_lowercase().contains("no space left"),
        "{finished:?}"
    );
}
