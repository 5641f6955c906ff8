//! The built-in network: a demonstration that is part of the program, so that pictures show things
//! where there is no chip and no file.
//!
//! `scripts/network` makes it, and its `MODEL_CARD.md` says what it was trained on and what it can't
//! do. Its axes are free: the size of its input is chosen by who opens it.

use frame::{InputSize, Size};

/// The ONNX file.
pub(super) const FILE: &[u8] = include_bytes!("../../network/built_in.onnx");

/// What it is called where files have their names.
pub const NAME: &str = "built-in";

/// What is said wherever it answers, so that nobody takes it for FastSAM.
pub const NOTICE: &str = "the built-in network: a demonstration, not FastSAM";

/// Its input where nothing else is asked for: a side that an old processor does in a tenth of a second.
const INPUT: u32 = 320;

/// The longest sides for pictures that stand still. The larger input finds small things and breaks large ones into
/// parts; the smaller one sees these whole, for a quarter of the time.
const LONGEST: [u32; 2] = [320, 160];

/// The shortest side: below, the coarsest cells of its pyramid see nothing but padding.
const SHORTEST: u32 = 96;

/// Sides are multiples of the largest stride.
const STEP: u32 = 32;

/// The size of its input for frames of any size.
pub(super) fn usual_input() -> InputSize {
    input(INPUT, INPUT)
}

/// The inputs at which a picture is looked at, the larger first. A panorama's are as flat as the panorama is.
pub fn inputs_for_picture(picture: Size) -> [InputSize; 2] {
    LONGEST.map(|longest| input_of(picture, longest))
}

/// The input for a camera's frames of this size: as wide or as high as usual, and no more than is
/// needed the other way.
pub fn input_for_frames(frame: Size) -> InputSize {
    input_of(frame, INPUT)
}

fn input_of(picture: Size, longest: u32) -> InputSize {
    let largest = picture.width.max(picture.height).max(1);
    let side = |side: u32| {
        let scaled = (u64::from(side) * u64::from(longest)).div_ceil(u64::from(largest));
        u32::try_from(scaled)
            .unwrap_or(longest)
            .next_multiple_of(STEP)
            .max(SHORTEST)
    };
    input(side(picture.width), side(picture.height))
}

fn input(width: u32, height: u32) -> InputSize {
    InputSize::new(width, height).unwrap_or(InputSize::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_as_flat_as_pictures() {
        for ((width, height), expected) in [
            ((1280, 720), [(320, 192), (160, 96)]),
            ((720, 1280), [(192, 320), (96, 160)]),
            ((4000, 3000), [(320, 256), (160, 128)]),
            ((320, 320), [(320, 320), (160, 160)]),
            ((8000, 100), [(320, 96), (160, 96)]),
            ((1, 1), [(320, 320), (160, 160)]),
        ] {
            let inputs = inputs_for_picture(Size { width, height });
            let sides = inputs.map(|input| (input.width(), input.height()));
            assert_eq!(sides, expected, "{width}x{height}");
        }
        let input = input_for_frames(Size {
            width: 1280,
            height: 720,
        });
        assert_eq!((input.width(), input.height()), (320, 192));
    }
}
