//! `scripts/fetch-hef` against a server of our own.

// All of this is test code: what can't go on may panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex},
};

use hailort::hef_file::{HefFile, hex};
use hailort_standin::sample_hef;

/// Where each answer was to begin.
type Asked = Arc<Mutex<Vec<Option<usize>>>>;

/// Serves a file on a free port, cutting the first answer off after so many bytes. Returns the
/// address and the ranges that were asked for.
fn serve(file: Vec<u8>, cut_first_at: Option<usize>) -> (String, Asked) {
    serve_at("/", file, cut_first_at)
}

/// The same for paths that begin so; any other is not there.
fn serve_at(folder: &'static str, file: Vec<u8>, cut_first_at: Option<usize>) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ranges = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut cut = cut_first_at;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut from = None;
            let mut is_there = false;
            for line in BufReader::new(&stream).lines().map_while(Result::ok) {
                if line.is_empty() {
                    break;
                }
                if let Some(path) = line.strip_prefix("GET ") {
                    is_there = path.starts_with(folder);
                }
                if let Some(range) = line.strip_prefix("Range: bytes=") {
                    from = range.trim_end_matches('-').parse::<usize>().ok();
                }
            }
            ranges.lock().unwrap().push(from);
            if !is_there {
                let _ = write!(
                    stream,
                    "HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                continue;
            }
            let start = from.unwrap_or(0);
            if start >= file.len() {
                let _ = write!(
                    stream,
                    "HTTP/1.1 416 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                continue;
            }
            let length = file.len() - start;
            let head = match from {
                Some(from) => format!(
                    "206 Partial\r\nContent-Range: bytes {from}-{}/{}",
                    file.len() - 1,
                    file.len()
                ),
                None => "200 OK".to_owned(),
            };
            let _ = write!(
                stream,
                "HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let end = cut.take().unwrap_or(file.len());
            let _ = stream.write_all(&file[start..end]);
        }
    });
    (address, asked)
}

/// Runs the script for the HEF of a zoo, as `out` has it.
fn fetch(out: &Path, url: &str, more: &[&str]) -> Output {
    let url = format!("{url}/{{zoo}}/{{chip}}/{{name}}.hef");
    let mut arguments = vec!["v2.18.0", "--url", &url];
    arguments.extend(more);
    fetch_with(out, &arguments)
}

fn fetch_with(out: &Path, arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/fetch-hef");
    Command::new(script)
        .args(["fast_sam_s", "hailo8"])
        .args(arguments)
        .arg("--out")
        .arg(out)
        // Nothing of the machine's proxies.
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap()
}

/// A folder that looks like the root of a machine with these libraries.
fn machine(libraries: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for library in libraries {
        let path = root.path().join(library);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
    }
    root
}

fn sum(bytes: &[u8]) -> String {
    hex(HefFile::from_bytes(bytes.to_vec()).unwrap().sha256())
}

#[test]
fn a_cut_off_download_goes_on_where_it_stopped() {
    let hef = sample_hef(false);
    let (url, asked) = serve(hef.clone(), Some(500));
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("fast_sam_s.hailo8.hef");

    let first = fetch(folder.path(), &url, &["--sha256", &sum(&hef)]);
    let said = String::from_utf8_lossy(&first.stderr).into_owned();
    // curl may go on by itself; if it gave up, the next run does.
    if !first.status.success() {
        assert!(said.contains("run this again to go on"), "{said}");
        assert!(!target.exists());
        let second = fetch(folder.path(), &url, &["--sha256", &sum(&hef)]);
        assert!(second.status.success(), "{second:?}");
    }
    assert_eq!(fs::read(&target).unwrap(), hef);
    assert!(asked.lock().unwrap().contains(&Some(500)), "{asked:?}");
    // In place: nothing is asked for any more.
    let before = asked.lock().unwrap().len();
    assert!(
        fetch(folder.path(), &url, &["--sha256", &sum(&hef)])
            .status
            .success()
    );
    assert_eq!(asked.lock().unwrap().len(), before);
}

#[test]
fn what_is_not_the_file_is_not_put_in_place() {
    let hef = sample_hef(false);
    let short = hef[..hef.len() - 10].to_vec();
    let zeros = "0".repeat(64);
    let cases: [(&str, Vec<u8>, &[&str], &str); 4] = [
        (
            "another sum",
            hef.clone(),
            &["--sha256", &zeros],
            "its sha256 is",
        ),
        (
            "a web page",
            b"<!DOCTYPE html>".repeat(20),
            &[],
            "it is not a HEF",
        ),
        ("too short", short, &[], "its header says"),
        ("nothing much", b"\x01HEF".to_vec(), &[], "too few"),
    ];
    for (name, file, more, expected) in cases {
        let (url, _) = serve(file, None);
        let folder = tempfile::tempdir().unwrap();
        let output = fetch(folder.path(), &url, more);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(expected), "{name}: {said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn a_file_url_and_a_part_that_is_whole_already() {
    let hef = sample_hef(false);
    let (url, asked) = serve(hef.clone(), None);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".fast_sam_s.hailo8.v2.18.0.part"), &hef).unwrap();
    assert!(fetch(folder.path(), &url, &[]).status.success());
    assert_eq!(asked.lock().unwrap()[0], Some(hef.len()));

    let zoo = folder.path().join("v2.18.0/hailo8");
    fs::create_dir_all(&zoo).unwrap();
    fs::write(zoo.join("fast_sam_s.hef"), &hef).unwrap();
    let out = folder.path().join("out");
    let output = fetch(&out, &format!("file://{}", folder.path().display()), &[]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read(out.join("fast_sam_s.hailo8.hef")).unwrap(), hef);
    // Without a known sum, it is printed.
    assert!(String::from_utf8_lossy(&output.stderr).contains(&sum(&hef)));
}

#[test]
fn what_the_manifest_does_not_have_is_the_users_error() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/fetch-hef");
    for arguments in [
        &["nope", "hailo8"][..],
        &["fast_sam_s"],
        &["--what"],
        &["a", "b", "--out"],
        &["fast_sam_s", "hailo8", "v1.0.0"],
        &["fast_sam_s", "hailo8", "--library-version", "5.2"],
        &["fast_sam_s", "hailo8", "--library-version", "new"],
    ] {
        let output = Command::new(&script).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    let list = Command::new(&script).arg("--list").output().unwrap();
    assert!(String::from_utf8_lossy(&list.stdout).lines().count() >= 4);
}

#[test]
fn the_zoo_fits_the_library() {
    let hef = sample_hef(false);
    let url = "file:///nowhere/{zoo}.hef";
    let usr = "usr/lib/aarch64-linux-gnu/libhailort.so";
    let found = |version| format!("{usr}.{version}");
    // Libraries, what else is asked for, the zoo, and what is said of it.
    let cases: [(Vec<String>, &[&str], &str, &str); 11] = [
        (
            vec![found("4.20.0")],
            &[],
            "v2.14.0",
            "fits libhailort 4.20.0",
        ),
        (
            vec![found("4.20.1")],
            &[],
            "v2.14.0",
            "fits libhailort 4.20.1",
        ),
        (
            vec![found("4.21.0")],
            &[],
            "v2.15.0",
            "fits libhailort 4.21.0",
        ),
        (
            vec![found("4.22.0")],
            &[],
            "v2.16.0",
            "fits libhailort 4.22.0",
        ),
        (
            vec![found("4.23.0")],
            &[],
            "v2.17.0",
            "fits libhailort 4.23.0",
        ),
        // Of several, the newest.
        (
            vec![found("4.21.0"), "usr/local/lib/libhailort.so.4.22.0".into()],
            &[],
            "v2.16.0",
            "/usr/local/lib/libhailort.so.4.22.0",
        ),
        (vec![found("5.2.0")], &[], "v2.17.0", "libhailort 5.2.0"),
        (vec![], &[], "v2.17.0", "found no libhailort"),
        // A plain name says no version.
        (vec![usr.into()], &[], "v2.17.0", "found no libhailort"),
        (
            vec![found("4.23.0")],
            &["--library-version", "4.20"],
            "v2.14.0",
            "v2.14.0",
        ),
        (vec![found("4.20.0")], &["v2.18.0"], "v2.18.0", "v2.18.0"),
    ];
    for (libraries, more, zoo, words) in cases {
        let libraries: Vec<&str> = libraries.iter().map(String::as_str).collect();
        let root = machine(&libraries);
        let place = root.path().join("zoo");
        let url = url.replace("/nowhere", &place.display().to_string());
        fs::create_dir(&place).unwrap();
        fs::write(place.join(format!("{zoo}.hef")), &hef).unwrap();
        let root_text = root.path().display().to_string();
        let mut arguments = more.to_vec();
        arguments.extend(["--url", &url, "--root", &root_text]);
        let out = root.path().join("out");
        let output = fetch_with(&out, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{libraries:?} {more:?}: {said}");
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.contains(&format!("is zoo {zoo}'s, from ")), "{said}");
        assert_eq!(fs::read(out.join("fast_sam_s.hailo8.hef")).unwrap(), hef);
    }
}

#[test]
fn what_the_first_place_does_not_have_the_second_may() {
    let hef = sample_hef(false);
    let (here, _) = serve_at("/there", hef.clone(), None);
    let folder = tempfile::tempdir().unwrap();
    let places = [
        format!("{here}/not/{{zoo}}.hef"),
        format!("{here}/there/{{zoo}}.hef"),
    ];
    let arguments = ["v2.17.0", "--url", &places[0], "--url", &places[1]];
    let output = fetch_with(folder.path(), &arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains(&format!("from {here}/there/v2.17.0.hef")),
        "{said}"
    );
    let target = folder.path().join("fast_sam_s.hailo8.hef");
    assert_eq!(fs::read(&target).unwrap(), hef);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let nowhere = ["v2.17.0", "--url", &places[0], "--url", &places[0]];
    let output = fetch_with(folder.path(), &nowhere);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let last = said.lines().last().unwrap();
    assert_eq!(last.matches("/not/v2.17.0.hef").count(), 2, "{said}");
    assert!(last.contains("could not be fetched from"), "{said}");
}

#[test]
fn a_second_place_goes_on_where_it_was_cut_off_itself() {
    let hef = sample_hef(false);
    let (first, _) = serve_at("/there", hef.clone(), None);
    let (second, asked) = serve(hef.clone(), Some(500));
    let folder = tempfile::tempdir().unwrap();
    let places = [format!("{first}/not.hef"), format!("{second}/it.hef")];
    let arguments = ["v2.17.0", "--url", &places[0], "--url", &places[1]];
    let mut output = fetch_with(folder.path(), &arguments);
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("run this again to go on"), "{said}");
        output = fetch_with(folder.path(), &arguments);
    }
    assert!(output.status.success(), "{output:?}");
    assert!(asked.lock().unwrap().contains(&Some(500)), "{asked:?}");
    let target = folder.path().join("fast_sam_s.hailo8.hef");
    assert_eq!(fs::read(target).unwrap(), hef);
}
