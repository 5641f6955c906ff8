use fastsam::{Mask, MaskSize};
use frame::{InputSize, Letterbox, Size};
use proptest::prelude::*;

use super::*;

fn canvas(frame: Size, mask_size: MaskSize) -> Canvas {
    Canvas {
        letterbox: Letterbox::fit(frame, InputSize::DEFAULT),
        mask_size,
    }
}

/// An input in which red grows to the right and green downwards, by 1 each 4 pixels.
fn gradient() -> NetworkInput {
    gradient_of(InputSize::DEFAULT)
}

fn gradient_of(size: InputSize) -> NetworkInput {
    let columns = size.width() as usize;
    let mut input = NetworkInput::new(size);
    let pixels = input.bytes_mut().as_chunks_mut::<3>().0;
    for (place, pixel) in pixels.iter_mut().enumerate() {
        *pixel = [
            (place % columns / 4) as u8,
            (place / columns / 4) as u8,
            200,
        ];
    }
    input
}

fn filled(size: Size, [left, top, right, bottom]: [u16; 4]) -> Mask {
    let runs = (top..bottom).map(|y| Run {
        y,
        start: left,
        end: right,
    });
    Mask::from_runs(size, runs.collect()).unwrap()
}

fn crop(input: &NetworkInput, canvas: Canvas, mask: &Mask, margin: f32) -> Vec<[u8; 3]> {
    let mut crop = Vec::new();
    let picture = Picture { input, canvas };
    Cropper::default().crop(picture, mask, margin, 32, &mut crop);
    crop.as_chunks::<3>().0.to_vec()
}

#[test]
fn a_mask_fills_its_square_and_shows_the_pixels_under_it() {
    let input = gradient();
    // 1280 x 720 lies in rows 140 to 500 of the input, at half the size.
    let frame = Size::new(1280, 720);
    let mask = filled(frame, [400, 200, 528, 328]);
    let crop = crop(&input, canvas(frame, MaskSize::Frame), &mask, 0.0);
    assert!(crop.iter().all(|pixel| pixel[2] == 200));
    // Its middle is at (464, 264) of the frame: (232, 272) of the input.
    let [red, green, _] = crop[16 * 32 + 16];
    assert!(
        red.abs_diff(58) <= 1 && green.abs_diff(68) <= 1,
        "{red} {green}"
    );
    assert!(crop[0][0] < crop[31][0] && crop[0][1] < crop[31 * 32][1]);
}

/// In an input of 640 x 384 the same frame lies in rows 12 to 372.
#[test]
fn a_crop_is_of_the_same_pixels_in_an_input_of_another_size() {
    let input = gradient_of(InputSize::new(640, 384).unwrap());
    let frame = Size::new(1280, 720);
    let canvas = Canvas {
        letterbox: Letterbox::fit(frame, input.size()),
        mask_size: MaskSize::Frame,
    };
    // Its middle is at (1152, 656) of the frame: (576, 340) of the input.
    let mask = filled(frame, [1088, 592, 1216, 720]);
    let [red, green, _] = crop(&input, canvas, &mask, 0.0)[16 * 32 + 16];
    assert!(
        red.abs_diff(144) <= 1 && green.abs_diff(85) <= 1,
        "{red} {green}"
    );
    let size = input.size().size();
    let canvas = Canvas {
        mask_size: MaskSize::Network,
        ..canvas
    };
    let corner = filled(size, [576, 320, 640, 384]);
    let lit = crop(&input, canvas, &corner, 0.0);
    assert_eq!(lit[31 * 32 + 31], [159, 95, 200]);
}

#[test]
fn what_is_outside_the_mask_is_black() {
    let input = gradient();
    let size = Size::new(640, 640);
    let canvas = canvas(Size::new(640, 480), MaskSize::Network);
    // Twice as wide as high: a quarter above and below is black.
    let wide = filled(size, [100, 100, 228, 164]);
    let wide = crop(&input, canvas, &wide, 0.0);
    for (row, pixels) in wide.chunks_exact(32).enumerate() {
        let inside = (8..24).contains(&row);
        assert!(
            pixels.iter().all(|pixel| (pixel[2] == 200) == inside),
            "row {row}"
        );
    }
    // With a margin of half its side the mask has a quarter of the crop.
    let square = filled(size, [100, 100, 164, 164]);
    let lit = crop(&input, canvas, &square, 0.5);
    assert_eq!(lit.iter().filter(|pixel| pixel[2] == 200).count(), 16 * 16);
}

#[test]
fn an_empty_mask_makes_a_black_crop() {
    let size = Size::new(640, 640);
    let mask = Mask::from_runs(size, Vec::new()).unwrap();
    let canvas = canvas(Size::new(640, 480), MaskSize::Network);
    let crop = crop(&gradient(), canvas, &mask, 0.1);
    assert!(crop.iter().all(|pixel| *pixel == [0; 3]));
}

proptest! {
    /// A pixel of the crop is lit where the mask has the pixel under its middle.
    #[test]
    fn crops_show_what_the_mask_has(
        bits in prop::collection::vec(any::<bool>(), 24 * 16),
        margin in 0.0_f32..1.0,
    ) {
        let size = Size::new(24, 16);
        let bitmap: Vec<u8> = bits.iter().map(|bit| u8::from(*bit)).collect();
        let mask = Mask::from_bitmap(size, &bitmap).unwrap();
        let mut input = NetworkInput::new(InputSize::DEFAULT);
        input.bytes_mut().fill(255);
        let crop = crop(&input, canvas(size, MaskSize::Frame), &mask, margin);
        let square = Square::around(&mask, margin, 32);
        for (place, pixel) in crop.iter().enumerate() {
            let x = square.left + (place % 32) as f32 * square.step + square.step / 2.0;
            let y = square.top + (place / 32) as f32 * square.step + square.step / 2.0;
            // Middles on a border may fall to either side.
            if (x - x.round()).abs() < 1e-3 || (y - y.round()).abs() < 1e-3 {
                continue;
            }
            let has = x > 0.0 && y > 0.0 && mask.contains(x as u32, y as u32);
            prop_assert_eq!(*pixel != [0; 3], has, "{} {}", x, y);
        }
    }
}
