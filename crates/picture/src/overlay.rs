//! Pictures for people: segments drawn over the frame that they were found in.
//!
//! `frame runs -> fill -> outline -> box`, the largest segment first, so that small ones lie on
//! top; then all labels, so that none is painted over, the places that a prompt names, and the caption. A segment's number is what `masks` has as
//! its `id`, and its colour depends on that number alone: pictures of one frame, or of a film whose
//! numbers last, agree. Masks may be of the frame's size or of the network input's, whose
//! letterbox is undone here.

mod canvas;
mod caption;
mod colour;
mod letters;

use std::cmp::Reverse;

use embedded_graphics::{
    mono_font::iso_8859_1::{FONT_6X10, FONT_8X13_BOLD, FONT_10X20},
    pixelcolor::{Rgb888, RgbColor},
    primitives::Rectangle,
};
use fastsam::{Mask, Run, Segment};
use frame::{FramePoint, InputSize, Letterbox, Size};
use tensors::Classes;

use self::{
    canvas::{Canvas, rectangle},
    caption::Caption,
    colour::{ink_on, of_segment},
    letters::Letters,
};
use crate::BufferError;

/// What is drawn beside the masks themselves, and how.
#[derive(Clone, Copy, Debug)]
pub struct Style<'a> {
    /// Whether each segment has a label: its number, its class where the network tells several apart, and its score.
    pub labels: bool,
    /// Whether each mask has its box.
    pub boxes: bool,
    /// How much of a segment's colour covers the picture, in 256ths.
    pub alpha: u16,
    /// Where somebody pointed.
    pub marks: &'a [Mark],
    /// Written into the lower right corner on top of everything else; left out where the frame has no room for it.
    pub caption: Option<&'a str>,
}

impl Default for Style<'_> {
    /// Labels, boxes, and shapes that stand out while what is below stays recognisable.
    fn default() -> Self {
        Self {
            labels: true,
            boxes: true,
            alpha: 112,
            marks: &[],
            caption: None,
        }
    }
}

/// A place that a prompt names, in the picture's pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// A point that is wanted, or is not.
    Point {
        /// Column and row.
        at: [f32; 2],
        /// Whether it is wanted.
        wanted: bool,
    },
    /// A box: left, top, right, bottom.
    Box([f32; 4]),
}

/// Draws segments onto a packed RGB frame: translucent mask and outline, and what the style has.
///
/// A label stands beside its segment, and is left out where it would lie on another one or hide a small segment.
///
/// # Errors
/// Where `rgb` is not three bytes per pixel of `size`; it is left as it was.
pub fn draw<'a>(
    rgb: &mut [u8],
    size: Size,
    segments: impl IntoIterator<Item = (u64, &'a Segment)>,
    classes: &Classes,
    style: &Style<'_>,
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
            canvas.tint(run, colour, style.alpha.min(256));
        }
        shape.outline(line, |x, y| canvas.set(x, y, colour));
        if style.boxes {
            canvas.frame(shape.bounds(), colour);
        }
    }
    if style.labels {
        let bounds: Vec<_> = shapes.iter().map(Shape::bounds).collect();
        let mut taken = Vec::with_capacity(shapes.len());
        for (place, shape) in shapes.iter().enumerate() {
            label(&mut canvas, shape, place, &bounds, &mut taken);
        }
    }
    for mark in style.marks {
        point_out(&mut canvas, mark);
    }
    if let Some(caption) = style.caption.and_then(|text| Caption::fit(text, size)) {
        caption.draw(&mut canvas);
    }
    Ok(())
}

/// Draws where somebody pointed: a disc, green for what is wanted and red for what is not, or a box, white and black.
fn point_out(canvas: &mut Canvas<'_>, mark: &Mark) {
    let frame = canvas.size();
    let radius = (frame.width.min(frame.height) / 90).max(3) as i32;
    match *mark {
        Mark::Point { at: [x, y], wanted } => {
            // What lies outside is not seen anyway.
            let [x, y] = [x, y].map(|at| at.clamp(-1e5, 1e5).floor() as i32);
            let colour = if wanted {
                Rgb888::new(0, 200, 0)
            } else {
                Rgb888::new(230, 0, 0)
            };
            for (radius, colour) in [(radius, Rgb888::WHITE), (radius * 3 / 4, colour)] {
                for dy in -radius..=radius {
                    let half = f64::from(radius * radius - dy * dy).sqrt() as i32;
                    let row = rectangle(x - half, y + dy, 2 * half as u32 + 1, 1);
                    canvas.fill(row, colour);
                }
            }
        }
        Mark::Box(corners) => {
            let [x1, y1, x2, y2] = corners.map(|at| at.round().clamp(-1e5, 1e5) as i32);
            let (left, top) = (x1.min(x2), y1.min(y2));
            let (width, height) = (x1.abs_diff(x2), y1.abs_diff(y2));
            let line = line_width(frame) as i32;
            for step in 0..2 * line {
                let colour = if step < line {
                    Rgb888::WHITE
                } else {
                    Rgb888::BLACK
                };
                let [width, height] =
                    [width, height].map(|side| (side as i32 + 2 * step).max(1) as u32);
                canvas.frame(rectangle(left - step, top - step, width, height), colour);
            }
        }
    }
}

/// Pixels across an outline: 1 for VGA and below, 2 for 720p, 3 for 1080p.
fn line_width(size: Size) -> u32 {
    (size.width.min(size.height) / 360).max(1)
}

/// Letters for labels.
/// They are those of western Europe; others in the name of a class become question marks.
fn letters(size: Size) -> Letters {
    let font = match size.width.min(size.height) {
        0..480 => &FONT_6X10,
        480..1000 => &FONT_8X13_BOLD,
        _ => &FONT_10X20,
    };
    Letters {
        font,
        factor: letters::factor(size),
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
/// there is no room or another label; always inside the frame. Where it would hide another label, a small segment or most of
/// its own there is none.
fn label(
    canvas: &mut Canvas<'_>,
    shape: &Shape,
    place: usize,
    bounds: &[Rectangle],
    taken: &mut Vec<Rectangle>,
) {
    const MARGIN: u32 = 1;
    let frame = canvas.size();
    let letters = letters(frame);
    let size = letters.size(&shape.label, MARGIN);
    let own = bounds[place];
    let at = |y: i32| {
        let right = frame.width.saturating_sub(size.width) as i32;
        let bottom = frame.height.saturating_sub(size.height) as i32;
        let (x, y) = (own.top_left.x.min(right), y.clamp(0, bottom));
        rectangle(x, y, size.width, size.height)
    };
    let (top, bottom) = (own.top_left.y, own.top_left.y + own.size.height as i32);
    let height = size.height as i32;
    let places = [top - height, top, bottom - height, bottom].map(at);
    let hides = |plate: &Rectangle, bounds: &Rectangle| {
        let hidden = pixels(plate.intersection(bounds));
        // On a large segment a label is a detail.
        let is_small = pixels(*bounds) < SMALL * pixels(*plate);
        is_small && 4 * hidden > pixels(*bounds)
    };
    let free = |plate: &&Rectangle| {
        !taken
            .iter()
            .any(|other| pixels(plate.intersection(other)) > 0)
            && !bounds.iter().any(|bounds| hides(plate, bounds))
    };
    let Some(&plate) = places.iter().find(free) else {
        return;
    };
    taken.push(plate);
    let colour = of_segment(shape.number);
    canvas.fill(plate, colour);
    letters.write(canvas, &shape.label, plate.top_left, MARGIN, ink_on(colour));
}

/// Segments whose boxes have fewer pixels than so many labels are small.
const SMALL: u64 = 4;

fn pixels(area: Rectangle) -> u64 {
    u64::from(area.size.width) * u64::from(area.size.height)
}

#[cfg(test)]
mod tests;
