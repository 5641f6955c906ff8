//! Moving, overlapping, textured objects with known ground truth.
//!
//! A [`Scene`] is a function of its settings and a sequence number: whoever knows the settings can
//! recompute what was to be seen in any frame. To make that hold on every machine, nothing here
//! calls a mathematical library: sines are a polynomial, square roots are exact by IEEE 754, and
//! outlines are scan-converted in whole numbers. Invariant: pixels and masks come from the same
//! runs, so a mask is exactly what was painted.

mod kind;
mod motion;
mod outline;
mod random;
mod texture;

use std::{
    fmt,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use fastsam::{Mask, Run};
use frame::{Frame, PixelFormat, Size};

pub use self::kind::Kind;
use self::{
    motion::{Path, Pose},
    outline::Outline,
    random::Random,
    texture::{Texture, background},
};
use crate::{
    CameraError, Captured, Source,
    pace::{Rate, Ticks, wait_until},
};

/// Columns and rows that a scene may have: at the most, the background alone takes 48 MiB.
const SIDES: RangeInclusive<u32> = 16..=4096;

/// Objects of the fullest scene; ground truth counts them in a byte.
const MAX_OBJECTS: usize = 200;

/// Frames per second that objects move at when frames come as fast as they are asked for.
const DEFAULT_FPS: f64 = 30.0;

/// What objects are painted with, in the words that people use for it: as far apart as they can
/// be, first those that a scene has in any case.
const PALETTE: [(&str, [u8; 3]); 12] = [
    ("red", [214, 36, 40]),
    ("green", [36, 160, 66]),
    ("blue", [40, 84, 218]),
    ("yellow", [236, 212, 44]),
    ("magenta", [208, 48, 180]),
    ("cyan", [44, 200, 214]),
    ("orange", [236, 128, 28]),
    ("white", [228, 228, 228]),
    ("purple", [112, 48, 176]),
    ("pink", [232, 150, 178]),
    ("lime", [160, 226, 52]),
    ("black", [22, 22, 26]),
];

/// What a scene is made from; the same settings give the same scene everywhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SceneSettings {
    /// Columns and rows, each 16 to 4096; from 128 on objects are of a size to be found.
    pub size: Size,
    /// How many objects move in it, at most 200. Up to 12, each has a colour of its own;
    /// of more, two of one colour may touch.
    pub objects: usize,
    /// Which of all such scenes.
    pub seed: u64,
    /// Frames per second, which also says how far objects move from one to the next; 0 hands
    /// frames out as fast as they are asked for, with the motion of 30 per second.
    pub fps: f64,
}

impl Default for SceneSettings {
    /// What the demo shows: a webcam's most common mode.
    fn default() -> Self {
        Self {
            size: Size::new(640, 480),
            objects: 8,
            seed: 1,
            fps: DEFAULT_FPS,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disc => "disc",
            Self::Ellipse => "ellipse",
            Self::Rectangle => "rectangle",
            Self::Star => "star",
            Self::Ring => "ring",
            Self::Polygon => "polygon",
        })
    }
}

/// What is to be seen of one object in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// The same in every frame; a higher one is nearer and covers lower ones.
    pub id: usize,
    /// Its form.
    pub kind: Kind,
    /// `red`, `green`, ...
    pub color_name: &'static str,
    /// Its pixels in the frame without those that other objects cover.
    pub mask: Mask,
}

/// An object with all that does not change over time.
#[derive(Debug)]
struct Actor {
    kind: Kind,
    color_name: &'static str,
    outline: Outline,
    path: Path,
    /// Index into the scene's textures.
    texture: usize,
    /// The object's colour for each texel.
    shades: Box<[[u8; 3]; 256]>,
}

/// Objects on their paths before a background.
#[derive(Debug)]
pub struct Scene {
    settings: SceneSettings,
    fps: f64,
    /// RGB of the whole frame.
    background: Vec<u8>,
    textures: Vec<Texture>,
    /// From the farthest to the nearest.
    actors: Vec<Actor>,
}

impl Scene {
    /// Makes objects, paths and textures from the seed.
    ///
    /// # Errors
    /// [`CameraError::Setting`] for a value out of the ranges that [`SceneSettings`] names.
    pub fn new(settings: SceneSettings) -> Result<Self, CameraError> {
        Rate::new(settings.fps)?;
        let Size { width, height } = settings.size;
        if !SIDES.contains(&width) || !SIDES.contains(&height) {
            return Err(CameraError::Setting {
                name: "size",
                found: settings.size.to_string(),
                expected: "16x16 to 4096x4096",
            });
        }
        if settings.objects > MAX_OBJECTS {
            return Err(CameraError::Setting {
                name: "objects",
                found: settings.objects.to_string(),
                expected: "0 to 200",
            });
        }
        let mut random = Random::new(settings.seed);
        let background = background(settings.size, &mut random);
        let textures = Texture::all(settings.size, &mut random);
        let actors = cast(&settings, textures.len(), &mut random);
        Ok(Self {
            settings,
            fps: if settings.fps == 0.0 {
                DEFAULT_FPS
            } else {
                settings.fps
            },
            background,
            textures,
            actors,
        })
    }

    /// What the scene was made from.
    pub fn settings(&self) -> &SceneSettings {
        &self.settings
    }

    /// Paints the frame with this number: RGB without row padding. The frame's buffer is reused,
    /// its `captured_at` left alone.
    pub fn render(&self, sequence: u64, frame: &mut Frame) {
        let size = self.settings.size;
        frame.sequence = sequence;
        frame.size = size;
        frame.scaled_from = None;
        frame.stride = PixelFormat::Rgb8.min_stride(size.width);
        frame.pixel_format = PixelFormat::Rgb8;
        frame.data.clear();
        frame.data.extend_from_slice(&self.background);
        let (stride, pixels) = (frame.stride, &mut frame.data);
        for actor in &self.actors {
            let pose = self.pose(actor, sequence);
            let texture = &self.textures[actor.texture];
            actor.outline.for_each_run(&pose, size, |run| {
                let row = usize::from(run.y) * stride;
                let pixels =
                    &mut pixels[row + 3 * usize::from(run.start)..row + 3 * usize::from(run.end)];
                texture.paint(&pose, run, &actor.shades, pixels);
            });
        }
    }

    /// What is to be seen in the frame with this number, from the farthest object to the nearest;
    /// objects of which nothing is to be seen are left out.
    pub fn ground_truth(&self, sequence: u64) -> Vec<Object> {
        let size = self.settings.size;
        let width = size.width as usize;
        // Painted like the frame, with the object's number instead of its colour; 0 is background.
        let mut labels = vec![0_u8; size.pixels()];
        for (label, actor) in (1..).zip(&self.actors) {
            let pose = self.pose(actor, sequence);
            actor.outline.for_each_run(&pose, size, |run| {
                let row = usize::from(run.y) * width;
                labels[row + usize::from(run.start)..row + usize::from(run.end)].fill(label);
            });
        }
        let mut visible = vec![Vec::new(); self.actors.len()];
        for (y, row) in (0..).zip(labels.chunks_exact(width)) {
            let mut start = 0;
            for stretch in row.chunk_by(|a, b| a == b) {
                let end = start + stretch.len() as u16;
                if let Some(id) = usize::from(stretch[0]).checked_sub(1) {
                    visible[id].push(Run { y, start, end });
                }
                start = end;
            }
        }
        let objects = self.actors.iter().zip(visible).enumerate();
        objects
            .filter_map(|(id, (actor, runs))| {
                let mask = Mask::from_runs(size, runs)?;
                (!mask.is_empty()).then_some(Object {
                    id,
                    kind: actor.kind,
                    color_name: actor.color_name,
                    mask,
                })
            })
            .collect()
    }

    fn pose(&self, actor: &Actor, sequence: u64) -> Pose {
        actor.path.pose(sequence as f64 / self.fps)
    }
}

/// Chooses forms, colours, sizes and paths.
fn cast(settings: &SceneSettings, textures: usize, random: &mut Random) -> Vec<Actor> {
    let count = settings.objects;
    let mut colors: Vec<_> = (0..count).map(|i| PALETTE[i % PALETTE.len()]).collect();
    random.shuffle(&mut colors);
    let first_kind = random.below(Kind::ALL.len());
    let mut homes = Vec::with_capacity(count);
    (0..count)
        .map(|id| {
            let (color_name, color) = colors[id];
            let kind = Kind::ALL[(first_kind + id) % Kind::ALL.len()];
            let diameter = diameter(settings, id, random);
            let home = apart(&homes, random);
            homes.push(home);
            Actor {
                kind,
                color_name,
                outline: Outline::new(kind, diameter, random),
                path: Path::new(settings.size, home, random),
                texture: id % textures,
                shades: texture::shades(color),
            }
        })
        .collect()
}

/// Pixels across a disc of the object's area: from 26 to 45 % of the frame's shorter side, or
/// less in crowded scenes. The far ones are the large ones, so that none hides another for long.
fn diameter(settings: &SceneSettings, id: usize, random: &mut Random) -> f64 {
    const SMALLEST: f64 = 26.0;
    const CROWD: f64 = 12.0;
    let size = settings.size;
    let count = settings.objects as f64;
    let crowding = (CROWD / count).min(1.0).sqrt();
    let largest = 0.45 * f64::from(size.width.min(size.height)) * crowding;
    let nearness = (id as f64 + random.between(0.0, 0.6)) / count;
    SMALLEST + (largest - SMALLEST).max(0.0) * (1.0 - nearness)
}

/// The one of several random positions (as parts of the frame) that is farthest from the others:
/// Mitchell's best-candidate sampling.
fn apart(others: &[[f64; 2]], random: &mut Random) -> [f64; 2] {
    const CANDIDATES: usize = 12;
    let distance = |a: [f64; 2], b: [f64; 2]| {
        let (x, y) = (a[0] - b[0], a[1] - b[1]);
        x * x + y * y
    };
    let nearest = |candidate| {
        others
            .iter()
            .map(|&other| distance(candidate, other))
            .fold(f64::INFINITY, f64::min)
    };
    let candidates =
        (0..CANDIDATES).map(|_| [random.between(0.15, 0.85), random.between(0.15, 0.85)]);
    candidates
        .max_by(|&a, &b| nearest(a).total_cmp(&nearest(b)))
        .unwrap_or([0.5; 2])
}

/// A source that plays a scene. `frame.sequence` counts the ticks of its rate: one that nobody
/// asked for in time leaves a gap. `captured_at` is the tick's moment.
#[derive(Debug)]
pub struct Synthetic {
    scene: Scene,
    ticks: Ticks,
}

impl Synthetic {
    /// Plays the scene of these settings from frame 0, which is due with the first call.
    ///
    /// # Errors
    /// As [`Scene::new`].
    pub fn new(settings: SceneSettings) -> Result<Self, CameraError> {
        Ok(Self {
            ticks: Ticks::new(Rate::new(settings.fps)?),
            scene: Scene::new(settings)?,
        })
    }

    /// What is played.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }
}

impl Source for Synthetic {
    fn describe(&self) -> String {
        let SceneSettings {
            size,
            objects,
            seed,
            ..
        } = self.scene.settings;
        format!("synthetic {size} ({objects} objects, seed {seed})")
    }

    fn capture(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Captured, CameraError> {
        let (tick, moment) = self.ticks.due(Instant::now());
        wait_until(moment, timeout)?;
        self.ticks.advance(tick);
        self.scene.render(tick, frame);
        frame.captured_at = moment;
        Ok(Captured::Frame)
    }
}

#[cfg(test)]
mod tests;
