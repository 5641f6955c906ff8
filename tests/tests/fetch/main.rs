//! `fastsamd fetch` against a server of our own.

// All of this is test code: what can't go on may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod server;

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Output,
};

use fastsamd_tests::{fastsamd, free_port};
use hailort::hef_file::{HefFile, hex};
use hailort_standin::{Sandbox, sample_hef};

use server::{Ranges, Service};

/// Runs the verb without the machine's proxies.
fn run(arguments: &[&str]) -> Output {
    fastsamd()
        .arg("fetch")
        .args(arguments)
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap()
}

/// Fetches the HEF of a zoo.
fn fetch(out: &Path, urls: &[&str], more: &[&str]) -> Output {
    let out = out.display().to_string();
    let mut arguments = vec!["fast_sam_s", "--for", "hailo8", "--zoo", "v2.18.0"];
    arguments.extend(["--out", &out]);
    for url in urls {
        arguments.extend(["--url", url]);
    }
    arguments.extend(more);
    run(&arguments)
}

fn target(out: &Path) -> PathBuf {
    out.join("fast_sam_s.hailo8.hef")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts that it failed with one line that says this, and returns the line.
fn refused(output: &Output, code: i32, words: &str) -> String {
    let said = said(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.starts_with("fastsamd: "), "{said}");
    assert!(last.contains(words), "{words}: {said}");
    last.to_owned()
}

fn fetched(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

/// What a folder holds, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const IN_PLACE: [&str; 2] = [".fast_sam_s.hailo8.hef.sha256", "fast_sam_s.hailo8.hef"];

fn sum(bytes: &[u8]) -> String {
    hex(HefFile::from_bytes(bytes.to_vec()).unwrap().sha256())
}

#[test]
fn a_hef_comes_with_its_licence_its_size_and_what_to_do_next() {
    let hef = sample_hef(false);
    let server = Service::of(&hef).start();
    let folder = tempfile::tempdir().unwrap();
    let output = fetch(folder.path(), &[&server.hef()], &[]);
    fetched(&output);
    let target = target(folder.path());
    assert_eq!(fs::read(&target).unwrap(), hef);
    assert_eq!(names(folder.path()), IN_PLACE);
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(out, format!("{}\n", target.display()));
    let said = said(&output);
    for words in [
        "fast_sam_s for hailo8, zoo v2.18.0; licence: Apache-2.0, https://",
        &format!(
            "fetching {}/v2.18.0/hailo8/fast_sam_s.hef\n",
            server.address
        ),
        "fast_sam_s.hailo8.hef: ",
        // Without a known sum, it is printed.
        &format!("what came has {}", sum(&hef)),
        &format!("next: fastsamd hef {}", target.display()),
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }

    // In place, from the same URL: nothing is asked for any more.
    let before = server.asked().len();
    let again = fetch(folder.path(), &[&server.hef()], &[]);
    fetched(&again);
    assert!(self::said(&again).contains("is in place already"));
    assert_eq!(server.asked().len(), before);
    fetched(&fetch(folder.path(), &[&server.hef()], &["--force"]));
    assert_eq!(server.asked().len(), before + 1);
}

#[test]
fn a_download_goes_on_where_it_was_cut_off() {
    let hef = sample_hef(false);
    let server = Service {
        cuts: vec![300, 200, 0],
        etag: Some("\"1\""),
        ..Service::of(&hef)
    }
    .start();
    let folder = tempfile::tempdir().unwrap();
    let sum = ["--sha256", &sum(&hef)];
    // By itself as long as something comes, and then when it is run again.
    let first = fetch(folder.path(), &[&server.hef()], &sum);
    refused(&first, 1, "was cut off after 500 bytes");
    refused(&first, 1, "run this again to go on");
    assert!(!target(folder.path()).exists());
    let second = fetch(folder.path(), &[&server.hef()], &sum);
    fetched(&second);
    assert!(said(&second).contains("going on after 500 B"), "{second:?}");
    assert_eq!(server.asked(), [None, Some(300), Some(500), Some(500)]);
    assert_eq!(fs::read(target(folder.path())).unwrap(), hef);
    assert_eq!(names(folder.path()), IN_PLACE);
}

#[test]
fn a_server_that_can_not_go_on_gives_all_of_it() {
    let hef = sample_hef(false);
    for ranges in [Ranges::Ignored, Ranges::Refused] {
        let server = Service {
            cuts: vec![500],
            ranges,
            ..Service::of(&hef)
        }
        .start();
        let folder = tempfile::tempdir().unwrap();
        fetched(&fetch(folder.path(), &[&server.hef()], &[]));
        assert!(server.asked().contains(&Some(500)));
        assert_eq!(fs::read(target(folder.path())).unwrap(), hef);
    }
}

/// A folder with the part that an earlier attempt left.
fn with_part(bytes: &[u8], url: &str, etag: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join(".fast_sam_s.hailo8.hef.part");
    fs::write(&part, bytes).unwrap();
    fs::write(part.with_extension("part.from"), format!("{url}\n{etag}")).unwrap();
    folder
}

#[test]
fn a_part_is_continued_only_with_the_file_that_it_is_of() {
    let hef = sample_hef(false);
    let server = Service {
        etag: Some("\"new\""),
        ..Service::of(&hef)
    }
    .start();
    let url = format!("{}/v2.18.0/hailo8/fast_sam_s.hef", server.address);
    let other = [0xff; 500];
    // What is there, from where, with which ETag, and where the first answer is to begin.
    let cases: [(&[u8], &str, &str, Option<usize>); 4] = [
        (&hef[..500], &url, "\"new\"", Some(500)),
        // Whole: only that is found out.
        (&hef, &url, "\"new\"", Some(hef.len())),
        // The server has another file by now, and sends all of it.
        (&other, &url, "\"old\"", Some(500)),
        (&other, "http://elsewhere/fast_sam_s.hef", "", None),
    ];
    for (bytes, from, etag, asked) in cases {
        let folder = with_part(bytes, from, etag);
        let before = server.asked().len();
        fetched(&fetch(folder.path(), &[&url], &[]));
        assert_eq!(server.asked()[before..], [asked], "{from} {etag}");
        assert_eq!(fs::read(target(folder.path())).unwrap(), hef);
        assert_eq!(names(folder.path()), IN_PLACE);
    }
}

#[test]
fn what_is_not_the_file_is_not_put_in_place() {
    let hef = sample_hef(false);
    let short = hef[..hef.len() - 10].to_vec();
    let mut damaged = hef.clone();
    damaged[hef.len() - 1] ^= 1;
    let zeros = "0".repeat(64);
    let cases: [(Vec<u8>, &[&str], &str); 6] = [
        (hef.clone(), &["--sha256", &zeros], "its sha256 is"),
        (b"<!DOCTYPE html>".repeat(20), &[], "this is not a HEF"),
        (short, &[], "its header, which says"),
        (damaged, &[], "the HEF is damaged"),
        (b"\x01HEF".to_vec(), &[], "too few"),
        (Vec::new(), &[], "too few"),
    ];
    for (file, more, words) in cases {
        let server = Service::of(&file).start();
        let folder = tempfile::tempdir().unwrap();
        refused(&fetch(folder.path(), &[&server.hef()], more), 1, words);
        assert!(names(folder.path()).is_empty(), "{words}");
    }
}

#[test]
fn what_the_first_place_does_not_have_the_second_may() {
    let hef = sample_hef(false);
    let server = Service {
        folder: "/there",
        // A second place goes on where it was cut off itself.
        cuts: vec![500],
        ..Service::of(&hef)
    }
    .start();
    let folder = tempfile::tempdir().unwrap();
    let not = format!("{}/not/{{zoo}}.hef", server.address);
    let there = format!("{}/there/{{zoo}}.hef", server.address);
    let output = fetch(folder.path(), &[&not, &there], &[]);
    fetched(&output);
    let words = format!("is from {}/there/v2.18.0.hef", server.address);
    assert!(said(&output).contains(&words), "{output:?}");
    assert_eq!(server.asked(), [None, None, Some(500)]);
    assert_eq!(names(folder.path()), IN_PLACE);

    let elsewhere = tempfile::tempdir().unwrap();
    let output = fetch(elsewhere.path(), &[&not, &not], &[]);
    let line = refused(&output, 1, "could not be fetched from");
    assert_eq!(
        line.matches("/not/v2.18.0.hef: the server answers 404")
            .count(),
        2
    );
    assert!(names(elsewhere.path()).is_empty());
}

#[test]
fn without_a_network_one_line_says_what_to_do() {
    let hef = sample_hef(false);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://127.0.0.1:{}/a/fast_sam_s.hef", free_port());
    let output = fetch(folder.path(), &[&url], &[]);
    refused(&output, 1, "127.0.0.1:");
    refused(&output, 1, "could not be reached (");
    refused(
        &output,
        1,
        &format!("check the network, or fetch {url} on another machine"),
    );
    assert!(names(folder.path()).is_empty());

    // What the line says, done.
    let brought = tempfile::tempdir().unwrap();
    fs::write(brought.path().join("fast_sam_s.hef"), &hef).unwrap();
    let url = format!("file://{}/{{file}}", brought.path().display());
    fetched(&fetch(folder.path(), &[&url], &[]));
    assert_eq!(fs::read(target(folder.path())).unwrap(), hef);
    let url = format!("file://{}/none", brought.path().display());
    let output = fetch(folder.path(), &[&url], &["--force"]);
    refused(&output, 1, "No such file");
    assert_eq!(names(folder.path()), IN_PLACE);
}

#[test]
fn redirects_are_followed_and_secrets_are_said_to_nobody_else() {
    let hef = sample_hef(false);
    let server = Service {
        redirects: true,
        // me:s3cret
        authorization: Some("Basic bWU6czNjcmV0"),
        ..Service::of(&hef)
    }
    .start();
    let folder = tempfile::tempdir().unwrap();
    let url = server.address.replace("://", "://me:s3cret@") + "/old/a.hef";
    let output = fetch(folder.path(), &[&url], &[]);
    fetched(&output);
    assert!(!format!("{output:?}").contains("s3cret"), "{output:?}");
    let record = fs::read_to_string(folder.path().join(IN_PLACE[0])).unwrap();
    assert!(!record.contains("s3cret"), "{record}");

    for wrong in ["ftp://me:s3cret@host/a", "http://me:s3cret@ho st/"] {
        let output = fetch(folder.path(), &[wrong], &["--force"]);
        let line = refused(&output, 2, "begins with http://");
        assert!(!line.contains("s3cret"), "{line}");
    }
    let url = url.replace("s3cret", "s3cre");
    let output = fetch(folder.path(), &[&url], &["--force"]);
    let line = refused(&output, 1, "the server answers 401");
    assert!(!line.contains("s3cre"), "{line}");
}

#[test]
fn a_file_of_the_users_own_is_kept() {
    let hef = sample_hef(false);
    let server = Service::of(&hef).start();
    let folder = tempfile::tempdir().unwrap();
    let target = target(folder.path());
    fs::write(&target, "mine").unwrap();
    for more in [&[][..], &["--sha256", &sum(&hef)]] {
        let output = fetch(folder.path(), &[&server.hef()], more);
        refused(&output, 2, "was kept: it is there already");
        refused(&output, 2, "--force replaces it");
    }
    assert_eq!(fs::read(&target).unwrap(), b"mine");
    assert!(server.asked().is_empty());
    assert_eq!(names(folder.path()).len(), 1);

    fetched(&fetch(folder.path(), &[&server.hef()], &["--force"]));
    assert_eq!(fs::read(&target).unwrap(), hef);
    // What was fetched is replaced by what another place has, until somebody changes it.
    let other = sample_hef(true);
    let newer = Service::of(&other).start();
    fetched(&fetch(folder.path(), &[&newer.hef()], &[]));
    assert_eq!(fs::read(&target).unwrap(), other);
    fs::write(&target, &hef).unwrap();
    refused(&fetch(folder.path(), &[&newer.hef()], &[]), 2, "was kept");
    // The right sum is enough, whoever put it there.
    fetched(&fetch(
        folder.path(),
        &[&newer.hef()],
        &["--sha256", &sum(&hef)],
    ));
    fs::remove_file(&target).unwrap();
    fs::create_dir(&target).unwrap();
    refused(&fetch(folder.path(), &[&newer.hef()], &[]), 2, "was kept");
}

/// A ZIP archive of files that are stored as they are.
fn archive(path: &Path, files: &[(&str, &[u8])]) {
    let mut archive = rawzip::ZipArchiveWriter::new(File::create(path).unwrap());
    for (name, content) in files {
        let (mut entry, config) = archive.new_file(name).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(content).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn an_onnx_file_comes_out_of_its_archive() {
    let model = fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/onnx/tiny_two_320.onnx"
    ))
    .unwrap();
    let page = b"<!DOCTYPE html>";
    let packed = tempfile::tempdir().unwrap();
    let packed = packed.path().join("a.zip");
    let fetch = |file: &[u8], folder: &Path| {
        let server = Service::of(file).start();
        let (url, out) = (server.address + "/{file}", folder.display().to_string());
        run(&["fast_sam_s", "--for", "onnx", "--url", &url, "--out", &out])
    };
    for (files, words) in [
        (
            vec![("a/other.onnx", &model[..])],
            "holds no fast_sam_s.onnx, but a/other.onnx",
        ),
        (vec![], "holds no fast_sam_s.onnx, but nothing"),
        (vec![("fast_sam_s.onnx", page)], "it is not an ONNX file"),
        (
            vec![("fast_sam_s.onnx", &model[..model.len() / 2])],
            "the file is damaged, or no ONNX file",
        ),
    ] {
        archive(&packed, &files);
        let folder = tempfile::tempdir().unwrap();
        refused(&fetch(&fs::read(&packed).unwrap(), folder.path()), 1, words);
        assert!(names(folder.path()).is_empty(), "{words}");
    }
    archive(
        &packed,
        &[("a/readme", page), ("a/fast_sam_s.onnx", &model)],
    );
    let zip = fs::read(&packed).unwrap();
    for (file, words) in [(&zip, "fast_sam_s.zip"), (&model, "fast_sam_s.zip")] {
        let folder = tempfile::tempdir().unwrap();
        let output = fetch(file, folder.path());
        fetched(&output);
        let target = folder.path().join("fast_sam_s.onnx");
        assert_eq!(fs::read(&target).unwrap(), model);
        assert_eq!(
            names(folder.path()),
            [".fast_sam_s.onnx.sha256", "fast_sam_s.onnx"]
        );
        let next = format!(
            "next: fastsamd segment photo.jpg --model {}",
            target.display()
        );
        let said = said(&output);
        assert!(said.contains(words) && said.contains(&next), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    refused(
        &fetch(&zip[..zip.len() / 2], folder.path()),
        1,
        "the archive can't be read",
    );
    assert!(names(folder.path()).is_empty());
}

#[test]
fn clip_comes_as_two_files() {
    let model = fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/data/onnx/tiny_two_320.onnx"
    ))
    .unwrap();
    let server = Service::of(&model).start();
    let folder = tempfile::tempdir().unwrap();
    let (url, out) = (
        format!("{}/{{file}}", server.address),
        folder.path().display().to_string(),
    );
    let clip = ["clip", "--url", &url, "--out", &out];
    let output = run(&clip);
    fetched(&output);
    let said = said(&output);
    assert!(said.contains("clip as ONNX; licence: MIT, "), "{said}");
    assert!(said.contains(&format!(
        "text: {{image_encoder: {out}/vision_model.onnx, text_encoder: {out}/text_model.onnx}}"
    )));
    // The 8-bit files are called the same in place, and replace what was fetched.
    let output = run(&[&clip[..], &["--quantized"]].concat());
    fetched(&output);
    assert!(self::said(&output).contains("/text_model_quantized.onnx"));
    assert_eq!(server.asked().len(), 4);
    let zeros = "0".repeat(64);
    let sums = [&clip[..], &["--sha256", &zeros]].concat();
    refused(&run(&sums), 2, "vision_model.onnx, text_model.onnx");
}

#[test]
fn what_there_is_not_is_the_users_error() {
    for (arguments, words) in [
        (&["fastsam_s"][..], "did you mean 'fast_sam_s'?"),
        (
            &["nope", "--for", "hailo8"],
            "no model is called 'nope', there are: ",
        ),
        (&[], "<NAME>"),
        (&["--what"], "--what"),
        (&["fast_sam_s", "--for", "hailo9"], "hailo9"),
        (&["clip", "--for", "hailo8"], "no clip for hailo8"),
        (
            &["fast_sam_s", "--for", "hailo8", "--zoo", "v1.0.0"],
            "no fast_sam_s for hailo8 in v1.0.0; --list shows",
        ),
        (
            &["fast_sam_s", "--for", "hailo8", "--library-version", "5.2"],
            "fastsamd works with HailoRT 4.20",
        ),
        (
            &["fast_sam_s", "--for", "hailo8", "--library-version", "new"],
            "'new' is no version of HailoRT",
        ),
        (
            &["fast_sam_s", "--for", "onnx", "--quantized"],
            "no quantized",
        ),
        (
            &["fast_sam_s", "--for", "onnx", "--sha256", "0"],
            "64 hexadecimal digits",
        ),
    ] {
        let output = run(arguments);
        refused(&output, 2, words);
        assert_eq!(said(&output).lines().count(), 1, "{arguments:?}");
    }
    let list = run(&["--list"]);
    fetched(&list);
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for words in ["fast_sam_s ", "hailo8l", "onnx ", "text_model.onnx"] {
        assert!(list.contains(words), "{list}");
    }
}

#[test]
fn a_library_by_its_version_chooses_the_zoo() {
    let hef = sample_hef(false);
    let server = Service::of(&hef).start();
    let folder = tempfile::tempdir().unwrap();
    let (url, out) = (server.hef(), folder.path().display().to_string());
    let arguments = [
        "fast_sam_s",
        "--for",
        "hailo8",
        "--library-version",
        "4.20.1",
    ];
    let output = run(&[&arguments[..], &["--url", &url, "--out", &out]].concat());
    fetched(&output);
    let said = said(&output);
    assert!(
        said.contains("taking zoo v2.14.0, which fits HailoRT 4.20.1"),
        "{said}"
    );
    assert!(said.contains("/v2.14.0/hailo8/fast_sam_s.hef"), "{said}");
}

#[test]
fn the_chip_of_the_machine_is_asked() {
    let hef = sample_hef(false);
    let server = Service::of(&hef).start();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    // Which chip there is, the exit code, what is said, and the file's place on the server.
    for (script, code, words, place) in [
        (
            "",
            0,
            "this machine has a Hailo-8: ",
            "/v2.17.0/hailo8/fast_sam_s.hef",
        ),
        (
            "chip = hailo8l",
            0,
            "this machine has a Hailo-8L: ",
            "/v2.17.0/hailo8l/fast_sam_s.hef",
        ),
        (
            "device = busy",
            2,
            "there is a Hailo chip, and it can't be asked which: say --for",
            "",
        ),
        // No HEF comes as an ONNX file.
        (
            "device = none",
            1,
            "no Hailo chip found: taking the ONNX file",
            "it is not an ONNX file",
        ),
    ] {
        let sandbox = Sandbox::new(script).unwrap();
        let url = format!("{}/{{zoo}}/{{chip}}/{{name}}.hef", server.address);
        let output = fastsamd()
            .args(["fetch", "fast_sam_s", "--library-version", "4.23"])
            .args(["--url", &url, "--out", &out])
            .env("NO_PROXY", "127.0.0.1")
            .env("LD_LIBRARY_PATH", sandbox.folder())
            .output()
            .unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(code), "{script}: {said}");
        assert!(
            said.contains(words) && said.contains(place),
            "{script}: {said}"
        );
        assert_eq!(sandbox.report(), [""; 0], "{script}");
    }
}

#[test]
fn a_folder_that_can_not_be_written_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let output = fetch(&file.join("out"), &["http://127.0.0.1/a"], &[]);
    refused(&output, 1, "can't be written");
}
