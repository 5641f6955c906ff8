//! A packed RGB frame to draw on. Whatever lies outside of it is left out.

use std::convert::Infallible;

use embedded_graphics::{
    Pixel,
    draw_target::DrawTarget,
    geometry::{self, OriginDimensions, Point},
    pixelcolor::{Rgb888, RgbColor},
    primitives::Rectangle,
};
use fastsam::Run;
use frame::Size;

use crate::{BufferError, buffer};

/// A rectangle by its top left corner.
pub(super) fn rectangle(x: i32, y: i32, width: u32, height: u32) -> Rectangle {
    Rectangle::new(Point::new(x, y), geometry::Size::new(width, height))
}

/// The frame's pixels. Invariant: there are `size.pixels()`.
pub(super) struct Canvas<'a> {
    pixels: &'a mut [[u8; 3]],
    size: Size,
}

impl<'a> Canvas<'a> {
    /// A canvas over a buffer of three bytes per pixel.
    pub(super) fn new(rgb: &'a mut [u8], size: Size) -> Result<Self, BufferError> {
        buffer::check(rgb, size)?;
        Ok(Self {
            pixels: rgb.as_chunks_mut().0,
            size,
        })
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> Size {
        self.size
    }

    /// Colours a pixel.
    pub(super) fn set(&mut self, x: u32, y: u32, colour: Rgb888) {
        if x < self.size.width && y < self.size.height {
            self.row(y)[x as usize] = bytes(colour);
        }
    }

    /// Mixes a colour into a run, `alpha` 256ths of it.
    pub(super) fn tint(&mut self, run: Run, colour: Rgb888, alpha: u16) {
        let end = u32::from(run.end).min(self.size.width) as usize;
        let start = usize::from(run.start).min(end);
        if u32::from(run.y) >= self.size.height {
            return;
        }
        let colour = bytes(colour);
        for pixel in &mut self.row(u32::from(run.y))[start..end] {
            for (level, colour) in pixel.iter_mut().zip(colour) {
                let mixed = u16::from(*level) * (256 - alpha) + u16::from(colour) * alpha;
                *level = (mixed >> 8) as u8;
            }
        }
    }

    /// Draws a rectangle's border, one pixel wide, inside of it.
    pub(super) fn frame(&mut self, area: Rectangle, colour: Rgb888) {
        let Some(last) = area.bottom_right() else {
            return;
        };
        let (Point { x, y }, geometry::Size { width, height }) = (area.top_left, area.size);
        for side in [
            rectangle(x, y, width, 1),
            rectangle(x, last.y, width, 1),
            rectangle(x, y, 1, height),
            rectangle(last.x, y, 1, height),
        ] {
            self.fill(side, colour);
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, area: Rectangle, colour: Rgb888) {
        let Ok(()) = self.fill_solid(&area, colour);
    }

    /// A row inside the canvas.
    fn row(&mut self, y: u32) -> &mut [[u8; 3]] {
        let width = self.size.width as usize;
        &mut self.pixels[y as usize * width..][..width]
    }
}

fn bytes(colour: Rgb888) -> [u8; 3] {
    [colour.r(), colour.g(), colour.b()]
}

impl OriginDimensions for Canvas<'_> {
    fn size(&self) -> geometry::Size {
        geometry::Size::new(self.size.width, self.size.height)
    }
}

impl DrawTarget for Canvas<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        for Pixel(point, colour) in pixels {
            if let (Ok(x), Ok(y)) = (point.x.try_into(), point.y.try_into()) {
                self.set(x, y, colour);
            }
        }
        Ok(())
    }

    fn fill_solid(&mut self, area: &Rectangle, colour: Rgb888) -> Result<(), Infallible> {
        let canvas = rectangle(0, 0, self.size.width, self.size.height);
        let area = area.intersection(&canvas);
        let columns = area.columns();
        for y in area.rows() {
            let (start, end) = (columns.start as usize, columns.end as usize);
            self.row(y as u32)[start..end].fill(bytes(colour));
        }
        Ok(())
    }
}
