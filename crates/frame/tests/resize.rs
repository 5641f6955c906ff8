//! The letterboxed frame against what `cv2.resize` answered (scripts/make-resize-cases).

use std::{fs, io::Cursor};

use frame::{Frame, InputSize, NetworkInput, PixelFormat, Preprocessor, Size};
use npyz::NpyFile;

/// Width, height; what they ask of the resampling is in the names.
const CASES: [(&str, u32, u32); 13] = [
    ("a single column", 1, 300),
    ("a handful of pixels", 3, 5),
    ("scaled up, portrait", 33, 47),
    ("scaled up, square", 100, 100),
    ("scaled up, 2:1", 320, 240),
    ("hardly scaled", 641, 479),
    ("scaled down, odd gains", 1000, 700),
    ("720p, 1:2", 1280, 720),
    ("IMX296, the tables' f32 matters", 1456, 1088),
    ("IMX219 binned, odd padding", 1640, 1232),
    ("1080p, 1:3", 1920, 1080),
    ("720p portrait", 720, 1280),
    ("the widest frame there is", 65535, 2),
];

/// The picture that the script resizes.
fn noise(size: Size) -> Frame {
    let data = (0..size.pixels() as u32 * 3)
        .map(|i| {
            let x = i.wrapping_mul(0x9E37_79B1);
            ((x ^ (x >> 15)).wrapping_mul(0x85EB_CA77) >> 24) as u8
        })
        .collect();
    Frame {
        size,
        stride: PixelFormat::Rgb8.min_stride(size.width),
        data,
        ..Frame::empty()
    }
}

#[test]
fn equals_cv2() {
    let mut preprocessor = Preprocessor::new();
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    for (name, width, height) in CASES {
        let path = format!(
            "{}/tests/data/{width}x{height}.npy",
            env!("CARGO_MANIFEST_DIR")
        );
        let npy = NpyFile::new(Cursor::new(fs::read(&path).unwrap())).unwrap();
        assert_eq!(npy.shape()[0], 4, "{path}");
        let expected: Vec<u8> = npy.into_vec().unwrap();

        let letterbox = preprocessor
            .letterbox(&noise(Size::new(width, height)), &mut input)
            .unwrap();
        let (left, top) = (letterbox.left as usize * 3, letterbox.top as usize);
        let (columns, rows) = (
            letterbox.resized.width as usize * 3,
            letterbox.resized.height as usize,
        );
        assert_eq!(expected.len(), 4 * columns, "{name}: the resized width");
        for (i, expected) in expected.chunks_exact(columns).enumerate() {
            let y = (rows - 1) * i / 3;
            let start = (top + y) * input.size().row_bytes() + left;
            let found = &input.bytes()[start..start + columns];
            let largest = found
                .iter()
                .zip(expected)
                .map(|(a, b)| a.abs_diff(*b))
                .max();
            assert_eq!(largest, Some(0), "{name}, {width}x{height}, row {y}");
        }
    }
}
