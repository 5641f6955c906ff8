//! What overlays, label maps and cut-outs look like.

use clap::Args;
use fastsam::{Segment, prompt::Canvas};
use frame::{FramePoint, Size};
use picture::{
    labelmap::{self, Label},
    overlay::{Mark, Style},
    png,
};

use super::{number, prompt::PromptArgs};

/// What is drawn on overlays.
#[derive(Debug, Args)]
pub(super) struct DrawingArgs {
    /// Overlays without labels.
    #[arg(long, requires = "out")]
    no_labels: bool,
    /// Overlays without boxes.
    #[arg(long, requires = "out")]
    no_boxes: bool,
    /// How much of an overlay's colours covers the picture.
    #[arg(long, requires = "out", value_name = "0..1", default_value = "0.44", value_parser = number::fraction)]
    alpha: f64,
}

impl DrawingArgs {
    /// The same, as overlays are drawn.
    pub(super) fn style<'a>(&self, marks: &'a [Mark], caption: Option<&'a str>) -> Style<'a> {
        Style {
            labels: !self.no_labels,
            boxes: !self.no_boxes,
            alpha: (self.alpha * 256.0).round() as u16,
            marks,
            caption,
        }
    }
}

/// The prompt's points and boxes, on what the masks are painted on.
pub(super) fn marks(prompt: &PromptArgs, canvas: Option<Canvas>) -> Vec<Mark> {
    let place = |x: f64, y: f64| {
        let point = FramePoint {
            x: x as f32,
            y: y as f32,
        };
        match canvas {
            Some(canvas) if canvas.size() != canvas.letterbox.frame => {
                let point = canvas.letterbox.to_input(point);
                [point.x, point.y]
            }
            _ => [point.x, point.y],
        }
    };
    let points = prompt.points.iter().map(|point| Mark::Point {
        at: place(point.x, point.y),
        wanted: point.label != Some(0),
    });
    let boxes = prompt.boxes.iter().map(|&[x1, y1, x2, y2]| {
        let ([left, top], [right, bottom]) = (place(x1, y1), place(x2, y2));
        Mark::Box([left, top, right, bottom])
    });
    boxes.chain(points).collect()
}

/// A number for each pixel, as a PNG file: that of its segment in the list, from 1, or 0. The smaller segment lies on top.
pub(super) fn label_map(segments: &[(u64, &Segment)], size: Size) -> anyhow::Result<Vec<u8>> {
    let label = |(_, segment): &(u64, &Segment)| Label {
        area: segment.area,
        runs: segment.mask.runs().to_vec(),
    };
    let labels: Vec<Label> = segments.iter().map(label).collect();
    Ok(labelmap::encode(size, &labels)?)
}

/// A segment cut out of the picture `rgb`, as a PNG file of its box.
pub(super) fn cut_out(rgb: &[u8], size: Size, segment: &Segment) -> anyhow::Result<Vec<u8>> {
    let bounds = segment.mask.bounding_box();
    let pixels = rgb.as_chunks::<3>().0;
    let mut rgba = vec![[0; 4]; (bounds.width * bounds.height) as usize];
    for run in segment.mask.runs() {
        let from = usize::from(run.y) * size.width as usize + usize::from(run.start);
        let to = (u32::from(run.y) - bounds.y) * bounds.width + u32::from(run.start) - bounds.x;
        let length = run.length() as usize;
        let cut = &mut rgba[to as usize..][..length];
        for (cut, &[red, green, blue]) in cut.iter_mut().zip(&pixels[from..][..length]) {
            *cut = [red, green, blue, 255];
        }
    }
    let size = Size::new(bounds.width, bounds.height);
    Ok(png::encode_rgba(rgba.as_flattened(), size)?)
}
