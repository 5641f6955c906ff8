//! COCO run lengths: what is decoded is encoded to a text that means the same.

#![no_main]

use arbitrary::Arbitrary;
use fastsam::encode::rle::{Encoder, decode};
use frame::Size;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    width: u32,
    height: u32,
    /// Most sizes would be refused.
    small: bool,
    counts: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let mut size = Size::new(input.width, input.height);
    if input.small {
        size = Size::new(size.width % 256, size.height % 256);
    }
    let Ok(mask) = decode(size, input.counts) else {
        return;
    };
    assert_eq!(mask.size(), size);
    assert!(mask.area() as usize <= size.pixels());
    let mut counts = Vec::new();
    Encoder::new().encode(&mask, &mut counts);
    let counts = String::from_utf8(counts).expect("ASCII");
    assert_eq!(decode(size, &counts).as_ref(), Ok(&mask));
});
