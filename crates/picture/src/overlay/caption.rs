//! A word about the whole picture, in its lower right corner.
//!
//! White on a black plate with a white border: one of the two stands out from any picture. Fonts
//! end at 20 rows, which is a speck on a large photo, so that letters are magnified there.

use std::convert::Infallible;

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{self, OriginDimensions, Point},
    mono_font::{
        MonoFont, MonoTextStyle,
        ascii::{FONT_4X6, FONT_6X10, FONT_8X13_BOLD, FONT_10X20},
    },
    pixelcolor::{Rgb888, RgbColor},
    prelude::Drawable,
    primitives::Rectangle,
    text::{Baseline, Text},
};
use frame::Size;

use super::canvas::{Canvas, rectangle};

/// Letter pixels between the plate's border and the letters, and the border itself.
const MARGIN: u32 = 2;

/// A caption with its place.
#[derive(Debug)]
pub(super) struct Caption<'a> {
    text: &'a str,
    font: &'static MonoFont<'static>,
    /// Frame pixels to a side of a letter's pixel.
    factor: u32,
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
        let factor = (side / 1000).max(1);
        fonts.iter().find_map(|font| {
            let letters = text.chars().count() as u32;
            let width = letters * (font.character_size.width + font.character_spacing);
            let width = (width + 2 * MARGIN) * factor;
            let height = (font.character_size.height + 2 * MARGIN) * factor;
            let x = frame.width.checked_sub(width)?;
            let y = frame.height.checked_sub(height)?;
            let plate = rectangle(x as i32, y as i32, width, height);
            Some(Self {
                text,
                font,
                factor,
                plate,
            })
        })
    }

    /// Draws plate and letters.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        canvas.fill(self.plate, Rgb888::WHITE);
        let border = self.factor as i32;
        let corner = self.plate.top_left + Point::new(border, border);
        let inner = self.plate.size - geometry::Size::new(2 * self.factor, 2 * self.factor);
        canvas.fill(Rectangle::new(corner, inner), Rgb888::BLACK);
        let mut letters = Magnified {
            canvas,
            origin: self.plate.top_left,
            factor: self.factor,
        };
        let style = MonoTextStyle::new(self.font, Rgb888::WHITE);
        let origin = Point::new(MARGIN as i32, MARGIN as i32);
        let text = Text::with_baseline(self.text, origin, style, Baseline::Top);
        let Ok(_) = text.draw(&mut letters);
    }
}

/// Draws squares of `factor` canvas pixels instead of pixels, from `origin` on.
struct Magnified<'c, 'a> {
    canvas: &'c mut Canvas<'a>,
    origin: Point,
    factor: u32,
}

impl OriginDimensions for Magnified<'_, '_> {
    fn size(&self) -> geometry::Size {
        OriginDimensions::size(self.canvas) / self.factor
    }
}

impl DrawTarget for Magnified<'_, '_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(point, colour) in pixels {
            let corner = self.origin + point * self.factor as i32;
            let square = rectangle(corner.x, corner.y, self.factor, self.factor);
            self.canvas.fill(square, colour);
        }
        Ok(())
    }
}
