//! Polygons and lines as people give them, held against what they could have meant otherwise.
//!
//! A [`Polygon`] that exists is simple: at least three corners, no side that touches another but at the
//! corner they share, and an area. It is laid over the pixels of a mask once per frame size; a pixel is inside when
//! its centre is.

use fastsam::{MaskSize, Run, prompt::Canvas};
use frame::{FramePoint, Size};

/// More corners than this are refused: checking the sides for crossings takes the square of it.
pub const MAX_CORNERS: usize = 500;

/// Coordinates beyond this are no pixels of any camera.
const FARTHEST: f32 = 65_535.0;

/// What coordinates are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Pixels of the frame, whole numbers on pixel corners.
    Pixels,
    /// Shares of the frame's width and height, 0 to 1.
    Share,
}

/// Why a polygon or a line can't be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GeometryError {
    /// Less than three corners.
    #[error("{0} corners make no area: a zone needs at least 3")]
    TooFewCorners(usize),
    /// More than [`MAX_CORNERS`].
    #[error("{0} corners are too many: a zone has at most {MAX_CORNERS}")]
    TooManyCorners(usize),
    /// A coordinate is NaN or infinite.
    #[error("corner {corner} is {x}, {y}: both must be finite numbers")]
    NotFinite {
        /// Which, from 1.
        corner: usize,
        /// As given.
        x: f32,
        /// As given.
        y: f32,
    },
    /// A coordinate that no frame has.
    #[error("corner {corner} is at {x}, {y}: expected {}", expected(*unit))]
    OutOfRange {
        /// Which, from 1.
        corner: usize,
        /// As given.
        x: f32,
        /// As given.
        y: f32,
        /// What coordinates are measured in.
        unit: Unit,
    },
    /// Two sides cross or touch.
    #[error("the sides from corners {first} and {second} cross: go round the zone once")]
    SelfCrossing {
        /// The corner at which one side begins, from 1.
        first: usize,
        /// The corner at which the other begins.
        second: usize,
    },
    /// Two neighbouring corners, or the two ends of a line, are the same point.
    #[error("corners {first} and {second} are the same point")]
    SamePoint {
        /// From 1.
        first: usize,
        /// From 1.
        second: usize,
    },
    /// Not one pixel's centre of the frame is inside.
    #[error("the zone holds no pixel of a frame of {0}")]
    NoPixel(Size),
}

fn expected(unit: Unit) -> &'static str {
    match unit {
        Unit::Pixels => "pixels from 0 to 65535",
        Unit::Share => "shares of the frame from 0 to 1",
    }
}

/// A simple polygon.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    corners: Vec<[f32; 2]>,
    unit: Unit,
}

impl Polygon {
    /// A polygon of these corners, in order, either way round; the last side closes it.
    ///
    /// # Errors
    /// Too few corners or too many, a corner that is no position or beyond any frame, sides that cross,
    /// touch or have no length.
    pub fn new(corners: Vec<[f32; 2]>, unit: Unit) -> Result<Self, GeometryError> {
        if corners.len() < 3 {
            return Err(GeometryError::TooFewCorners(corners.len()));
        }
        if corners.len() > MAX_CORNERS {
            return Err(GeometryError::TooManyCorners(corners.len()));
        }
        check_positions(&corners, unit)?;
        let count = corners.len();
        let side = |i: usize| [corners[i], corners[(i + 1) % count]];
        // What is said of a side without a length by the rules below would not help anybody.
        if let Some(first) = (0..count).find(|&i| side(i)[0] == side(i)[1]) {
            return Err(GeometryError::SamePoint {
                first: first + 1,
                second: (first + 1) % count + 1,
            });
        }
        for first in 0..count {
            let next = (first + 1) % count;
            for second in first + 1..count {
                let is_next = second == next || (second + 1) % count == first;
                let crosses = if is_next {
                    folds_back(side(first), side(second))
                } else {
                    meets(side(first), side(second))
                };
                if crosses {
                    return Err(GeometryError::SelfCrossing {
                        first: first + 1,
                        second: second + 1,
                    });
                }
            }
        }
        Ok(Self { corners, unit })
    }

    /// Its corners, as given.
    pub fn corners(&self) -> &[[f32; 2]] {
        &self.corners
    }

    /// The pixels of the masks on this canvas that lie inside.
    ///
    /// # Errors
    /// There is none.
    pub fn rasterize(&self, canvas: &Canvas) -> Result<Area, GeometryError> {
        let area = Area::new(&self.corners, self.unit, canvas);
        if area.pixels == 0 {
            return Err(GeometryError::NoPixel(canvas.letterbox.frame));
        }
        Ok(area)
    }
}

/// A directed line from one point to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    ends: [[f32; 2]; 2],
    unit: Unit,
}

impl Line {
    /// A line between two points.
    ///
    /// # Errors
    /// A point that is no position or beyond any frame, or twice the same.
    pub fn new(from: [f32; 2], to: [f32; 2], unit: Unit) -> Result<Self, GeometryError> {
        check_positions(&[from, to], unit)?;
        if from == to {
            return Err(GeometryError::SamePoint {
                first: 1,
                second: 2,
            });
        }
        Ok(Self {
            ends: [from, to],
            unit,
        })
    }

    /// Its ends, as given.
    pub fn ends(&self) -> [[f32; 2]; 2] {
        self.ends
    }

    /// Its ends, in pixels of the masks on this canvas.
    pub(crate) fn on(&self, canvas: &Canvas) -> [[f32; 2]; 2] {
        self.ends.map(|end| place(end, self.unit, canvas))
    }
}

/// The pixels of a mask's canvas inside a polygon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Sorted by row, then column.
    runs: Vec<Run>,
    /// Where each row's runs begin, and one more.
    rows: Vec<u32>,
    pixels: u32,
}

impl Area {
    /// Scan lines through the pixels' centres: those between an odd crossing and the next are inside.
    fn new(corners: &[[f32; 2]], unit: Unit, canvas: &Canvas) -> Self {
        let size = canvas.size();
        let corners: Vec<[f64; 2]> = corners
            .iter()
            .map(|&corner| place(corner, unit, canvas).map(f64::from))
            .collect();
        let mut area = Self::default();
        let mut crossings = Vec::new();
        for y in 0..size.height {
            area.rows.push(area.runs.len() as u32);
            let middle = f64::from(y) + 0.5;
            crossings.clear();
            for (i, &[x1, y1]) in corners.iter().enumerate() {
                let [x2, y2] = corners[(i + 1) % corners.len()];
                if (y1 <= middle) != (y2 <= middle) {
                    crossings.push(x1 + (middle - y1) / (y2 - y1) * (x2 - x1));
                }
            }
            crossings.sort_unstable_by(f64::total_cmp);
            for pair in crossings.chunks_exact(2) {
                // A pixel's centre x + 0.5 lies in `pair[0] <= centre < pair[1]`.
                let column = |x: f64| (x - 0.5).ceil().clamp(0.0, f64::from(size.width)) as u16;
                let (start, end) = (column(pair[0]), column(pair[1]));
                if start < end {
                    let run = Run {
                        y: y as u16,
                        start,
                        end,
                    };
                    area.pixels += run.length();
                    area.runs.push(run);
                }
            }
        }
        area.rows.push(area.runs.len() as u32);
        area
    }

    /// The runs of its pixels, sorted by row, then column.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// How many of a mask's pixels lie inside.
    pub fn count(&self, mask: &[Run]) -> u32 {
        let mut shared = 0;
        for run in mask {
            let row = usize::from(run.y);
            let Some(&[begin, end]) = self
                .rows
                .get(row..row + 2)
                .and_then(|ends| ends.first_chunk())
            else {
                continue;
            };
            for own in &self.runs[begin as usize..end as usize] {
                let common = run
                    .end
                    .min(own.end)
                    .saturating_sub(run.start.max(own.start));
                shared += u32::from(common);
            }
        }
        shared
    }

    /// Whether the pixel in which a point of the canvas lies is inside.
    pub(crate) fn contains(&self, point: [f32; 2]) -> bool {
        let [x, y] = point.map(|at| at.max(0.0) as u16);
        let pixel = Run {
            y,
            start: x,
            end: x.saturating_add(1),
        };
        self.count(&[pixel]) > 0
    }
}

fn check_positions(corners: &[[f32; 2]], unit: Unit) -> Result<(), GeometryError> {
    let farthest = match unit {
        Unit::Pixels => FARTHEST,
        Unit::Share => 1.0,
    };
    for (i, &[x, y]) in corners.iter().enumerate() {
        let corner = i + 1;
        if !x.is_finite() || !y.is_finite() {
            return Err(GeometryError::NotFinite { corner, x, y });
        }
        if !(0.0..=farthest).contains(&x) || !(0.0..=farthest).contains(&y) {
            return Err(GeometryError::OutOfRange { corner, x, y, unit });
        }
    }
    Ok(())
}

/// A point of the frame on the canvas.
fn place(point: [f32; 2], unit: Unit, canvas: &Canvas) -> [f32; 2] {
    let frame = canvas.letterbox.frame;
    let [x, y] = match unit {
        Unit::Pixels => point,
        Unit::Share => [
            point[0] * frame.width as f32,
            point[1] * frame.height as f32,
        ],
    };
    match canvas.mask_size {
        MaskSize::Frame => [x, y],
        MaskSize::Network => {
            let input = canvas.letterbox.to_input(FramePoint { x, y });
            [input.x, input.y]
        }
    }
}

/// Twice the signed area of the triangle: positive where `c` lies right of the way from `a` to `b`, as
/// it is seen on a picture, whose y goes downwards. In double precision, in which the products of
/// coordinates are exact enough to tell touching from crossing.
pub(crate) fn turn(a: [f32; 2], b: [f32; 2], c: [f32; 2]) -> f64 {
    let [a, b, c] = [a, b, c].map(|point| point.map(f64::from));
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}

/// Whether two segments have a point in common.
pub(crate) fn meets(a: [[f32; 2]; 2], b: [[f32; 2]; 2]) -> bool {
    let side = |turn: f64| (turn > 0.0) as i8 - (turn < 0.0) as i8;
    let (b_from, b_to) = (side(turn(a[0], a[1], b[0])), side(turn(a[0], a[1], b[1])));
    let (a_from, a_to) = (side(turn(b[0], b[1], a[0])), side(turn(b[0], b[1], a[1])));
    // All on one line: they meet where their boxes do.
    let reaches = |axis: usize| {
        let least = |side: [[f32; 2]; 2]| side[0][axis].min(side[1][axis]);
        let most = |side: [[f32; 2]; 2]| side[0][axis].max(side[1][axis]);
        least(a) <= most(b) && least(b) <= most(a)
    };
    b_from * b_to <= 0 && a_from * a_to <= 0 && reaches(0) && reaches(1)
}

/// Whether a side lies on the one that it shares a corner with.
fn folds_back(a: [[f32; 2]; 2], b: [[f32; 2]; 2]) -> bool {
    let [corner, one, other] = if a[1] == b[0] {
        [a[1], a[0], b[1]]
    } else {
        [a[0], a[1], b[0]]
    };
    let dot: f64 = (0..2)
        .map(|axis| {
            let way = |to: [f32; 2]| f64::from(to[axis]) - f64::from(corner[axis]);
            way(one) * way(other)
        })
        .sum();
    turn(corner, one, other) == 0.0 && dot > 0.0
}

#[cfg(test)]
mod tests;
