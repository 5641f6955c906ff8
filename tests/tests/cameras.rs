//! Cameras that are child processes, in the whole daemon: a real ffmpeg on a generated file, and a
//! stand-in for rpicam-vid that writes real pictures.

#![expect(clippy::expect_used, reason = "this is a test")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use fastsamd_tests::{Daemon, Message, Mosquitto, Subscriber, fastsamd};
use tempfile::TempDir;

/// A broker, and a folder for what a daemon needs.
struct Setup {
    broker: Mosquitto,
    folder: TempDir,
}

impl Setup {
    fn new() -> Self {
        Self {
            broker: Mosquitto::start(),
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a daemon that finds programs in our folder first.
    fn start(&self, cameras: &str) -> Daemon {
        let config = self.path("config.yaml");
        let text = format!(
            "node: test\nmqtt: {{port: {}}}\naccelerator: {{backend: mock}}\ncameras:\n{cameras}",
            self.broker.port()
        );
        fs::write(&config, text).expect("a written file");
        let path = std::env::var("PATH").unwrap_or_default();
        Daemon::spawn(
            fastsamd()
                .args([Path::new("run"), Path::new("--config"), &config])
                .env("PATH", format!("{}:{path}", self.folder.path().display())),
        )
    }

    fn subscribe(&self) -> Subscriber {
        Subscriber::connect(self.broker.port(), "fastsam/test/#")
    }

    /// Puts a program into the folder.
    fn program(&self, name: &str, script: &str) {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a written file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a program");
    }
}

fn stop(mut daemon: Daemon) {
    daemon.signal("TERM");
    assert!(daemon.wait().0.success(), "{}", daemon.output());
}

fn is_masks_of(camera: &str) -> impl Fn(&Message) -> bool {
    let topic = format!("{camera}/masks");
    move |message| message.topic.ends_with(&topic)
}

/// A film of two seconds, or `None` where there is no ffmpeg and none is required.
fn film(path: &Path) -> Option<()> {
    let made = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-f", "lavfi", "-i"])
        .arg("testsrc2=size=1280x720:rate=25:duration=2")
        .arg(path)
        .status();
    let is_made = made.is_ok_and(|status| status.success());
    let required = std::env::var_os("FASTSAMD_REQUIRE_FFMPEG").is_some();
    assert!(is_made || !required, "ffmpeg is required, but made no film");
    is_made.then_some(())
}

#[test]
fn a_film_becomes_masks_beside_a_stream_that_is_not_there() {
    let setup = Setup::new();
    let Some(()) = film(&setup.path("film.mkv")) else {
        return;
    };
    let subscriber = setup.subscribe();
    let port = fastsamd_tests::free_port();
    let daemon = setup.start(&format!(
        "- {{name: film, source: {{ffmpeg: {{input: {}}}}}}}\n\
         - {{name: gone, source: {{ffmpeg: {{input: 'rtsp://user:hunter2@127.0.0.1:{port}/s'}}}}}}\n",
        setup.path("film.mkv").display()
    ));
    // More frames than the film has: it begins anew. The other camera's trouble is its own.
    let mut last = 0;
    while last <= 60 {
        let message = subscriber.wait_for("masks of the film", is_masks_of("film"));
        let frame = &message.json()["frame"];
        assert_eq!(
            (&frame["width"], &frame["height"]),
            (&1280.into(), &720.into())
        );
        last = frame["sequence"].as_u64().expect("a sequence");
    }
    let latecomer = Subscriber::connect(setup.broker.port(), "fastsam/test/+/state");
    latecomer.wait_for_text("gone/state", "offline");
    let info = Subscriber::connect(setup.broker.port(), "fastsam/test/info");
    let info = info.wait_for("info", |_| true).text();
    stop(daemon);
    assert!(info.contains("rtsp://***@127.0.0.1"), "{info}");
    assert!(!info.contains("hunter2"), "{info}");
}

#[test]
fn a_csi_camera_that_dies_is_started_again() {
    let setup = Setup::new();
    // Grey pictures of 128x64 with a white bar; dies after 20 of them.
    setup.program(
        "rpicam-vid",
        "echo \"$@\" > \"$(dirname \"$0\")/arguments\"\n\
         for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do\n\
           head -c 4096 /dev/zero | tr '\\0' '\\100'; head -c 4096 /dev/zero | tr '\\0' '\\320'\n\
           head -c 4096 /dev/zero | tr '\\0' '\\200'; sleep 0.05\n\
         done\n\
         echo 'ERROR: *** the camera has gone ***' >&2; exit 255",
    );
    let subscriber = setup.subscribe();
    let daemon = setup.start(
        "- {name: csi, source: {rpicam: {width: 128, height: 64, fps: 20, arguments: [--hflip]}}}\n",
    );
    let masks = subscriber.wait_for("masks", is_masks_of("csi")).json();
    assert_eq!(masks["frame"]["width"], 128);
    subscriber.wait_for_text("csi/state", "offline");
    subscriber.wait_for_text("csi/state", "online");
    subscriber.wait_for("masks again", is_masks_of("csi"));
    daemon.wait_until_it_said("the camera has gone");
    let arguments = fs::read_to_string(setup.path("arguments")).expect("noted arguments");
    for word in ["--codec yuv420", "--width 128", "--height 64", "--hflip"] {
        assert!(arguments.contains(word), "{arguments}");
    }
    stop(daemon);
}

#[test]
fn a_film_is_segmented_frame_by_frame_and_its_objects_keep_their_ids() {
    let setup = Setup::new();
    let Some(()) = film(&setup.path("film.mkv")) else {
        return;
    };
    let out = setup.path("out");
    let segment = |arguments: &[&str]| {
        let film = setup.path("film.mkv");
        let output = fastsamd()
            .arg("segment")
            .arg(film)
            .args(["--backend", "mock", "--max-segments", "3"])
            .args(arguments)
            .output()
            .expect("an ended program");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        (output.stdout, said)
    };
    let (_, said) = segment(&["--out", out.to_str().expect("a path")]);
    assert!(said.contains("50 frames"), "{said}");
    let read = |number: usize| -> serde_json::Value {
        let path = out.join(format!("film-{number:06}.json"));
        serde_json::from_slice(&fs::read(path).expect("a result")).expect("a message")
    };
    let last = read(50);
    assert_eq!(last["frame"]["sequence"], 49);
    assert!(out.join("film-000050.overlay.png").is_file());
    // What was there in the frame before is still there, as old as the film.
    let oldest = last["segments"].as_array().expect("a list").iter();
    let oldest = oldest.map(|segment| segment["track"]["age_ms"].as_u64());
    assert_eq!(oldest.max(), Some(Some(1960)));
    // A second run replaces its own results.
    segment(&["--out", out.to_str().expect("a path"), "--fps", "10"]);
    let again = read(50)["segments"].as_array().expect("a list").clone();
    let oldest = again
        .iter()
        .map(|segment| segment["track"]["age_ms"].as_u64());
    assert_eq!(oldest.max(), Some(Some(4900)));

    // What is no film, and says so.
    fs::write(setup.path("broken.mp4"), "no film").expect("a written file");
    let output = fastsamd()
        .arg("segment")
        .arg(setup.path("broken.mp4"))
        .output()
        .expect("an ended program");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{said}");
    assert!(said.contains("broken.mp4"), "{said}");
}
