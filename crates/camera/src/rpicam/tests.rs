//! Stand-ins for `rpicam-vid`: what it is asked for, and what it may do.

use super::*;
use crate::child::standin::{LONG, StandIn, failed_starts_are_seen, log};

fn settings(standin: &StandIn) -> RpicamSettings {
    RpicamSettings {
        size: Size::new(64, 48),
        program: standin.program(),
        timeout: LONG,
        ..RpicamSettings::default()
    }
}

#[test]
fn frames_come_and_the_program_is_asked_for_them() {
    let standin = StandIn::new("echo \"$@\" > $DIR/arguments; raw a; exec sleep 1000");
    let settings = RpicamSettings {
        camera: 1,
        size: Size::new(60, 47),
        fps: 15.5,
        arguments: vec!["--hflip".to_owned()],
        ..settings(&standin)
    };
    let mut source = Rpicam::open(&settings, log().0).unwrap();
    let mut frame = Frame::empty();
    let before = Instant::now();
    assert_eq!(source.capture(&mut frame, LONG).unwrap(), Captured::Frame);
    frame.validate().unwrap();
    assert_eq!((frame.size, frame.stride), (Size::new(64, 48), 64));
    assert!(frame.data.iter().all(|byte| *byte == b'a'));
    assert!(frame.captured_at <= Instant::now() && frame.captured_at + LONG > before);
    assert_eq!(
        standin.file("arguments"),
        "--timeout 0 --nopreview --codec yuv420 --output - --flush --camera 1 --width 64 \
         --height 48 --framerate 15.5 --hflip\n"
    );
    assert_eq!(
        source.describe(),
        "CSI camera 1, 64x48 at 15.5 fps by rpicam-vid"
    );
}

#[test]
fn the_newest_frame_comes() {
    let standin = StandIn::new("raw a; raw b; raw c; echo > $DIR/written; exec sleep 1000");
    let mut source = Rpicam::open(&settings(&standin), log().0).unwrap();
    standin.file("written");
    let mut frame = Frame::empty();
    source.capture(&mut frame, LONG).unwrap();
    assert_eq!((frame.sequence, frame.data[0]), (2, b'c'));
}

#[test]
fn what_it_says_is_heard_but_for_a_line_per_frame() {
    let standin = StandIn::new(
        "echo '[0:1:2] INFO Camera: imx708' >&2
         echo '#0 (0.00 fps) exp 9988.00 ag 1.12 dg 1.00' >&2
         raw a
         echo 'ERROR: *** no cameras available ***' >&2
         echo '#1 (30.00 fps) exp 9988.00 ag 1.12 dg 1.00' >&2
         exit 255",
    );
    let (log, lines) = log();
    let mut source = Rpicam::open(&settings(&standin), log).unwrap();
    let mut frame = Frame::empty();
    assert_eq!(source.capture(&mut frame, LONG).unwrap(), Captured::Frame);
    let error = source.capture(&mut frame, LONG).unwrap_err();
    assert!(!error.is_transient());
    let expected = "ended (exit status: 255): ERROR: *** no cameras available ***";
    assert!(error.to_string().ends_with(expected), "{error}");
    assert_eq!(
        *lines.lock().unwrap(),
        [
            "[0:1:2] INFO Camera: imx708",
            "ERROR: *** no cameras available ***"
        ]
    );
}

#[test]
fn a_frame_that_is_cut_off_by_the_end_is_left_out() {
    let standin = StandIn::new("raw a | head -c 4000");
    let mut source = Rpicam::open(&settings(&standin), log().0).unwrap();
    let error = source.capture(&mut Frame::empty(), LONG).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a frame was dropped: it ends after 4000 of 4608 bytes"
    );
    let error = source.capture(&mut Frame::empty(), LONG).unwrap_err();
    assert!(!error.is_transient());
}

#[test]
fn a_camera_that_hangs_has_stalled() {
    let standin = StandIn::new("raw a | head -c 4000; exec sleep 1000");
    let settings = RpicamSettings {
        timeout: Duration::from_millis(100),
        ..settings(&standin)
    };
    let mut source = Rpicam::open(&settings, log().0).unwrap();
    let error = source
        .capture(&mut Frame::empty(), Duration::from_millis(150))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "CSI camera 0: no usable frame for 100ms; it hangs, or its link does"
    );
}

#[test]
fn a_program_that_is_not_there_is_named_with_its_package() {
    if !failed_starts_are_seen() {
        return;
    }
    let settings = RpicamSettings {
        program: "/nowhere/rpicam-vid".into(),
        ..RpicamSettings::default()
    };
    let error = Rpicam::open(&settings, log().0).err().unwrap();
    assert_eq!(
        error.to_string(),
        "/nowhere/rpicam-vid: no such program; install the package `rpicam-apps`"
    );
}

#[test]
fn sizes_that_need_no_padding() {
    let cases = [
        ((1280, 720), (1280, 720)),
        ((1920, 1080), (1920, 1080)),
        ((640, 480), (640, 480)),
        ((1640, 1232), (1664, 1232)),
        ((800, 601), (832, 602)),
    ];
    for ((width, height), (given_width, given_height)) in cases {
        let settings = RpicamSettings {
            size: Size::new(width, height),
            ..RpicamSettings::default()
        };
        assert_eq!(settings.given_size(), Size::new(given_width, given_height));
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let sized = |width, height| RpicamSettings {
        size: Size::new(width, height),
        ..RpicamSettings::default()
    };
    let fps = |fps| RpicamSettings {
        fps,
        ..RpicamSettings::default()
    };
    for settings in [
        sized(0, 480),
        sized(9000, 480),
        sized(640, 1),
        fps(0.0),
        fps(f64::NAN),
    ] {
        let error = Rpicam::open(&settings, log().0).err().unwrap();
        assert!(matches!(error, CameraError::Setting { .. }), "{error}");
    }
}
