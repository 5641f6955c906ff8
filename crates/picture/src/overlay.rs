//! Pictures for people: segments drawn over the frame that they were found in.
//!
//! `frame runs -> fill -> outline -> box`, the largest segment first, so that small ones lie on
//! top; then all labels, so that none is painted over, and the caption. A segment's number is what `masks` has as
//! its `id`, and its colour depends on that number alone: pictures of one frame, or of a film whose
//! numbers last, agree. Masks may be of the frame's size or of the network input's, whose
//! letterbox is undone here.

mod canvas;
mod caption;
mod colour;

use std::cmp::Reverse;

use embedded_graphics::{
    mono_font::{
        MonoFont, MonoTextStyle,
        iso_8859_1::{FONT_6X10, FONT_8X13_BOLD, FONT_10X20},
    },
    prelude::{Drawable, Point},
    primitives::Rectangle,
    text::{Baseline, Text},
};
use fastsam::{Mask, Run, Segment};
use frame::{FramePoint, InputSize, Letterbox, Size};
use tensors::Classes;

use self::{
    canvas::{Canvas, rectangle},
    caption::Caption,
    colour::{ink_on, of_segment},
};
use crate::BufferError;

/// How much of a segment's colour covers the picture, in 256ths: shapes stand out, and what is
/// below stays recognisable.
const FILL_ALPHA: u16 = 112;

/// Draws segments onto a packed RGB frame: translucent mask, outline, the mask's box, and a label
/// with number, which stands beside the segment, class where the network tells several apart, and
/// score. `caption` is written into the lower
/// right corner on top of everything else; it is left out where the frame has no room for it.
///
/// # Errors
/// Where `rgb` is not three bytes per pixel of `size`; it is left as it was.
pub fn draw<'a>(
    rgb: &mut [u8],
    size: Size,
    segments: impl IntoIterator<Item = (u64, &'a Segment)>,
    classes: &Classes,
    caption: Option<&str>,
) -> Result<(), BufferError> {
    let mut canvas = Canvas::new(rgb, size)?;
    let mut shapes: Vec<Shape> = segments
        .into_iter()
        .map(|(number, segment)| Shape::new(number, segment, classes, size))
        .filter(|shape| !shape.runs.is_empty())
        .collect();
    shapes.sort_by_key(|shape| Reverse(shape.area()));

    let line = line_width(size);
    for shape in &shapes {
        let colour = of_segment(shape.number);
        for &run in &shape.runs {
            canvas.tint(run, colour, FILL_ALPHA);
        }
        shape.outline(line, |x, y| canvas.set(x, y, colour));
        canvas.frame(shape.bounds(), colour);
    }
    let mut taken = Vec::with_capacity(shapes.len());
    for shape in &shapes {
        label(&mut canvas, shape, &mut taken);
    }
    if let Some(caption) = caption.and_then(|text| Caption::fit(text, size)) {
        caption.draw(&mut canvas);
    }
    Ok(())
}

/// Pixels across an outline: 1 for VGA and below, 2 for 720p, 3 for 1080p.
fn line_width(size: Size) -> u32 {
    (size.width.min(size.height) / 360).max(1)
}

/// A font for labels that is read as easily on a large frame as on a small one.
/// It has the letters of western Europe; others in the name of a class become question marks.
fn font(size: Size) -> &'static MonoFont<'static> {
    match size.width.min(size.height) {
        0..480 => &FONT_6X10,
        480..1000 => &FONT_8X13_BOLD,
        _ => &FONT_10X20,
    }
}

/// A segment in frame pixels.
struct Shape {
    number: u64,
    label: String,
    /// Sorted and inside the frame, as in a [`Mask`].
    runs: Vec<Run>,
}

impl Shape {
    fn new(number: u64, segment: &Segment, classes: &Classes, frame: Size) -> Self {
        let runs = if segment.mask.size() == frame {
            segment.mask.runs().to_vec()
        } else {
            runs_in_frame(&segment.mask, frame)
        };
        Self {
            number,
            label: label_of(number, segment, classes),
            runs,
        }
    }

    fn area(&self) -> u32 {
        self.runs.iter().map(|run| run.length()).sum()
    }

    /// The box around all runs.
    fn bounds(&self) -> Rectangle {
        let (mut left, mut right) = (u16::MAX, 0);
        for run in &self.runs {
            left = left.min(run.start);
            right = right.max(run.end);
        }
        let (top, bottom) = match (self.runs.first(), self.runs.last()) {
            (Some(first), Some(last)) => (i32::from(first.y), i32::from(last.y) + 1),
            _ => return Rectangle::zero(),
        };
        rectangle(
            i32::from(left),
            top,
            u32::from(right - left),
            (bottom - top) as u32,
        )
    }

    /// The foreground pixels with background less than `width` rows or columns away; beyond the
    /// frame is background.
    fn outline(&self, width: u32, mut paint: impl FnMut(u32, u32)) {
        let bounds = self.bounds();
        let (left, top) = (bounds.top_left.x as u32, bounds.top_left.y as u32);
        // The shape with a margin of background on each side.
        let columns = (bounds.size.width + 2 * width) as usize;
        let rows = (bounds.size.height + 2 * width) as usize;
        let margin = width as usize;
        let mut inside = vec![false; columns * rows];
        for run in &self.runs {
            let row = (u32::from(run.y) - top) as usize + margin;
            let start = row * columns + (u32::from(run.start) - left) as usize + margin;
            inside[start..start + run.length() as usize].fill(true);
        }
        for run in &self.runs {
            let row = (u32::from(run.y) - top) as usize + margin;
            for x in u32::from(run.start)..u32::from(run.end) {
                let at = row * columns + (x - left) as usize + margin;
                let edge = (1..=margin).any(|step| {
                    !(inside[at - step]
                        && inside[at + step]
                        && inside[at - step * columns]
                        && inside[at + step * columns])
                });
                if edge {
                    paint(x, u32::from(run.y));
                }
            }
        }
    }
}

/// The runs of a mask over the network input, as they lie in the frame: a frame pixel belongs to
/// the mask when the input pixel under its centre does. None where the mask's size is no input's.
fn runs_in_frame(mask: &Mask, frame: Size) -> Vec<Run> {
    let Ok(input) = InputSize::new(mask.size().width, mask.size().height) else {
        return Vec::new();
    };
    let letterbox = Letterbox::fit(frame, input);
    let (gain_x, _) = letterbox.gains();
    // The first column whose centre is at or behind a column of the input.
    let column = |input: u16| {
        let edge = (f32::from(input) - letterbox.left as f32) / gain_x;
        (edge - 0.5).ceil().clamp(0.0, frame.width as f32) as u16
    };
    let mut runs: Vec<Run> = Vec::new();
    for y in 0..frame.height.min(u32::from(u16::MAX)) as u16 {
        let centre = FramePoint {
            x: 0.5,
            y: f32::from(y) + 0.5,
        };
        let row = letterbox.to_input(centre).y as u32;
        let first = mask.runs().partition_point(|run| u32::from(run.y) < row);
        let in_row = mask.runs()[first..]
            .iter()
            .take_while(|run| u32::from(run.y) == row);
        for run in in_row {
            let (start, end) = (column(run.start), column(run.end));
            if start >= end {
                continue;
            }
            // A gap of less than a pixel closes.
            match runs.last_mut() {
                Some(last) if last.y == y && last.end >= start => last.end = end,
                _ => runs.push(Run { y, start, end }),
            }
        }
    }
    runs
}

/// What is written at a segment: `3 0.87`, or `3 cup 0.87`.
fn label_of(number: u64, segment: &Segment, classes: &Classes) -> String {
    let score = segment.score;
    let class = usize::from(segment.class);
    match classes.name(class) {
        _ if !classes.are_told_apart() => format!("{number} {score:.2}"),
        Some(name) => format!("{number} {name} {score:.2}"),
        None => format!("{number} class {class} {score:.2}"),
    }
}

/// Writes a segment's label on a plate at its box: above it, or inside or below where
/// there is no room or another label; always inside the frame.
fn label(canvas: &mut Canvas<'_>, shape: &Shape, taken: &mut Vec<Rectangle>) {
    const PADDING: u32 = 2;
    let text = &shape.label;
    let frame = canvas.size();
    let font = font(frame);
    let glyphs = text.chars().count() as u32;
    let width = glyphs * (font.character_size.width + font.character_spacing) + 2 * PADDING;
    let height = font.character_size.height + PADDING;

    let bounds = shape.bounds();
    let place = |y: i32| {
        let right = frame.width.saturating_sub(width) as i32;
        let bottom = frame.height.saturating_sub(height) as i32;
        let (x, y) = (bounds.top_left.x.min(right), y.clamp(0, bottom));
        rectangle(x, y, width, height)
    };
    let (top, bottom) = (
        bounds.top_left.y,
        bounds.top_left.y + bounds.size.height as i32,
    );
    let places = [top - height as i32, top, bottom - height as i32, bottom].map(place);
    let free = |place: &&Rectangle| {
        let hit = |other: &Rectangle| {
            let common = place.intersection(other).size;
            common.width > 0 && common.height > 0
        };
        !taken.iter().any(hit)
    };
    let plate = *places.iter().find(free).unwrap_or(&places[0]);
    taken.push(plate);

    let colour = of_segment(shape.number);
    canvas.fill(plate, colour);
    let style = MonoTextStyle::new(font, ink_on(colour));
    let origin = plate.top_left + Point::new(PADDING as i32, PADDING as i32 / 2);
    let Ok(_) = Text::with_baseline(text, origin, style, Baseline::Top).draw(canvas);
}

#[cfg(test)]
mod tests;
