//! Letters that are read as easily on a large frame as on a small one.
//!
//! Fonts end at 20 rows, which is a speck on a large photo, so that letters are magnified there.

use std::convert::Infallible;

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{self, OriginDimensions, Point},
    mono_font::{MonoFont, MonoTextStyle},
    pixelcolor::Rgb888,
    prelude::Drawable,
    text::{Baseline, Text},
};
use frame::Size;

use super::canvas::{Canvas, rectangle};

/// A font, magnified.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letters {
    pub(super) font: &'static MonoFont<'static>,
    /// Frame pixels to a side of a letter's pixel.
    pub(super) factor: u32,
}

/// How much letters are magnified in a frame: not in 1080p, twice in 4K, six times in 48 megapixels.
pub(super) fn factor(frame: Size) -> u32 {
    (frame.width.min(frame.height) / 1000).max(1)
}

impl Letters {
    /// Columns and rows of a text with a margin of so many letter pixels all round.
    pub(super) fn size(self, text: &str, margin: u32) -> geometry::Size {
        let glyph = self.font.character_size;
        let letters = text.chars().count() as u32;
        let width = letters * (glyph.width + self.font.character_spacing);
        geometry::Size::new(
            (width + 2 * margin) * self.factor,
            (glyph.height + 2 * margin) * self.factor,
        )
    }

    /// Writes a text whose margin begins at `origin`.
    pub(super) fn write(
        self,
        canvas: &mut Canvas<'_>,
        text: &str,
        origin: Point,
        margin: u32,
        ink: Rgb888,
    ) {
        let mut magnified = Magnified {
            canvas,
            origin,
            factor: self.factor,
        };
        let style = MonoTextStyle::new(self.font, ink);
        let origin = Point::new(margin as i32, margin as i32);
        let Ok(_) = Text::with_baseline(text, origin, style, Baseline::Top).draw(&mut magnified);
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
