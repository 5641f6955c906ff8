//! What can be told without a device.

use std::path::PathBuf;

use frame::PixelFormat;

use super::*;

fn given(encoding: Encoding) -> Given {
    Given {
        encoding,
        size: Size::new(4, 2),
        stride: 10,
        fps: Some(30.0),
    }
}

fn buffer(bytes: &[u8]) -> Buffer<'_> {
    Buffer {
        bytes,
        is_broken: false,
        sequence: 0,
        monotonic: None,
    }
}

fn filled(encoding: Encoding, buffer: Buffer<'_>) -> Result<Frame, CameraError> {
    let mut frame = Frame::empty();
    frame.scaled_from = Some(Size::new(9, 9));
    let mut decoder = Decoder::new(Size::new(16, 16), Some(frame::InputSize::DEFAULT));
    fill(&mut frame, &buffer, &given(encoding), &mut decoder).map(|()| frame)
}

#[test]
fn raw_buffers_are_cut_to_the_frame() {
    // Rows of 8 bytes, 2 of padding, and a page's rest.
    let bytes: Vec<u8> = (0..4096).map(|i| i as u8).collect();
    let frame = filled(Encoding::Yuyv, buffer(&bytes)).unwrap();
    frame.validate().unwrap();
    assert_eq!(frame.data, bytes[..18]);
    assert_eq!((frame.size, frame.stride), (Size::new(4, 2), 10));
    assert_eq!(frame.scaled_from, None);
    assert_eq!(frame.pixel_format, PixelFormat::Yuyv);
}

#[test]
fn buffers_that_hold_no_frame_are_left_out() {
    let broken = Buffer {
        is_broken: true,
        ..buffer(&[0; 99])
    };
    let cases = [
        (Encoding::Yuyv, broken, "the driver calls it corrupt"),
        (
            Encoding::Yuyv,
            buffer(&[0; 17]),
            "17 bytes came, a YUYV frame of 4x2 has 18",
        ),
        (Encoding::Mjpeg, buffer(&[]), "not a JPEG"),
        (Encoding::Mjpeg, buffer(&[0xFF, 0xD8, 0xFF]), "cut off"),
    ];
    for (encoding, buffer, expected) in cases {
        let error = filled(encoding, buffer).unwrap_err();
        assert!(error.is_transient());
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn numbers_begin_at_0_and_grow() {
    // The driver's numbers and ours.
    let cases: [(&str, &[(u32, u64)]); 4] = [
        ("a gap is a gap", &[(7, 0), (8, 1), (11, 4)]),
        ("all the way round", &[(u32::MAX, 0), (1, 2)]),
        ("begun anew", &[(500, 0), (0, 1), (1, 2)]),
        ("never counted", &[(0, 0), (0, 1), (0, 2)]),
    ];
    for (name, numbers) in cases {
        let mut ours = Numbers::default();
        for (driver, expected) in numbers {
            assert_eq!(ours.next(*driver), *expected, "{name}");
        }
    }
}

#[test]
fn only_a_time_that_can_be_is_the_captures() {
    let clock = Duration::from_secs(1000);
    let ago = |ms| Some(clock - Duration::from_millis(ms));
    let cases = [
        ("just now", ago(20), Some(Duration::from_millis(20))),
        ("not told", None, None),
        ("to come", Some(clock + Duration::from_millis(1)), None),
        ("another clock's", Some(Duration::ZERO), None),
    ];
    for (name, moment, expected) in cases {
        assert_eq!(age(moment, clock), expected, "{name}");
    }
}

#[test]
fn a_captures_time_is_an_instant() {
    let clock = clock_gettime(ClockId::Monotonic);
    let monotonic = Duration::new(clock.tv_sec as u64, clock.tv_nsec as u32);
    let before = Instant::now();
    let at = captured_at(&Buffer {
        monotonic: monotonic.checked_sub(Duration::from_millis(500)),
        ..buffer(&[])
    });
    let ago = before.duration_since(at);
    assert!(
        ago > Duration::from_millis(400) && ago < Duration::from_millis(501),
        "{ago:?}"
    );
}

#[test]
fn what_was_given_is_told() {
    let settings = V4l2Settings {
        size: Size::new(4, 2),
        ..V4l2Settings::new("/dev/video0")
    };
    let line = describe(
        "/dev/video0",
        "C920",
        &settings,
        &given(Encoding::Mjpeg),
        &[],
    );
    assert_eq!(line, "/dev/video0 (C920), MJPEG 4x2 at 30 fps");
    let given = Given {
        fps: Some(30000.0 / 1001.0 / 2.0),
        ..given(Encoding::Yuyv)
    };
    let notes = ["no focus of 5 here".to_owned()];
    assert_eq!(
        describe("/dev/video0", "C920", &settings, &given, &notes),
        "/dev/video0 (C920), YUYV 4x2 at 14.99 fps; asked for 4x2 at 30 fps; no focus of 5 here"
    );
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let cases = [
        (V4l2Settings::new(&path), "not a camera: a folder"),
        (V4l2Settings::new("/dev/video-none"), "no such camera"),
        (
            V4l2Settings::new("no such card"),
            "no such card: no such camera",
        ),
        (
            V4l2Settings {
                size: Size::new(0, 480),
                ..V4l2Settings::new(&path)
            },
            "size is 0x480",
        ),
        (
            V4l2Settings {
                fps: f64::NAN,
                ..V4l2Settings::new(&path)
            },
            "fps is NaN",
        ),
    ];
    for (settings, expected) in cases {
        let error = V4l2::open(&settings).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.is_transient());
    }
}

#[test]
fn of_two_cameras_with_one_name_none_is_taken() {
    let path = |number| PathBuf::from(format!("/dev/video{number}"));
    assert_eq!(device::only("C920", vec![path(2)], None).unwrap(), path(2));
    let error = device::only("C920", vec![path(0), path(2)], None).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("(/dev/video0, /dev/video2)") && said.contains("by-path"),
        "{said}"
    );
    let none = device::only("C920", Vec::new(), None).unwrap_err();
    assert!(matches!(none, CameraError::Missing { .. }), "{none}");
}
