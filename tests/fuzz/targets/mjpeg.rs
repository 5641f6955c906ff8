//! What cameras send as Motion JPEG: a frame that keeps what frames promise, whole and at scale
//! alike, or an error in one line; in no more memory than the largest picture takes.

#![no_main]

use camera::mjpeg::Decoder;
use frame::{Frame, InputSize, Size};
use libfuzzer_sys::fuzz_target;

/// Large enough for a half and a quarter.
const MOST: Size = Size::new(2560, 512);

fuzz_target!(|bytes: &[u8]| {
    let outcomes = [false, true].map(|full_size| {
        let mut frame = Frame::empty();
        let input = (!full_size).then_some(InputSize::DEFAULT);
        let outcome = Decoder::new(MOST, input).decode(bytes, &mut frame);
        // Three planes of whole units, which may reach over the picture's edge.
        assert!(frame.data.capacity() <= 3 * (MOST.width as usize + 16) * MOST.height as usize);
        match outcome {
            Ok(()) => {
                frame.validate().expect("a valid frame");
                Some(frame)
            }
            Err(error) => {
                assert!(error.is_transient());
                let line = error.to_string();
                assert!(!line.contains(['\n', '\r']), "{line}");
                None
            }
        }
    });
    // What is wrong with a picture does not depend on how it is decoded.
    match outcomes {
        [Some(scaled), Some(whole)] => {
            assert_eq!(scaled.full_size(), whole.size);
            assert_eq!(scaled.pixel_format, whole.pixel_format);
            assert_eq!(whole.scaled_from, None);
        }
        [None, None] => {}
        [scaled, whole] => panic!("one is a frame only: {scaled:?}, {whole:?}"),
    }
});
