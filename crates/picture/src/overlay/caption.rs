//! A word about the whole picture, in its lower right corner.
//!
//! White on a black plate with a white border: one of the two stands out from any picture.

use embedded_graphics::{
    geometry::{self, Point},
    mono_font::{
        MonoFont,
        ascii::{FONT_4X6, FONT_6X10, FONT_8X13_BOLD, FONT_10X20},
    },
    pixelcolor::{Rgb888, RgbColor},
    primitives::Rectangle,
};
use frame::Size;

use super::{
    canvas::{Canvas, rectangle},
    letters::{self, Letters},
};

/// Letter pixels between the plate's border and the letters, and the border itself.
const MARGIN: u32 = 2;

/// A caption with its place.
#[derive(Debug)]
pub(super) struct Caption<'a> {
    text: &'a str,
    letters: Letters,
    plate: Rectangle,
}

impl<'a> Caption<'a> {
    /// Finds the largest letters that suit the frame and fit into it.
    pub(super) fn fit(text: &'a str, frame: Size) -> Option<Self> {
        let side = frame.width.min(frame.height);
        let fonts: &[&'static MonoFont<'static>] = match side {
            0..120 => &[&FONT_4X6],
            120..480 => &[&FONT_6X10, &FONT_4X6],
            480..1000 => &[&FONT_8X13_BOLD, &FONT_6X10, &FONT_4X6],
            _ => &[&FONT_10X20],
        };
        fonts.iter().find_map(|font| {
            let letters = Letters {
                font,
                factor: letters::factor(frame),
            };
            let size = letters.size(text, MARGIN);
            let x = frame.width.checked_sub(size.width)?;
            let y = frame.height.checked_sub(size.height)?;
            let plate = rectangle(x as i32, y as i32, size.width, size.height);
            Some(Self {
                text,
                letters,
                plate,
            })
        })
    }

    /// Draws plate and letters.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        canvas.fill(self.plate, Rgb888::WHITE);
        let border = self.letters.factor;
        let corner = self.plate.top_left + Point::new(border as i32, border as i32);
        let inner = self.plate.size - geometry::Size::new(2 * border, 2 * border);
        canvas.fill(Rectangle::new(corner, inner), Rgb888::BLACK);
        let origin = self.plate.top_left;
        self.letters
            .write(canvas, self.text, origin, MARGIN, Rgb888::WHITE);
    }
}
