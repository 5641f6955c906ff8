//! The reference for boxes and masks, at every input size: plain, slow, bitmaps, `f64`, one step after the other as the reference
//! implementation takes them. Nothing of it is shared with what it judges.

use fastsam::{Anchor, MaskSize};
use frame::{InputRect, Letterbox, Size};
use tensors::{Elements, Grid, Level, Role, TensorView, Tensors};

/// A row-major picture of numbers.
#[derive(Clone)]
pub struct Picture {
    pub size: Size,
    pub values: Vec<f64>,
}

/// What a mask is decided from.
pub struct Surface {
    /// The value of each pixel of the mask, outside of the box too.
    pub picture: Picture,
    /// Values this near to 0 may fall on either side in single precision.
    pub undecided: f64,
    /// The box, in the mask's pixels.
    pub crop: [f32; 4],
}

impl Surface {
    /// The surface of an anchor's mask, to be cropped to a box.
    pub fn new(
        tensors: &Tensors,
        anchor: Anchor,
        bbox: InputRect,
        letterbox: &Letterbox,
        size: MaskSize,
    ) -> Self {
        let logits = logits(tensors, anchor);
        let largest = logits
            .values
            .iter()
            .fold(0.0_f64, |max, x| max.max(x.abs()));
        let (picture, crop) = match size {
            MaskSize::Network => (
                resize(&logits, letterbox.input.size()),
                [bbox.x1, bbox.y1, bbox.x2, bbox.y2],
            ),
            MaskSize::Frame => {
                let f = factor(letterbox);
                let Size { width, height } = logits.size;
                let upsampled = resize(&logits, Size::new(width * f, height * f));
                let content = cut(&upsampled, letterbox, f);
                let bbox = letterbox.rect_to_frame(bbox);
                (
                    resize(&content, letterbox.frame),
                    [bbox.x1, bbox.y1, bbox.x2, bbox.y2],
                )
            }
        };
        Self {
            picture,
            undecided: 1e-6 * largest,
            crop,
        }
    }

    /// Whether the pixel is foreground; `None` where single precision may say either.
    pub fn pixel(&self, x: u32, y: u32) -> Option<bool> {
        let [x1, y1, x2, y2] = self.crop;
        let inside = |i: u32, low: f32, high: f32| low <= i as f32 && (i as f32) < high;
        if !inside(x, x1, x2) || !inside(y, y1, y2) {
            return Some(false);
        }
        let value = self.picture.values[(y * self.picture.size.width + x) as usize];
        (value.abs() > self.undecided).then_some(value > 0.0)
    }
}

/// Coefficients times prototypes, without the scales.
fn logits(tensors: &Tensors, anchor: Anchor) -> Picture {
    let (level, cell) = anchor.cell(tensors.input());
    let coefficients = tensors.view(Role::Coefficients(level));
    let prototypes = tensors.view(Role::Prototypes);
    let grid = Grid::of_prototypes(tensors.input());
    let dot = |pixel: usize| {
        let products = (0..32).map(|channel| {
            real(coefficients, 32 * cell + channel) * real(prototypes, 32 * pixel + channel)
        });
        products.sum()
    };
    Picture {
        size: Size::new(grid.columns as u32, grid.rows as u32),
        values: (0..grid.cells()).map(dot).collect(),
    }
}

/// An element less its zero point.
fn real(view: TensorView<'_>, i: usize) -> f64 {
    let q = match view.elements {
        Elements::U8(q) => f64::from(q[i]),
        Elements::U16(q) => f64::from(q[i]),
    };
    q - f64::from(view.quant.zero_point)
}

/// Bilinear, half-pixel centres, no antialiasing. Positions are rounded as the reference's are.
fn resize(source: &Picture, size: Size) -> Picture {
    let position = |i: u32, from: u32, to: u32| {
        let position = ((i as f32 + 0.5) * (from as f32 / to as f32) - 0.5).max(0.0);
        let first = (position as u32).min(from - 1);
        let weight = if first == from - 1 {
            0.0
        } else {
            f64::from(position - first as f32)
        };
        (first, (first + 1).min(from - 1), weight)
    };
    let at = |x: u32, y: u32| source.values[(y * source.size.width + x) as usize];
    let mut values = Vec::with_capacity(size.pixels());
    for y in 0..size.height {
        let (y0, y1, wy) = position(y, source.size.height, size.height);
        for x in 0..size.width {
            let (x0, x1, wx) = position(x, source.size.width, size.width);
            let top = at(x0, y0) * (1.0 - wx) + at(x1, y0) * wx;
            let bottom = at(x0, y1) * (1.0 - wx) + at(x1, y1) * wx;
            values.push(top * (1.0 - wy) + bottom * wy);
        }
    }
    Picture { size, values }
}

/// `4 / gcd(4, pad | pad / 2)` over both axes.
fn factor(letterbox: &Letterbox) -> u32 {
    let Letterbox { input, resized, .. } = letterbox;
    let bits = [
        input.width() - resized.width,
        input.height() - resized.height,
    ]
    .map(|pad| pad | (pad / 2))
    .into_iter()
    .fold(0, |a, b| a | b);
    [4, 2, 1]
        .into_iter()
        .find(|&g| bits % g == 0)
        .map_or(4, |g| 4 / g)
}

/// The letterboxed frame, of logits upsampled by `f`.
fn cut(upsampled: &Picture, letterbox: &Letterbox, f: u32) -> Picture {
    let size = Size::new(
        letterbox.resized.width * f / 4,
        letterbox.resized.height * f / 4,
    );
    let (left, top) = (letterbox.left * f / 4, letterbox.top * f / 4);
    let row = |y: u32| {
        let start = ((top + y) * upsampled.size.width + left) as usize;
        &upsampled.values[start..start + size.width as usize]
    };
    Picture {
        size,
        values: (0..size.height).flat_map(row).copied().collect(),
    }
}

/// A box that survives.
pub struct Found {
    /// Counted over all levels.
    pub anchor: usize,
    pub score: f32,
    /// In input pixels.
    pub bbox: [f64; 4],
}

/// Decodes all boxes of a score above `confidence`, best first, and drops those that overlap a better
/// one by more than `iou`.
pub fn detections(tensors: &Tensors, confidence: f32, iou: f64) -> Vec<Found> {
    let mut found = Vec::new();
    let mut first = 0;
    for level in Level::ALL {
        let columns = tensors.input().width() as usize / level.stride();
        let rows = tensors.input().height() as usize / level.stride();
        let (scores, boxes) = (
            tensors.view(Role::Scores(level)),
            tensors.view(Role::Boxes(level)),
        );
        for row in 0..rows {
            for column in 0..columns {
                let cell = row * columns + column;
                // In single precision, which decides what passes.
                let score = real(scores, cell) as f32 * scores.quant.scale;
                if score <= confidence {
                    continue;
                }
                let side = |side: usize| {
                    let logits = (0..16).map(|bin| {
                        real(boxes, 64 * cell + 16 * side + bin) * f64::from(boxes.quant.scale)
                    });
                    let weights: Vec<f64> = logits.map(f64::exp).collect();
                    let moments = (0..).zip(&weights).map(|(bin, w)| f64::from(bin) * w);
                    moments.sum::<f64>() / weights.iter().sum::<f64>()
                };
                let (x, y) = (column as f64 + 0.5, row as f64 + 0.5);
                let bbox = [x - side(0), y - side(1), x + side(2), y + side(3)];
                found.push(Found {
                    anchor: first + cell,
                    score,
                    bbox: bbox.map(|at| at * level.stride() as f64),
                });
            }
        }
        first += columns * rows;
    }
    // Stable: equal scores stay in the order of anchors.
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Found> = Vec::new();
    for candidate in found {
        if kept
            .iter()
            .all(|better| overlap(&better.bbox, &candidate.bbox) <= iou)
        {
            kept.push(candidate);
        }
    }
    kept
}

/// Intersection over union.
fn overlap(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let area = |r: &[f64; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let common = area(&[
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    common / (area(a) + area(b) - common)
}
