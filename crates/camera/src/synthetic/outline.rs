//! The forms of objects, and their pixels as row runs.
//!
//! Every form is one or two closed chains of corners, filled by the even-odd rule. A pixel
//! belongs to it when its centre does (left and upper edges included), found by scan conversion
//! in whole numbers: exact, and without any buffer besides the stack's.

use fastsam::Run;
use frame::Size;

use super::{
    kind::Kind,
    motion::{Pose, STEPS, sine},
    random::Random,
};

/// Corners of the chain that stands for a circle: 0.2 px off at the largest of a 640x480 scene.
const CIRCLE: usize = 64;

/// Corners of the form with the most, the ring.
const MAX_CORNERS: usize = 2 * CIRCLE;

/// A form and its size.
#[derive(Clone, Debug)]
pub(super) struct Outline {
    /// In pixels from the object's centre.
    corners: Vec<[f64; 2]>,
    /// Pairs of indices into `corners`.
    edges: Vec<[usize; 2]>,
}

impl Outline {
    /// A form whose area is that of a disc of this diameter.
    pub(super) fn new(kind: Kind, diameter: f64, random: &mut Random) -> Self {
        let mut outline = Self {
            corners: Vec::new(),
            edges: Vec::new(),
        };
        match kind {
            Kind::Disc => outline.add_chain(CIRCLE, |_| [1.0, 1.0]),
            Kind::Ellipse => {
                let aspect = random.between(0.5, 0.7);
                outline.add_chain(CIRCLE, |_| [1.0, aspect]);
            }
            Kind::Rectangle => {
                let aspect = random.between(0.5, 0.85);
                outline.add_chain(4, |_| [1.0, aspect]);
            }
            Kind::Star => outline.add_chain(10, |i| if i % 2 == 0 { [1.0; 2] } else { [0.52; 2] }),
            Kind::Ring => {
                let hole = random.between(0.45, 0.55);
                outline.add_chain(CIRCLE, |_| [1.0, 1.0]);
                // The other way round, so that its area counts negative.
                outline.add_chain(CIRCLE, |_| [hole, -hole]);
            }
            Kind::Polygon => {
                let corners = [5, 3, 6][random.below(3)];
                outline.add_chain(corners, |_| [1.0, 1.0]);
            }
        }
        let area = std::f64::consts::FRAC_PI_4 * diameter * diameter;
        let scale = (area / outline.area()).sqrt();
        for corner in &mut outline.corners {
            *corner = corner.map(|coordinate| coordinate * scale);
        }
        outline
    }

    /// Adds corners at equal angles, each at the radii along x and y that `radii` says.
    fn add_chain(&mut self, count: usize, radii: impl Fn(usize) -> [f64; 2]) {
        let first = self.corners.len();
        // Half a step on, four corners are a rectangle along the axes.
        let turn = |i: usize| (i as f64 + 0.5) / count as f64;
        for i in 0..count {
            let [radius_x, radius_y] = radii(i);
            self.corners
                .push([radius_x * sine(turn(i) + 0.25), radius_y * sine(turn(i))]);
            self.edges.push([first + i, first + (i + 1) % count]);
        }
    }

    /// The shoelace formula.
    fn area(&self) -> f64 {
        let cross = |&[from, to]: &[usize; 2]| {
            let ([x0, y0], [x1, y1]) = (self.corners[from], self.corners[to]);
            x0 * y1 - x1 * y0
        };
        self.edges.iter().map(cross).sum::<f64>() / 2.0
    }

    /// Calls `visit` with the form's pixels inside the frame, sorted by row, then column.
    pub(super) fn for_each_run(&self, pose: &Pose, size: Size, mut visit: impl FnMut(Run)) {
        let mut placed = [[0_i32; 2]; MAX_CORNERS];
        let corners = &mut placed[..self.corners.len()];
        for (placed, &corner) in corners.iter_mut().zip(&self.corners) {
            *placed = pose.place(corner);
        }
        let rows = || corners.iter().map(|corner| corner[1].div_euclid(STEPS));
        let (Some(top), Some(bottom)) = (rows().min(), rows().max()) else {
            return;
        };
        let mut crossings = [0_i32; MAX_CORNERS];
        for y in top.max(0)..(bottom + 1).min(size.height as i32) {
            let centre = y * STEPS + STEPS / 2;
            let mut count = 0;
            for &[from, to] in &self.edges {
                if let Some(x) = crossing(corners[from], corners[to], centre) {
                    crossings[count] = x.clamp(0, size.width as i32);
                    count += 1;
                }
            }
            let crossings = &mut crossings[..count];
            crossings.sort_unstable();
            // Where two runs touch, the crossings between them cancel out.
            let mut start = None;
            let mut pairs = crossings.chunks_exact(2).peekable();
            while let Some(&[from, to]) = pairs.next().and_then(|pair| pair.first_chunk()) {
                let begin = *start.get_or_insert(from);
                if pairs.peek().is_some_and(|next| next[0] == to) {
                    continue;
                }
                start = None;
                if begin < to {
                    visit(Run {
                        y: y as u16,
                        start: begin as u16,
                        end: to as u16,
                    });
                }
            }
        }
    }
}

/// The first pixel whose centre lies on or behind the edge in the row whose centre is at `y`;
/// `None` where the edge does not pass that height. The edge's upper end belongs to it, its lower
/// one to the next edge.
fn crossing(from: [i32; 2], to: [i32; 2], y: i32) -> Option<i32> {
    let (upper, lower) = if from[1] <= to[1] {
        (from, to)
    } else {
        (to, from)
    };
    if y < upper[1] || lower[1] <= y {
        return None;
    }
    let height = i64::from(lower[1] - upper[1]);
    let slope = i64::from(lower[0] - upper[0]);
    // x * height, with x in steps; a pixel's centre lies half a pixel right of its edge.
    let x = i64::from(upper[0]) * height + i64::from(y - upper[1]) * slope;
    let half = i64::from(STEPS / 2) * height;
    let pixel = height * i64::from(STEPS);
    Some(-((half - x).div_euclid(pixel)) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Size = Size::new(200, 160);

    fn pose(x: f64, y: f64, turns: f64) -> Pose {
        let step = |pixels: f64| (pixels * f64::from(STEPS)).round() as i32;
        Pose {
            centre: [step(x), step(y)],
            cos: sine(turns + 0.25),
            sin: sine(turns),
        }
    }

    fn runs(outline: &Outline, pose: &Pose) -> Vec<Run> {
        let mut runs = Vec::new();
        outline.for_each_run(pose, FRAME, |run| runs.push(run));
        runs
    }

    /// Even-odd in floating point, pixel by pixel: another way to the same answer.
    fn contains(corners: &[[f64; 2]], edges: &[[usize; 2]], x: f64, y: f64) -> bool {
        let right_of = |&&[from, to]: &&[usize; 2]| {
            let ([x0, y0], [x1, y1]) = (corners[from], corners[to]);
            (y0 <= y) != (y1 <= y) && x >= x0 + (y - y0) / (y1 - y0) * (x1 - x0)
        };
        edges.iter().filter(right_of).count() % 2 == 1
    }

    #[test]
    fn runs_are_the_pixels_whose_centres_lie_inside() {
        let mut random = Random::new(5);
        let places = [(100.0, 80.0), (3.3, 20.7), (197.9, 158.2), (-60.0, 50.0)];
        for (i, kind) in Kind::ALL.into_iter().enumerate() {
            for (x, y) in places {
                let outline = Outline::new(kind, 70.0, &mut random);
                let pose = pose(x, y, i as f64 / 7.0);
                let mask = fastsam::Mask::from_runs(FRAME, runs(&outline, &pose)).unwrap();
                let corners: Vec<_> = outline
                    .corners
                    .iter()
                    .map(|&corner| pose.place(corner).map(|step| f64::from(step) / 16.0))
                    .collect();
                for row in 0..FRAME.height {
                    for column in 0..FRAME.width {
                        let (x, y) = (f64::from(column) + 0.5, f64::from(row) + 0.5);
                        assert_eq!(
                            mask.contains(column, row),
                            contains(&corners, &outline.edges, x, y),
                            "{kind} at {column}, {row}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn every_form_has_the_area_that_was_asked_for() {
        let mut random = Random::new(6);
        for kind in Kind::ALL {
            let outline = Outline::new(kind, 60.0, &mut random);
            let runs = runs(&outline, &pose(100.3, 80.6, 0.13));
            let area: u32 = runs.iter().map(|run| run.length()).sum();
            let expected = std::f64::consts::PI * 30.0 * 30.0;
            let error = f64::from(area) / expected - 1.0;
            assert!(error.abs() < 0.02, "{kind}: {area} px");
        }
    }

    #[test]
    fn a_ring_has_a_hole() {
        let outline = Outline::new(Kind::Ring, 80.0, &mut Random::new(7));
        let runs = runs(&outline, &pose(100.0, 80.0, 0.0));
        assert_eq!(runs.iter().filter(|run| run.y == 80).count(), 2);
    }
}
