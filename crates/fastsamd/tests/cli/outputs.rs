//! What `segment --out` and `record --out` write, replace, and leave alone.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    MOCK_NOTICE, assert_fails,
    support::{Finished, fastsamd, picture},
};

/// A folder of pictures, and a folder `out` in it that does not exist yet.
pub(crate) struct Place {
    folder: TempDir,
}

/// Each file of a folder with its bytes; folders and links by name alone.
type Contents = BTreeMap<String, Vec<u8>>;

impl Place {
    pub(crate) fn with(pictures: &[&str]) -> Self {
        let place = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (number, name) in pictures.iter().enumerate() {
            // No two are alike.
            let size = 64 + 8 * u32::try_from(number).unwrap();
            place.write(name, &picture(size, 48));
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Segments pictures of this folder into `out`.
    pub(crate) fn segment(&self, inputs: &[&str], out: &str, options: &[&str]) -> Finished {
        let inputs: Vec<_> = inputs.iter().map(|name| self.text(name)).collect();
        let inputs: Vec<_> = inputs.iter().map(String::as_str).collect();
        let out = self.text(out);
        fastsamd(&[&["segment"], &inputs[..], &["--out", &out], options].concat())
    }

    /// The columns of the picture that a message in `out` belongs to: they tell which one it was.
    fn width(&self, name: &str) -> u32 {
        let message: Value = serde_json::from_slice(&self.read(name)).unwrap();
        let stem = Path::new(name).file_stem().unwrap().to_str().unwrap();
        assert_eq!(message["camera"], stem);
        let overlay = self.path(&name.replace(".json", ".overlay.png"));
        let width = message["frame"]["width"].as_u64().unwrap() as u32;
        assert_eq!(image::open(overlay).unwrap().width(), width);
        width
    }

    fn contents(&self, name: &str) -> Contents {
        let entries = fs::read_dir(self.path(name)).unwrap();
        let content = |entry: fs::DirEntry| {
            let file = entry.file_type().unwrap().is_file();
            let bytes = if file {
                fs::read(entry.path()).unwrap()
            } else {
                Vec::new()
            };
            (entry.file_name().into_string().unwrap(), bytes)
        };
        entries.map(|entry| content(entry.unwrap())).collect()
    }

    pub(crate) fn names(&self, name: &str) -> Vec<String> {
        self.contents(name).into_keys().collect()
    }
}

pub(crate) fn assert_succeeds(finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{finished:?}");
}

/// Something that stands where a result should go.
enum InTheWay {
    File(&'static [u8]),
    ReadOnly,
    Link(&'static str),
    Folder,
    Pipe,
}

impl InTheWay {
    fn put(&self, place: &Place, name: &str) {
        let path = place.path(name);
        match self {
            Self::File(content) => place.write(name, content),
            Self::ReadOnly => {
                // A result of our own that somebody wants to keep.
                assert_succeeds(&place.segment(&["cat.png"], "out", &[]));
                fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
            }
            Self::Link(target) => symlink(target, &path).unwrap(),
            Self::Folder => fs::create_dir(&path).unwrap(),
            Self::Pipe => {
                let made = Command::new("mkfifo").arg(&path).status().unwrap();
                assert!(made.success());
            }
        }
    }
}

#[test]
fn what_fastsamd_did_not_write_is_kept() {
    const DAEMONS: &[u8] = br#"{"schema":1,"node":"garden","camera":"cat","backend":"mock","frame":{"sequence":1},"segments":[]}"#;
    use InTheWay::{File, Folder, Link, Pipe, ReadOnly};
    // What is in the way of which result, what is said of it, and whether --force replaces it.
    let table = [
        ("cat.json", File(b"{\"shapes\": []}"), "did not write", true),
        ("cat.json", File(b""), "did not write", true),
        ("cat.json", File(DAEMONS), "did not write", true),
        ("cat.json", File(b"\xff\xfe no text"), "did not write", true),
        ("cat.overlay.png", File(b"drawn"), "did not write", true),
        ("cat.json", ReadOnly, "read-only", true),
        ("cat.overlay.png", ReadOnly, "read-only", true),
        ("cat.json", Link("../kept.txt"), "symbolic link", true),
        (
            "cat.overlay.png",
            Link("../kept.txt"),
            "symbolic link",
            true,
        ),
        ("cat.json", Link("nowhere"), "symbolic link", true),
        ("cat.overlay.png", Link("/dev/full"), "symbolic link", true),
        ("cat.json", Folder, "a folder is in the way", false),
        ("cat.overlay.png", Folder, "a folder is in the way", false),
        ("cat.json", Pipe, "not a file", false),
        ("cat.overlay.png", Pipe, "not a file", false),
    ];
    for (name, obstacle, cause, replaceable) in table {
        let place = Place::with(&["cat.png", "dog.png"]);
        place.write("kept.txt", b"kept");
        fs::create_dir(place.path("out")).unwrap();
        obstacle.put(&place, &format!("out/{name}"));
        let before = place.contents("out");
        println!("{name}: {cause}");

        let finished = place.segment(&["cat.png"], "out", &[]);
        assert_fails(&finished, 2, cause);
        assert!(finished.stderr.contains(&place.text("out")), "{finished:?}");
        assert_eq!(
            finished.stderr.contains("--force"),
            replaceable,
            "{finished:?}"
        );
        assert_eq!(place.contents("out"), before);

        // The other inputs are done.
        let finished = place.segment(&["cat.png", "dog.png"], "out", &[]);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert_eq!(place.width("out/dog.json"), 72);

        let forced = place.segment(&["cat.png"], "out", &["--force"]);
        if replaceable {
            assert_succeeds(&forced);
            assert_eq!(place.width("out/cat.json"), 64);
            let kind = fs::symlink_metadata(place.path(&format!("out/{name}"))).unwrap();
            assert!(kind.is_file(), "the link itself is replaced");
        } else {
            assert_fails(&forced, 2, cause);
        }
        assert_eq!(place.read("kept.txt"), b"kept");
    }
}

#[test]
fn results_lie_beside_the_pictures_that_they_belong_to() {
    let place = Place::with(&["cat.png", "dog.png"]);
    // Somebody's, beside the picture of the same name.
    place.write("cat.jpg", &picture_as_jpeg(80, 48));
    let before = place.contents(".");
    for _ in 0..2 {
        let finished = place.segment(&["."], ".", &[]);
        assert_succeeds(&finished);
        for (name, content) in &before {
            assert_eq!(&place.read(name), content, "{name}");
        }
        // The overlays of the first run are no pictures of the second.
        assert_eq!(place.names(".").len(), 3 + 3 * 2, "{:?}", place.names("."));
        assert_eq!(place.width("cat.json"), 80);
        assert_eq!(place.width("cat-2.json"), 64);
        assert_eq!(place.width("dog.json"), 72);
    }
    // As a shell spells `*.png`.
    let finished = place.segment(&["cat.overlay.png", "dog.overlay.png", "dog.png"], ".", &[]);
    assert_succeeds(&finished);
    assert_eq!(
        finished.stderr.matches("left out").count(),
        2,
        "{finished:?}"
    );
    assert_eq!(place.names(".").len(), 9);
    let finished = place.segment(&["dog.overlay.png"], ".", &[]);
    assert_fails(&finished, 2, "dog.overlay.png: left out");
}

fn picture_as_jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = image::load_from_memory(&picture(width, height)).unwrap();
    let mut jpeg = std::io::Cursor::new(Vec::new());
    picture
        .write_to(&mut jpeg, image::ImageFormat::Jpeg)
        .unwrap();
    jpeg.into_inner()
}

#[test]
fn an_input_is_never_overwritten() {
    let place = Place::with(&["cat.png", "cat.overlay.png", "box/frame.png"]);
    let before = place.contents(".");
    for options in [&[][..], &["--force"]] {
        let finished = place.segment(&["cat.png", "cat.overlay.png"], ".", options);
        assert_eq!(finished.code, Some(2), "{finished:?}");
        assert!(
            finished.stderr.contains("never overwritten"),
            "{finished:?}"
        );
        for (name, content) in &before {
            assert_eq!(&place.contents(".")[name], content, "{name}");
        }
    }
    // Through links to the picture and to the folder.
    symlink("cat.overlay.png", place.path("picture.png")).unwrap();
    symlink(".", place.path("here")).unwrap();
    let finished = place.segment(&["cat.png", "picture.png"], "here", &["--force"]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert_eq!(&place.read("cat.overlay.png"), &before["cat.overlay.png"]);

    // A recording whose folder has the manifest's name.
    let recording = crate::support::Recording::new();
    recording.write_manifest();
    let folder = place.path("manifest");
    fs::create_dir(&folder).unwrap();
    for entry in fs::read_dir(recording.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let before = place.contents("manifest");
    let finished = place.segment(&["manifest"], "manifest", &["--force"]);
    assert_fails(&finished, 2, "never overwritten");
    assert_eq!(place.contents("manifest"), before);
}

#[test]
fn inputs_of_one_name_keep_apart() {
    // The columns: 64, 72, 80, 88.
    let pictures = ["a.png", "below/a.png", "more/a.png", "a-2.png"];
    let place = Place::with(&pictures);
    let widths = |expected: &[(&str, u32)]| {
        let names = place.names("out");
        assert_eq!(names.len(), 2 * expected.len(), "{names:?}");
        for (name, width) in expected {
            assert_eq!(place.width(&format!("out/{name}.json")), *width, "{name}");
        }
    };
    // One run after the other, each twice; its own results are replaced.
    for _ in 0..2 {
        assert_succeeds(&place.segment(&["a.png"], "out", &[]));
        widths(&[("a", 64)]);
    }
    for _ in 0..2 {
        assert_succeeds(&place.segment(&["below/a.png"], "out", &[]));
        widths(&[("a", 64), ("a-2", 72)]);
    }
    // All at once, in another order, and with --force, which is not meant for these.
    for options in [&[][..], &["--force"]] {
        assert_succeeds(&place.segment(
            &["more/a.png", "a-2.png", "below/../below/a.png", "a.png"],
            "out",
            options,
        ));
        widths(&[("a", 64), ("a-2", 72), ("a-3", 80), ("a-2-2", 88)]);
    }
    // A name that came free does not make the others move.
    fs::remove_file(place.path("out/a.json")).unwrap();
    fs::remove_file(place.path("out/a.overlay.png")).unwrap();
    assert_succeeds(&place.segment(&["more/a.png", "below/a.png"], "out", &[]));
    widths(&[("a-2", 72), ("a-3", 80), ("a-2-2", 88)]);
}

#[test]
fn a_picture_and_its_namesake_of_another_format_keep_apart() {
    let place = Place::with(&["a.png"]);
    place.write("a.jpg", &picture_as_jpeg(96, 48));
    for (inputs, out) in [
        (vec![vec!["a.jpg", "a.png"]], "together"),
        (vec![vec!["a.jpg"], vec!["a.png"], vec!["a.jpg"]], "apart"),
    ] {
        for inputs in inputs {
            assert_succeeds(&place.segment(&inputs, out, &[]));
        }
        assert_eq!(place.width(&format!("{out}/a.json")), 96);
        assert_eq!(place.width(&format!("{out}/a-2.json")), 64);
        assert_eq!(place.names(out).len(), 4);
    }
}

#[test]
fn results_of_older_versions_are_replaced() {
    let place = Place::with(&["a.png"]);
    let older = r#"{"schema":1,"node":"local","camera":"NAME","backend":"mock","frame":{"sequence":0,"captured_at":"2026-11-22T10:00:00.123Z","width":640,"height":480},"segments":[],"latency_ms":{"capture":0.0,"infer":1.0,"segment":1.0,"total":2.0}}"#;
    place.write("out/a.json", older.replace("NAME", "a").as_bytes());
    assert_succeeds(&place.segment(&["a.png"], "out", &[]));
    assert_eq!(place.width("out/a.json"), 64);
    // Somebody called it so: it is theirs.
    place.write("kept/a.json", older.replace("NAME", "b").as_bytes());
    assert_fails(&place.segment(&["a.png"], "kept", &[]), 2, "did not write");
}

#[test]
fn a_message_names_its_input() {
    let place = Place::with(&["a b/\"ü\".png"]);
    assert_succeeds(&place.segment(&["a b/../a b/\"ü\".png"], "out", &[]));
    let message: Value = serde_json::from_slice(&place.read("out/\"ü\".json")).unwrap();
    let input = place.path("a b/\"ü\".png").canonicalize().unwrap();
    assert_eq!(message["input"], input.to_str().unwrap());
    let schema: Value = serde_json::from_str(&fastsamd(&["schema", "masks"]).stdout).unwrap();
    assert!(schema["properties"]["input"].is_object());
    let required = schema["required"].as_array().unwrap();
    assert!(!required.contains(&"input".into()), "{required:?}");
}

#[test]
fn an_out_that_is_no_folder_is_told() {
    let place = Place::with(&["a.png"]);
    symlink("nowhere", place.path("link")).unwrap();
    InTheWay::Pipe.put(&place, "pipe");
    for (out, cause) in [
        ("a.png", "not a directory"),
        ("pipe", "not a directory"),
        ("a.png/below", "Not a directory"),
        ("link", "File exists"),
    ] {
        assert_fails(&place.segment(&["a.png"], out, &[]), 2, cause);
    }
    let alone = fastsamd(&["segment", &place.text("a.png"), "--force"]);
    assert_fails(&alone, 2, "--out <DIR>");
}

#[test]
fn nothing_unfinished_stays_where_writing_fails() {
    let place = Place::with(&["a.png", &format!("{}.png", "n".repeat(250))]);
    fs::create_dir(place.path("out")).unwrap();
    let long = format!("{}.png", "n".repeat(250));
    let finished = place.segment(&[&long, "a.png"], "out", &[]);
    assert_eq!(finished.code, Some(2), "{finished:?}");
    assert!(
        finished.stderr.contains("File name too long"),
        "{finished:?}"
    );
    assert_eq!(place.names("out"), ["a.json", "a.overlay.png"]);
    // As any other program's files, whatever a temporary file's are.
    let mode = |name| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
    place.write("usual", b"");
    assert_eq!(mode("out/a.json"), mode("usual"));
    assert_eq!(mode("out/a.overlay.png"), mode("usual"));
}

#[test]
fn segment_says_what_it_did() {
    let place = Place::with(&["a.png", "b.png"]);
    let finished = place.segment(&["a.png", "b.png"], "out", &["--backend", "mock"]);
    assert_succeeds(&finished);
    assert_eq!(finished.stdout, "");
    let (mock, summary) = finished.stderr.trim_end().split_once('\n').unwrap();
    assert!(mock.contains(MOCK_NOTICE), "{finished:?}");
    let (counts, rest) = summary.split_once(" segments, ").unwrap();
    assert!(counts.starts_with("2 pictures, "), "{summary}");
    let (seconds, out) = rest.split_once(" s -> ").unwrap();
    assert!(seconds.parse::<f64>().unwrap() >= 0.0);
    assert_eq!(out, format!("{}/", place.text("out")));
    let count: usize = counts["2 pictures, ".len()..].parse().unwrap();
    let found = ["out/a.json", "out/b.json"].map(|name| {
        let message: Value = serde_json::from_slice(&place.read(name)).unwrap();
        message["segments"].as_array().unwrap().len()
    });
    assert_eq!(count, found.iter().sum::<usize>());
}

#[test]
fn a_mocks_overlay_says_so() {
    let place = Place::with(&[]);
    place.write("a.png", &picture(640, 480));
    let has_caption = |name: &str| {
        let overlay = image::open(place.path(name)).unwrap().into_rgb8();
        // The plate's border, which is white.
        (604..640).all(|x| overlay.get_pixel(x, 479).0 == [255; 3])
    };
    assert_succeeds(&place.segment(&["a.png"], "out", &["--backend", "mock"]));
    assert!(has_caption("out/a.overlay.png"));

    let recording = crate::support::Recording::new();
    recording.write_manifest();
    let name = Path::new(recording.path()).file_name().unwrap();
    let finished = fastsamd(&["segment", recording.path(), "--out", &place.text("out")]);
    assert_succeeds(&finished);
    assert!(!finished.stderr.contains("mock"), "{finished:?}");
    let overlay = format!("out/{}.overlay.png", name.to_str().unwrap());
    assert!(!has_caption(&overlay));
}

#[test]
fn recordings_replace_nothing_but_recordings() {
    let place = Place::with(&[]);
    place.write(
        "config.yaml",
        b"accelerator: {backend: {mock: {fps: 1000}}}\n\
          cameras: [{source: {synthetic: {width: 64, height: 48, fps: 100}}}]\n",
    );
    let (config, out) = (place.text("config.yaml"), place.text("out"));
    let record = |frames: &str, options: &[&str]| {
        let arguments = [
            "record", "--out", &out, "--frames", frames, "--config", &config,
        ];
        fastsamd(&[&arguments, options].concat())
    };

    // Something else is in the folder.
    place.write("out/notes.txt", b"notes");
    let refused = record("1", &[]);
    assert_fails(&refused, 2, "not empty");
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(place.names("out"), ["notes.txt"]);
    let finished = record("3", &["--force"]);
    assert_succeeds(&finished);
    assert_eq!(
        finished.stderr.matches(MOCK_NOTICE).count(),
        1,
        "{finished:?}"
    );
    assert_eq!(
        place.names("out"),
        ["000000", "000001", "000002", "notes.txt"]
    );

    // Its own recordings are data: they are not replaced unasked, and never mixed with others.
    let before = place.contents("out/000000");
    assert_fails(&record("1", &[]), 2, "--force");
    assert_eq!(place.contents("out/000000"), before);
    assert_succeeds(&record("1", &["--force"]));
    assert_eq!(place.names("out"), ["000000", "notes.txt"]);

    // What fastsamd did not record is in the way of a recording, or in it.
    for name in ["out/000000/mine.txt", "out/000003/mine.txt", "out/000007"] {
        place.write(name, b"mine");
        let before = place.contents("out/000000");
        assert_fails(&record("1", &["--force"]), 2, name);
        assert_eq!(place.read(name), b"mine");
        assert_eq!(place.contents("out/000000"), before);
        fs::remove_file(place.path(name)).unwrap();
    }

    // What the mock answered says so when it is replayed.
    let finished = fastsamd(&["segment", &place.text("out/000000")]);
    assert!(finished.stderr.contains(MOCK_NOTICE), "{finished:?}");
    assert_fails(
        &fastsamd(&[
            "record", "--out", &config, "--frames", "1", "--config", &config,
        ]),
        2,
        "not a folder",
    );
}
