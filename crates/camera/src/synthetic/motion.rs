//! Where an object is at a time: Lissajous curves, which are smooth and never leave their box.
//!
//! Positions are whole sixteenths of a pixel. All arithmetic is exact by IEEE 754 (`+ - * /`,
//! rounding), so that poses are the same on every machine.

use frame::Size;

use super::random::Random;

/// Steps per pixel of positions and outlines.
pub(super) const STEPS: i32 = 16;

/// Position and turn of an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pose {
    /// The centre, in sixteenths of a pixel from the frame's top left corner.
    pub(super) centre: [i32; 2],
    pub(super) cos: f64,
    pub(super) sin: f64,
}

impl Pose {
    /// A point given in pixels from the object's centre, in sixteenths of a pixel of the frame.
    pub(super) fn place(&self, [x, y]: [f64; 2]) -> [i32; 2] {
        let steps = f64::from(STEPS);
        let (right, down) = (self.cos * x - self.sin * y, self.sin * x + self.cos * y);
        [
            self.centre[0] + (right * steps).round() as i32,
            self.centre[1] + (down * steps).round() as i32,
        ]
    }

    /// The way back: the centre of a pixel of the frame, in pixels from the object's centre.
    pub(super) fn local(&self, x: u16, y: u16) -> [f64; 2] {
        let steps = f64::from(STEPS);
        let right = f64::from(x) + 0.5 - f64::from(self.centre[0]) / steps;
        let down = f64::from(y) + 0.5 - f64::from(self.centre[1]) / steps;
        [
            self.cos * right + self.sin * down,
            self.cos * down - self.sin * right,
        ]
    }
}

/// `amplitude * sin(2 pi (frequency * t + phase))`.
#[derive(Clone, Copy, Debug)]
struct Wave {
    /// Pixels.
    amplitude: f64,
    /// Turns per second.
    frequency: f64,
    /// Turns.
    phase: f64,
}

impl Wave {
    fn at(&self, seconds: f64) -> f64 {
        self.amplitude * sine(self.frequency * seconds + self.phase)
    }
}

/// The motion of one object.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// Middle of the curve, in pixels.
    home: [f64; 2],
    waves: [Wave; 2],
    /// Turns at the start, and per second.
    turn: f64,
    spin: f64,
}

impl Path {
    /// A path around `home` (parts of the frame) whose centre stays in the frame, so that a good
    /// part of the object does; at the frame's border the other part leaves it.
    pub(super) fn new(size: Size, home: [f64; 2], random: &mut Random) -> Self {
        let lengths = [f64::from(size.width), f64::from(size.height)];
        let mut wave = |axis: usize| Wave {
            amplitude: lengths[axis]
                * random
                    .between(0.1, 0.3)
                    .min(home[axis])
                    .min(1.0 - home[axis]),
            frequency: random.between(0.025, 0.07),
            phase: random.between(0.0, 1.0),
        };
        Self {
            home: [home[0] * lengths[0], home[1] * lengths[1]],
            waves: [wave(0), wave(1)],
            turn: random.between(0.0, 1.0),
            spin: random.between(-0.08, 0.08),
        }
    }

    /// Where the object is, `seconds` after the start.
    pub(super) fn pose(&self, seconds: f64) -> Pose {
        let centre = |axis: usize| {
            let position = self.home[axis] + self.waves[axis].at(seconds);
            (position * f64::from(STEPS)).round() as i32
        };
        let turn = self.turn + self.spin * seconds;
        Pose {
            centre: [centre(0), centre(1)],
            cos: sine(turn + 0.25),
            sin: sine(turn),
        }
    }
}

/// The sine of an angle in turns, within 1e-7 (Taylor's series up to the 11th power); unlike the
/// library's, the same to the last bit on every machine.
pub(super) fn sine(turns: f64) -> f64 {
    let turns = turns - turns.round();
    // Into the quarter turns around 0, where the series is short.
    let folded = if turns > 0.25 {
        0.5 - turns
    } else if turns < -0.25 {
        -0.5 - turns
    } else {
        turns
    };
    let x = folded * std::f64::consts::TAU;
    let square = x * x;
    let factors = [110.0, 72.0, 42.0, 20.0, 6.0];
    x * factors
        .iter()
        .fold(1.0, |series, factor| 1.0 - square / factor * series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_is_that_of_the_library() {
        for step in -4000..4000 {
            let turns = f64::from(step) / 900.0;
            let expected = (turns * std::f64::consts::TAU).sin();
            assert!((sine(turns) - expected).abs() < 1e-7, "{turns}");
        }
    }

    #[test]
    fn placing_and_finding_back_agree() {
        let path = Path::new(Size::new(640, 480), [0.4, 0.6], &mut Random::new(3));
        let pose = path.pose(12.3);
        for point in [[0.0, 0.0], [10.0, -4.0], [-33.0, 20.0]] {
            let [x, y] = pose.place(point).map(|step| step.div_euclid(STEPS) as u16);
            let [found_x, found_y] = pose.local(x, y);
            // A pixel's centre lies at most 0.71 px from any point in it.
            let distance = (found_x - point[0]).hypot(found_y - point[1]);
            assert!(distance < 0.8, "{point:?}: {distance}");
        }
    }
}
