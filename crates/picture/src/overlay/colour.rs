//! One colour per segment number, far from those of the numbers around it.
//!
//! Hues advance by the golden ratio, which spreads any run of numbers evenly (Fibonacci hashing).
//! Numbers 8, 13 or 21 apart come back to nearly the same hue: saturation and value change every
//! eight numbers, so that these differ as well.

use embedded_graphics::pixelcolor::{Rgb888, RgbColor};

/// Saturation and value, in turn; none so pale or so dark that a line is lost on white or black.
const TONES: [(f32, f32); 4] = [(0.85, 1.0), (0.55, 0.90), (0.85, 0.65), (0.65, 0.75)];

/// The colour of the segment with this number.
pub(super) fn of_segment(number: u64) -> Rgb888 {
    // In 2^-32ths of a turn; wrapping around is what an angle does.
    const GOLDEN: u32 = 0x9E37_79B9;
    let turn = (number as u32).wrapping_mul(GOLDEN);
    let hue = (turn >> 8) as f32 / (1 << 24) as f32;
    let (saturation, value) = TONES[(number / 8 % TONES.len() as u64) as usize];
    from_hsv(hue, saturation, value)
}

/// Black or white, whichever is read more easily on `plate`.
pub(super) fn ink_on(plate: Rgb888) -> Rgb888 {
    let [r, g, b] = [plate.r(), plate.g(), plate.b()].map(u32::from);
    // Luma of BT.601, in thousandths.
    if 299 * r + 587 * g + 114 * b > 128_000 {
        Rgb888::BLACK
    } else {
        Rgb888::WHITE
    }
}

/// Hue, saturation and value, each 0 to 1, to red, green and blue.
fn from_hsv(hue: f32, saturation: f32, value: f32) -> Rgb888 {
    let channel = |offset: f32| {
        let k = (offset + hue * 6.0) % 6.0;
        let level = value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0);
        (level * 255.0).round() as u8
    };
    Rgb888::new(channel(5.0), channel(3.0), channel(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(colour: Rgb888) -> [i32; 3] {
        [colour.r(), colour.g(), colour.b()].map(i32::from)
    }

    #[test]
    fn hsv_corners() {
        let cases = [
            ("red", 0.0, 1.0, [255, 0, 0]),
            ("green", 1.0 / 3.0, 1.0, [0, 255, 0]),
            ("blue", 2.0 / 3.0, 1.0, [0, 0, 255]),
            ("white", 0.3, 0.0, [255, 255, 255]),
        ];
        for (name, hue, saturation, expected) in cases {
            assert_eq!(channels(from_hsv(hue, saturation, 1.0)), expected, "{name}");
        }
    }

    #[test]
    fn near_numbers_look_different() {
        for a in 0..300 {
            for b in a + 1..a + 22 {
                let (x, y) = (channels(of_segment(a)), channels(of_segment(b)));
                let distance: i32 = x.iter().zip(y).map(|(x, y)| (x - y).abs()).sum();
                assert!(distance >= 48, "{a} and {b}: {x:?}, {y:?}");
            }
        }
    }

    #[test]
    fn ink_contrasts() {
        for number in 0..100 {
            let plate = of_segment(number);
            let luma = |colour| {
                let [r, g, b] = channels(colour);
                (299 * r + 587 * g + 114 * b) / 1000
            };
            let contrast = (luma(plate) - luma(ink_on(plate))).abs();
            assert!(contrast >= 120, "{number}: {contrast}");
        }
    }
}
