use std::{
    fs,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use image::{ImageFormat, Rgb, RgbImage};
use proptest::prelude::*;

use super::*;

const FAST: ImagesSettings = ImagesSettings {
    fps: 0.0,
    repeat: false,
};
const SECOND: Duration = Duration::from_secs(1);

/// A picture whose upper left quarter is red and whose rest is blue.
fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        if x < width / 2 && y < height / 2 {
            Rgb([200, 20, 20])
        } else {
            Rgb([20, 20, 200])
        }
    })
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::Png)
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    encoded(&picture(width, height), ImageFormat::Jpeg)
}

/// The bytes with a segment put behind the start marker.
fn with_segment(jpeg: &[u8], marker: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() + 2) as u16;
    let head = [&[0xFF, marker][..], &length.to_be_bytes(), content].concat();
    [&jpeg[..2], &head, &jpeg[2..]].concat()
}

/// A PNG of one grey pixel whose header claims another size.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(&RgbImage::new(1, 1), ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn load_bytes(bytes: &[u8]) -> Result<Frame, CameraError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    load(file.path())
}

fn names(paths: &[PathBuf]) -> Vec<&str> {
    let name = |path: &'_ PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(name).map(|name| &*name.leak()).collect()
}

#[test]
fn a_folder_lists_its_pictures_by_name_and_nothing_else() {
    let folder = folder(&[
        ("b.PNG", b""),
        ("a2.jpeg", b""),
        ("a1.jpg", b""),
        ("notes.txt", b""),
        ("._a1.jpg", b""),
        ("png", b""),
    ]);
    fs::create_dir(folder.path().join("c.png")).unwrap();
    assert_eq!(
        names(&list(folder.path()).unwrap()),
        ["a1.jpg", "a2.jpeg", "b.PNG"]
    );
}

#[test]
fn a_folder_without_pictures_says_what_was_looked_for() {
    let folder = folder(&[("notes.txt", b"")]);
    let error = Images::open(folder.path(), FAST).unwrap_err().to_string();
    assert!(error.contains(".jpg, .png, .webp"), "{error}");
    let error = list(Path::new("/no/such/folder")).unwrap_err().to_string();
    assert!(error.starts_with("/no/such/folder: "), "{error}");
}

#[test]
fn every_kind_of_picture_becomes_rgb() {
    let rgb = picture(6, 4);
    let dynamic = DynamicImage::from(rgb.clone());
    let kinds = [
        ("rgb", dynamic.clone()),
        ("rgba", dynamic.to_rgba8().into()),
        ("16 bit", dynamic.to_rgb16().into()),
        ("16 bit alpha", dynamic.to_rgba16().into()),
    ];
    for (name, kind) in kinds {
        let mut bytes = Cursor::new(Vec::new());
        kind.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let frame = load_bytes(bytes.get_ref()).unwrap();
        assert_eq!(frame.size, Size::new(6, 4), "{name}");
        assert_eq!(frame.data, rgb.as_raw().as_slice(), "{name}");
    }
    let mut bytes = Cursor::new(Vec::new());
    let grey = DynamicImage::from(dynamic.to_luma8());
    grey.write_to(&mut bytes, ImageFormat::Png).unwrap();
    let frame = load_bytes(bytes.get_ref()).unwrap();
    assert!(frame.data.chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    assert!(frame.validate().is_ok());
}

#[test]
fn a_jpeg_is_decoded_whatever_its_name() {
    let frame = load_bytes(&jpeg(64, 48)).unwrap();
    assert_eq!(
        (frame.size, frame.stride, frame.pixel_format),
        (Size::new(64, 48), 192, PixelFormat::Rgb8)
    );
    let close = |found: &[u8], expected: [u8; 3]| {
        found.iter().zip(expected).all(|(&f, e)| f.abs_diff(e) < 24)
    };
    assert!(
        close(&frame.data[..3], [200, 20, 20]),
        "{:?}",
        &frame.data[..3]
    );
    assert!(close(&frame.data[64 * 48 * 3 - 3..], [20, 20, 200]));
}

#[test]
fn the_exif_orientation_is_applied() {
    // TIFF header, one entry: tag 0x0112 (orientation), a short, 1 value, 6 (rotate by 90°).
    let exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let frame = load_bytes(&with_segment(&jpeg(64, 48), 0xE1, exif)).unwrap();
    assert_eq!(frame.size, Size::new(48, 64));
    let top_right = &frame.data[47 * 3..48 * 3];
    assert!(top_right[0] > 150 && top_right[2] < 80, "{top_right:?}");
}

#[test]
fn a_cut_jpeg_is_an_error_also_with_a_thumbnail_and_padding_behind_is_not() {
    let whole = with_segment(&jpeg(200, 200), 0xE1, &jpeg(16, 16));
    assert!(load_bytes(&whole).is_ok());
    assert!(load_bytes(&[&whole[..], &[0; 512]].concat()).is_ok());
    // Without its end marker alone it is whole.
    for kept in [whole.len() - 1, whole.len() - 2] {
        assert!(load_bytes(&whole[..kept]).is_ok(), "{kept}");
    }
    for kept in [whole.len() - 3, whole.len() / 2, 700, 20, 3] {
        let error = load_bytes(&whole[..kept]).unwrap_err().to_string();
        assert!(error.contains("cut off"), "{kept}: {error}");
    }
}

#[test]
fn a_cut_png_is_an_error() {
    let whole = png(200, 200);
    // All but the empty end chunk (12 bytes) is needed.
    for kept in [whole.len() - 17, whole.len() / 2, 40, 20, 8] {
        let error = load_bytes(&whole[..kept]).unwrap_err();
        assert!(matches!(error, CameraError::File { .. }), "{kept}: {error}");
    }
}

#[test]
fn pictures_that_claim_too_much_or_nothing_are_refused_before_they_are_decoded() {
    let cases = [
        ("a side too long", png_that_claims(20_000, 10)),
        ("too many pixels", png_that_claims(16_000, 16_000)),
        ("absurd", png_that_claims(0x7FFF_FFFF, 0x7FFF_FFFF)),
        ("no columns", png_that_claims(0, 10)),
        ("empty", Vec::new()),
        ("text", b"hello, I am no picture".to_vec()),
        ("a GIF", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec()),
    ];
    for (name, bytes) in cases {
        let error = load_bytes(&bytes).unwrap_err();
        assert!(!error.is_transient(), "{name}");
        let message = error.to_string();
        assert!(!message.contains('\n'), "{name}: {message}");
    }
    let message = load_bytes(&png_that_claims(16_000, 16_000))
        .unwrap_err()
        .to_string();
    assert!(message.contains("512 MiB"), "{message}");
    let message = load_bytes(&png_that_claims(20_000, 10))
        .unwrap_err()
        .to_string();
    assert!(message.contains("16384x16384"), "{message}");
}

#[test]
fn a_folder_is_no_picture() {
    let folder = folder(&[]);
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("not a file"), "{error}");
}

#[test]
fn a_folder_is_played_once_and_ends() {
    let folder = folder(&[("1.png", &png(4, 2)), ("2.png", &png(6, 2))]);
    let mut images = Images::open(folder.path(), FAST).unwrap();
    assert!(images.describe().ends_with("(2 files)"));
    let mut frame = Frame::empty();
    for (sequence, width) in [(0, 4), (1, 6)] {
        assert_eq!(images.capture(&mut frame, SECOND).unwrap(), Captured::Frame);
        assert_eq!((frame.sequence, frame.size.width), (sequence, width));
        assert!(frame.validate().is_ok());
    }
    for _ in 0..2 {
        assert_eq!(images.capture(&mut frame, SECOND).unwrap(), Captured::End);
    }
}

#[test]
fn repeating_goes_round_and_reads_a_single_file_once() {
    let repeat = ImagesSettings {
        repeat: true,
        ..FAST
    };
    let folder = folder(&[("1.png", &png(4, 2)), ("2.png", &png(6, 2))]);
    let mut images = Images::open(folder.path(), repeat).unwrap();
    let mut frame = Frame::empty();
    for (sequence, width) in [(0, 4), (1, 6), (2, 4), (3, 6), (4, 4)] {
        images.capture(&mut frame, SECOND).unwrap();
        assert_eq!((frame.sequence, frame.size.width), (sequence, width));
    }

    let path = folder.path().join("1.png");
    let mut images = Images::open(&path, repeat).unwrap();
    images.capture(&mut frame, SECOND).unwrap();
    let first = frame.data.clone();
    fs::remove_file(path).unwrap();
    frame.data.clear();
    let mut captured_at = frame.captured_at;
    for sequence in 1..4 {
        images.capture(&mut frame, SECOND).unwrap();
        assert_eq!((frame.sequence, &frame.data), (sequence, &first));
        assert!(frame.captured_at >= captured_at);
        captured_at = frame.captured_at;
    }
}

/// Captures until a picture of this width comes.
fn until_width(source: &mut Images, width: u32) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut frame = Frame::empty();
    loop {
        // A picture that is being replaced may be skipped.
        let captured = source.capture(&mut frame, Duration::from_secs(1));
        if matches!(captured, Ok(Captured::Frame)) && frame.size.width == width {
            return;
        }
        assert!(Instant::now() < deadline, "{captured:?}, {}", frame.size);
    }
}

#[test]
fn pictures_that_come_later_or_are_replaced_are_seen() {
    let folder = folder(&[("a.png", &png(8, 4))]);
    let settings = ImagesSettings {
        fps: 0.0,
        repeat: true,
    };
    let mut source = Images::open(folder.path(), settings).unwrap();
    until_width(&mut source, 8);
    fs::write(folder.path().join("a.png"), png(16, 4)).unwrap();
    until_width(&mut source, 16);
    fs::write(folder.path().join("b.png"), png(24, 4)).unwrap();
    until_width(&mut source, 24);
    fs::remove_file(folder.path().join("b.png")).unwrap();
    until_width(&mut source, 16);
}

#[test]
fn broken_pictures_are_named_and_skipped() {
    let folder = folder(&[
        ("1.png", b"broken"),
        ("2.png", &png(6, 2)),
        ("3.jpg", &jpeg(32, 32)[..200]),
    ]);
    let mut images = Images::open(folder.path(), FAST).unwrap();
    let mut frame = Frame::empty();
    let error = images.capture(&mut frame, SECOND).unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("1.png"),
        "{error}"
    );
    assert_eq!(images.capture(&mut frame, SECOND).unwrap(), Captured::Frame);
    assert_eq!(frame.sequence, 1);
    let error = images.capture(&mut frame, SECOND).unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("3.jpg"),
        "{error}"
    );
    assert_eq!(images.capture(&mut frame, SECOND).unwrap(), Captured::End);
}

#[test]
fn a_folder_with_broken_pictures_only_is_given_up() {
    let folder = folder(&[("1.png", b"broken"), ("2.png", b"broken")]);
    for repeat in [false, true] {
        let settings = ImagesSettings { repeat, ..FAST };
        let mut images = Images::open(folder.path(), settings).unwrap();
        let mut frame = Frame::empty();
        assert!(
            images
                .capture(&mut frame, SECOND)
                .unwrap_err()
                .is_transient()
        );
        let error = images.capture(&mut frame, SECOND).unwrap_err();
        assert!(!error.is_transient());
        assert!(
            error.to_string().contains("none of its 2 pictures"),
            "{error}"
        );
    }
    let single = folder.path().join("1.png");
    let mut images = Images::open(&single, FAST).unwrap();
    let error = images.capture(&mut Frame::empty(), SECOND).unwrap_err();
    assert!(!error.is_transient(), "{error}");
}

#[test]
fn a_turn_that_is_not_due_times_out_and_is_not_lost() {
    let folder = folder(&[("1.png", &png(4, 2)), ("2.png", &png(6, 2))]);
    let settings = ImagesSettings { fps: 0.001, ..FAST };
    let mut images = Images::open(folder.path(), settings).unwrap();
    let mut frame = Frame::empty();
    images.capture(&mut frame, SECOND).unwrap();
    for _ in 0..2 {
        let error = images
            .capture(&mut frame, Duration::from_millis(1))
            .unwrap_err();
        assert!(matches!(error, CameraError::Timeout(_)), "{error}");
    }
    assert_eq!((images.next, images.sequence), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the bytes, there is a valid frame or one line that says what is wrong.
    #[test]
    fn bytes_of_strangers_never_panic(
        random in prop::collection::vec(any::<u8>(), 0..400),
        is_jpeg: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut: prop::sample::Index,
        mode in 0..3,
    ) {
        let mut bytes = if is_jpeg { jpeg(33, 17) } else { png(33, 17) };
        match mode {
            0 => bytes.truncate(cut.index(bytes.len())),
            1 => bytes = [&bytes[..cut.index(bytes.len()).min(32)], &random].concat(),
            _ => for (index, value) in changes {
                let index = index.index(bytes.len());
                bytes[index] = value;
            },
        }
        match load_bytes(&bytes) {
            Ok(frame) => {
                prop_assert!(frame.validate().is_ok());
                prop_assert!(frame.data.len() as u64 <= MAX_DECODED_BYTES);
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}
