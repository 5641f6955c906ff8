//! Preprocessing allocates nothing once it has seen a frame of the same size and format.

use frame::{Frame, InputSize, NetworkInput, PixelFormat, Preprocessor, Size};

#[test]
fn steady_state_allocates_nothing() {
    let mut input = NetworkInput::new(InputSize::DEFAULT);
    let mut rgb = Vec::new();
    for pixel_format in [
        PixelFormat::Rgb8,
        PixelFormat::Bgr8,
        PixelFormat::Grey8,
        PixelFormat::Yuyv,
        PixelFormat::Nv12,
        PixelFormat::I420,
    ] {
        let size = Size::new(1001, 701);
        let stride = pixel_format.min_stride(size.width);
        let frame = Frame {
            size,
            stride,
            pixel_format,
            data: vec![90; pixel_format.min_bytes(size, stride)],
            ..Frame::empty()
        };
        let mut preprocessor = Preprocessor::new();
        let mut work = || {
            preprocessor.letterbox(&frame, &mut input).unwrap();
            preprocessor.to_rgb(&frame, &mut rgb).unwrap();
        };
        let first = allocation_counter::measure(&mut work);
        assert!(
            first.count_total > 0,
            "{pixel_format:?}: nothing was counted"
        );
        let steady = allocation_counter::measure(&mut work);
        assert_eq!(steady.count_total, 0, "{pixel_format:?}");
    }
}
