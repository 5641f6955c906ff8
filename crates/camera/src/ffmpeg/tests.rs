//! Stand-ins that do what ffmpeg may do, and ffmpeg itself where it is installed.

use std::{env, io::Write, net::TcpListener, process::Stdio, thread};

use frame::PixelFormat;

use super::*;
use crate::child::standin::{LONG, StandIn, failed_starts_are_seen, log};

mod secrets;

const ADDRESS: &str = "rtsp://user:secret@cam/1";

/// A stand-in's settings for a stream.
fn live(standin: &StandIn) -> FfmpegSettings {
    FfmpegSettings {
        program: standin.program(),
        timeout: LONG,
        ..FfmpegSettings::new(ADDRESS)
    }
}

/// A stand-in's settings for a file; the program itself is one that is there.
fn file(standin: &StandIn) -> FfmpegSettings {
    FfmpegSettings {
        input: standin.program().display().to_string(),
        ..live(standin)
    }
}

fn open(settings: &FfmpegSettings) -> Ffmpeg {
    Ffmpeg::open(settings, log().0).unwrap()
}

/// The next frame's sequence number and the byte that it is full of.
fn next(source: &mut Ffmpeg) -> (u64, char) {
    let mut frame = Frame::empty();
    assert_eq!(source.capture(&mut frame, LONG).unwrap(), Captured::Frame);
    frame.validate().unwrap();
    assert_eq!(frame.pixel_format, PixelFormat::I420);
    assert!(frame.data.iter().all(|byte| *byte == frame.data[0]));
    (frame.sequence, char::from(frame.data[0]))
}

fn error(source: &mut Ffmpeg) -> CameraError {
    source.capture(&mut Frame::empty(), LONG).unwrap_err()
}

#[test]
fn every_frame_of_a_file_comes_and_then_its_end() {
    let standin = StandIn::new("header; for i in a b c d; do frame $i; done");
    let mut source = open(&file(&standin));
    for expected in [(0, 'a'), (1, 'b'), (2, 'c'), (3, 'd')] {
        assert_eq!(next(&mut source), expected);
    }
    for _ in 0..2 {
        let end = source.capture(&mut Frame::empty(), LONG).unwrap();
        assert_eq!(end, Captured::End);
    }
}

#[test]
fn of_a_stream_the_newest_frame_comes() {
    let standin = StandIn::new(
        "header; for i in a b c d e; do frame $i; done; printf 'FRAME\nx'
         echo $$ > $DIR/written; exec sleep 1000",
    );
    let mut source = open(&live(&standin));
    standin.file("written");
    assert_eq!(next(&mut source), (4, 'e'));
    let timeout = Duration::from_millis(5);
    let error = source.capture(&mut Frame::empty(), timeout).unwrap_err();
    assert!(matches!(error, CameraError::Timeout(t) if t == timeout));
}

#[test]
fn a_frame_that_comes_in_parts_is_put_together_over_calls() {
    let standin = StandIn::new(
        "header; printf 'FRA'; echo > $DIR/begun; until [ -e $DIR/go ]; do sleep 0.01; done
         printf 'ME\n'; raw a; exec sleep 1000",
    );
    let mut source = open(&live(&standin));
    standin.file("begun");
    let error = source
        .capture(&mut Frame::empty(), Duration::from_millis(20))
        .unwrap_err();
    assert!(error.is_transient());
    std::fs::write(standin.program().with_file_name("go"), "").unwrap();
    assert_eq!(next(&mut source), (0, 'a'));
}

#[test]
fn a_flood_is_no_reason_to_come_late() {
    let standin = StandIn::new("header; while :; do frame a; done");
    let mut source = open(&live(&standin));
    let mut last = None;
    for _ in 0..20 {
        let (sequence, _) = next(&mut source);
        assert!(last.is_none_or(|last| sequence > last));
        last = Some(sequence);
    }
}

#[test]
fn the_same_buffers_travel_round() {
    let standin = StandIn::new("header; while :; do frame a; done");
    let mut source = open(&file(&standin));
    let mut frame = Frame::empty();
    let mut places = Vec::new();
    for _ in 0..6 {
        source.capture(&mut frame, LONG).unwrap();
        places.push(frame.data.as_ptr());
    }
    assert_eq!(places[2..4], places[4..6]);
}

#[test]
fn a_stream_that_ends_is_an_error_and_says_how() {
    let cases = [
        ("header; frame a", "ended (exit status: 0)"),
        (
            "header; frame a; echo 'no route to user:secret' >&2; exit 3",
            "ended (exit status: 3): no route to ***",
        ),
        ("header; frame a; kill -9 $$", "ended (signal: 9 (SIGKILL))"),
        (
            "echo bad password >&2; exit 1",
            "ended without a frame (exit status: 1): bad password",
        ),
        (
            "exec 1>&-; exec sleep 1000",
            "ended without a frame, but is still there",
        ),
    ];
    for (script, expected) in cases {
        let standin = StandIn::new(script);
        let mut source = open(&live(&standin));
        if script.contains("frame a") {
            assert_eq!(next(&mut source), (0, 'a'));
        }
        let error = error(&mut source);
        assert!(!error.is_transient());
        let program = standin.program().display().to_string();
        assert_eq!(error.to_string(), format!("{program}: {expected}"));
    }
}

#[test]
fn a_file_that_fails_is_an_error() {
    let standin = StandIn::new("header; frame a; echo corrupt >&2; exit 1");
    let mut source = open(&file(&standin));
    next(&mut source);
    let error = error(&mut source).to_string();
    assert!(
        error.ends_with("ended (exit status: 1): corrupt"),
        "{error}"
    );
}

#[test]
fn a_last_frame_that_is_cut_off_is_counted_and_left_out() {
    let standin = StandIn::new("header; frame a; frame b | head -c 1000");
    let mut source = open(&file(&standin));
    next(&mut source);
    let error = error(&mut source);
    assert!(error.is_transient());
    assert_eq!(
        error.to_string(),
        "a frame was dropped: it ends after 1000 of 4614 bytes"
    );
    let end = source.capture(&mut Frame::empty(), LONG).unwrap();
    assert_eq!(end, Captured::End);
}

#[test]
fn an_older_ffmpeg_is_told_in_its_own_way() {
    let standin = StandIn::new(
        "case \"$*\" in *fps_mode*)
           echo \"Unrecognized option 'fps_mode'.\" >&2
           echo 'Error splitting the argument list: Option not found' >&2; exit 1;;
         esac
         if grep -q option; then
           echo \"[concat @ 0x1] Line 3: unknown keyword 'option'\" >&2
           echo 'pipe:0: Invalid data found when processing input' >&2; exit 1
         fi
         echo \"$*\" > $DIR/arguments; header; frame a; exec sleep 1000",
    );
    let settings = FfmpegSettings {
        options: vec!["-hwaccel".into(), "drm".into()],
        ..live(&standin)
    };
    let mut source = open(&settings);
    assert_eq!(next(&mut source), (0, 'a'));
    let arguments = standin.file("arguments");
    assert!(arguments.contains("-vsync passthrough"), "{arguments}");
    assert!(arguments.contains("-hwaccel drm"), "{arguments}");

    let standin = StandIn::new("echo \"unknown keyword 'option'\" >&2; exit 1");
    let said = error(&mut open(&live(&standin))).to_string();
    assert!(said.contains("unknown keyword"), "{said}");
}

#[test]
fn what_is_no_video_is_refused() {
    let cases = [
        ("echo '<html>'", "no video"),
        ("yes | tr -d '\\n'", "no video"),
        ("head -c 100000 /dev/zero", "no video"),
        ("echo YUV4MPEG2 W64 H48 C444", "no video"),
        ("echo YUV4MPEG2 W64 C420jpeg", "no video"),
        ("echo YUV4MPEG2 W63 H48 C420jpeg", "even width"),
        ("echo YUV4MPEG2 W0 H48 C420jpeg", "even width"),
        (
            "echo YUV4MPEG2 W100000 H100000 C420jpeg",
            "at most 8192x4352",
        ),
        ("header; echo FRAMED; raw a", "lost its place"),
    ];
    for (script, expected) in cases {
        let standin = StandIn::new(script);
        let error = error(&mut open(&live(&standin)));
        assert!(!error.is_transient());
        assert!(error.to_string().contains(expected), "{script}: {error}");
    }
}

#[test]
fn a_stream_that_hangs_has_stalled() {
    for script in ["exec sleep 1000", "header; frame a; exec sleep 1000"] {
        let standin = StandIn::new(script);
        let mut settings = live(&standin);
        settings.timeout = Duration::from_millis(300);
        let mut source = open(&settings);
        let started = Instant::now();
        let error = loop {
            match source.capture(&mut Frame::empty(), Duration::from_millis(10)) {
                Err(error) if !error.is_transient() => break error,
                // A guard: a stream that is never given up would have this loop for ever.
                _ => assert!(started.elapsed() < LONG),
            }
        };
        assert_eq!(
            error.to_string(),
            "rtsp://***@cam/1: no usable frame for 300ms; it hangs, or its link does"
        );
    }
}

#[test]
fn nothing_that_it_started_is_left_behind() {
    let cases = [
        ("a child that obeys", ""),
        ("a child that does not want to end", "trap '' TERM"),
        ("a child that is stopped", "kill -STOP $$"),
    ];
    for (name, manner) in cases {
        let standin = StandIn::new(&format!(
            "header; sleep 1000 & echo $! > $DIR/grandchild; echo $$ > $DIR/child
             {manner}
             wait; wait; wait; while :; do sleep 1000; done"
        ));
        let source = open(&live(&standin));
        assert!(
            standin.runs("child") && standin.runs("grandchild"),
            "{name}"
        );
        let started = Instant::now();
        drop(source);
        // A guard: whoever waits for the child to end by itself waits a thousand seconds.
        assert!(started.elapsed() < LONG, "{name}");
        let number = standin.file("child");
        let process = std::path::PathBuf::from(format!("/proc/{}", number.trim()));
        assert!(!process.exists(), "{name}: not reaped");
        // A guard against a grandchild that was forgotten: the kernel ends it in its own time.
        while standin.runs("grandchild") {
            assert!(started.elapsed() < LONG, "{name}");
        }
    }
}

#[test]
fn what_is_left_of_a_child_that_ended_is_ended_too() {
    let standin = StandIn::new("header; sleep 1000 >&- 2>&- & echo $! > $DIR/grandchild");
    let mut source = open(&live(&standin));
    error(&mut source);
    let started = Instant::now();
    // A guard against a grandchild that was forgotten: the kernel ends it in its own time.
    while standin.runs("grandchild") {
        assert!(started.elapsed() < LONG);
    }
}

#[test]
fn a_noisy_child_is_listened_to_and_its_frames_come() {
    let standin = StandIn::new(
        "header; i=0; while [ $i -lt 3000 ]; do
           echo \"line $i of rtsp://user:secret@cam/1, which is a long one to fill the pipe\" >&2; i=$((i + 1))
         done; frame a; exec sleep 1000",
    );
    let (log, lines) = log();
    let mut source = Ffmpeg::open(&live(&standin), log).unwrap();
    assert_eq!(next(&mut source), (0, 'a'));
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 3000);
    assert!(lines[2999].starts_with("line 2999 of rtsp://***@cam/1, "));
    assert!(lines.iter().all(|line| !line.contains("secret")));
}

#[test]
fn a_program_that_is_not_there_is_named_with_its_package() {
    if !failed_starts_are_seen() {
        return;
    }
    let settings = FfmpegSettings {
        program: "/nowhere/ffmpeg".into(),
        ..FfmpegSettings::new(ADDRESS)
    };
    let error = Ffmpeg::open(&settings, log().0).err().unwrap();
    assert_eq!(
        error.to_string(),
        "/nowhere/ffmpeg: no such program; install the package `ffmpeg`"
    );
    let folder = tempfile::tempdir().unwrap();
    let settings = FfmpegSettings {
        program: folder.path().to_owned(),
        ..settings
    };
    let error = Ffmpeg::open(&settings, log().0).err().unwrap();
    assert!(error.to_string().contains("can't be started"), "{error}");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let base = FfmpegSettings::new(ADDRESS);
    let sized = |width, height| FfmpegSettings {
        size: Some(Size::new(width, height)),
        ..base.clone()
    };
    let rate = |fps| FfmpegSettings {
        fps: Some(fps),
        ..base.clone()
    };
    let cases = [
        (sized(641, 480), "size is 641x480"),
        (sized(0, 480), "size is 0x480"),
        (sized(640, 0), "size is 640x0"),
        (sized(8194, 480), "size is 8194x480"),
        (rate(0.0), "fps is 0"),
        (rate(f64::NAN), "fps is NaN"),
        (
            FfmpegSettings::new("rtsp://u:p@cam/a\nb"),
            "input is rtsp://***@cam/a b, expected an address without line breaks",
        ),
        (
            FfmpegSettings::new(format!("rtsp://u:{}@cam/", "p".repeat(126))),
            "input is rtsp://***@cam/, expected user and password of at most 127 bytes",
        ),
        (
            FfmpegSettings::new(format!("http://cam/{}", "p".repeat(4096))),
            "input is http://cam/ppp",
        ),
        (
            FfmpegSettings::new("user:secret@cam/1"),
            "***@cam/1: No such file",
        ),
        (
            FfmpegSettings::new("/nowhere/a.mp4"),
            "/nowhere/a.mp4: No such file",
        ),
        (
            FfmpegSettings::new("file:///nowhere/a.mp4"),
            "/nowhere/a.mp4: No such file",
        ),
    ];
    for (settings, expected) in cases {
        let error = Ffmpeg::open(&settings, log().0).err().unwrap();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(!error.is_transient());
    }
}

#[test]
fn lines_about_timestamps_are_left_out() {
    let standin = StandIn::new(
        "echo '[out @ 0x1] Non-monotonous DTS in output stream 0:0; previous: 1' >&2
         echo '[vost#0:0 @ 0x1] Non-monotonic DTS; previous: 1, current: 1' >&2
         echo other >&2; exit 1",
    );
    let (log, lines) = log();
    error(&mut Ffmpeg::open(&live(&standin), log).unwrap());
    assert_eq!(*lines.lock().unwrap(), ["other"]);
}

/// Runs the ffmpeg that is installed, or says that there is none: an error where it must not miss.
fn ffmpeg(arguments: &[&str]) -> bool {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-y"])
        .args(arguments)
        .stdin(Stdio::null())
        .status();
    match status {
        // This code is how an emulator tells of a program that is not there.
        Ok(status) if status.code() != Some(127) => {
            assert!(status.success());
            true
        }
        _ => {
            assert!(
                env::var_os("FASTSAMD_REQUIRE_FFMPEG").is_none(),
                "ffmpeg must be installed"
            );
            eprintln!("skipped: ffmpeg is not installed");
            false
        }
    }
}

/// Ten frames whose luma is 16, 36, ..., as a file of this name.
fn video(name: &str, more: &[&str]) -> Option<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name).display().to_string();
    let source = "color=black:size=320x240:rate=25:duration=0.4,format=yuv420p,geq=lum=16+20*N:cb=128:cr=128";
    let mut arguments = vec!["-f", "lavfi", "-i", source, "-c:v", "mpeg4", "-q:v", "2"];
    arguments.extend(more);
    arguments.push(&path);
    ffmpeg(&arguments).then_some(folder)
}

fn lumas(source: &mut Ffmpeg, most: usize) -> Vec<u8> {
    let mut frame = Frame::empty();
    let mut found = Vec::new();
    while found.len() < most && source.capture(&mut frame, LONG).unwrap() == Captured::Frame {
        frame.validate().unwrap();
        found.push(frame.data[frame.data.len() / 3]);
    }
    found
}

fn is_near(found: &[u8], expected: impl Iterator<Item = u8>) -> bool {
    let expected: Vec<_> = expected.collect();
    found.len() == expected.len()
        && found
            .iter()
            .zip(&expected)
            .all(|(a, b)| a.abs_diff(*b) <= 2)
}

#[test]
fn ffmpeg_itself_plays_a_file_at_its_own_pace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.avi").display().to_string();
    let source = "color=black:size=64x48:rate=25:duration=1.6";
    if !ffmpeg(&["-f", "lavfi", "-i", source, "-c:v", "mpeg4", &path]) {
        return;
    }
    let started = Instant::now();
    let mut source = open(&FfmpegSettings {
        pace: FilePace::Own,
        ..FfmpegSettings::new(&path)
    });
    assert_eq!(lumas(&mut source, 100).len(), 40);
    // The last of 40 frames begins after 1.56 s; from 6.1 on, ffmpeg hands on the first half second at
    // once. A busy machine is later, never sooner.
    let took = started.elapsed();
    assert!(took > Duration::from_millis(950), "{took:?}");
}

#[test]
fn ffmpeg_itself_decodes_every_frame_of_a_file() {
    let Some(folder) = video("a:b.avi", &[]) else {
        return;
    };
    let path = folder.path().join("a:b.avi").display().to_string();
    let luma = |frame: u8| 16 + 20 * frame;
    for pace in [FilePace::Own, FilePace::Asked] {
        let settings = FfmpegSettings {
            pace,
            ..FfmpegSettings::new(&path)
        };
        let mut source = open(&settings);
        let found = lumas(&mut source, 100);
        assert!(is_near(&found, (0..10).map(luma)), "{found:?}");
        assert!(source.describe().contains("320x240"));
    }
    let settings = FfmpegSettings {
        size: Some(Size::new(64, 30)),
        repeat: true,
        pace: FilePace::Asked,
        ..FfmpegSettings::new(&path)
    };
    let mut source = open(&settings);
    let found = lumas(&mut source, 25);
    assert!(
        is_near(&found, (0..25).map(|frame| luma(frame % 10))),
        "{found:?}"
    );
    assert!(source.describe().contains("64x30"));
}

#[test]
fn ffmpeg_itself_brings_full_range_to_limited() {
    let full = ["-vf", "scale=out_range=pc,format=yuvj420p", "-c:v", "mjpeg"];
    let Some(folder) = video("a.avi", &full) else {
        return;
    };
    let path = folder.path().join("a.avi").display().to_string();
    let found = lumas(&mut open(&FfmpegSettings::new(path)), 100);
    assert!(
        is_near(&found, (0..10).map(|frame| 16 + 20 * frame)),
        "{found:?}"
    );
}

/// Sends bytes as a stream, until ffmpeg has read them; the last frame and the error that ended it.
fn streamed(bytes: Vec<u8>) -> (Frame, String) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://user:secret@{}", server.local_addr().unwrap());
    let camera = thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        stream.write_all(&bytes).unwrap();
    });
    let mut source = open(&FfmpegSettings::new(address));
    let mut frame = Frame::empty();
    let error = loop {
        match source.capture(&mut frame, LONG) {
            Ok(captured) => assert_eq!(captured, Captured::Frame),
            Err(error) => break error.to_string(),
        }
    };
    camera.join().unwrap();
    (frame, error)
}

/// ffmpeg scales what comes later to the size of the first picture, without a word.
#[test]
fn ffmpeg_itself_tells_of_a_stream_that_changes_its_size() {
    let mut bytes = Vec::new();
    for scale in ["scale=320:240", "scale=160:240"] {
        let more = ["-vf", scale, "-c:v", "mpeg2video", "-f", "mpegts"];
        let Some(folder) = video("part.ts", &more) else {
            return;
        };
        bytes.extend(std::fs::read(folder.path().join("part.ts")).unwrap());
    }
    let (frame, error) = streamed(bytes);
    assert_eq!(frame.size, Size::new(320, 240));
    assert!(error.ends_with("its pictures are 160x240 now"), "{error}");
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn ffmpeg_itself_reads_a_stream_until_it_ends() {
    let Some(folder) = video("a.ts", &["-f", "mpegts"]) else {
        return;
    };
    let bytes = std::fs::read(folder.path().join("a.ts")).unwrap();
    let (frame, error) = streamed(bytes);
    // The last frame that it could have seen, if not the last there was.
    assert!(frame.sequence >= 7, "{}", frame.sequence);
    assert!(
        error.starts_with("ffmpeg: ended (exit status: 0)"),
        "{error}"
    );
}
