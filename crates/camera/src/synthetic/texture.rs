//! Surfaces: luminance patterns that make objects and background look like things, not like flat
//! paint, yet leave their colours far apart.

use fastsam::Run;
use frame::Size;

use super::{
    motion::{Pose, sine},
    random::{Random, mix, unit},
};

/// Columns and rows of a texture, which repeats beyond them.
const SIDE: usize = 256;

/// Texels along the longer side of a frame, whatever its size: as many as the input of the published
/// networks has columns, so that those see every scene's textures alike.
const TEXELS: f64 = 640.0;

/// One texel is 1 / this.
const FRACTION: f64 = 65536.0;

/// Value noise: random values, -1 to 1, on a lattice of `cell` pixels, smoothly interpolated.
#[derive(Clone, Copy, Debug)]
struct Noise {
    seed: u64,
    cell: usize,
    /// Lattice points after which it repeats.
    period: usize,
}

impl Noise {
    /// Noise without an end.
    fn new(cell: usize, random: &mut Random) -> Self {
        Self {
            seed: random.next(),
            cell,
            period: usize::MAX,
        }
    }

    /// Noise that fits a texture; `cell` divides its side.
    fn tiled(cell: usize, random: &mut Random) -> Self {
        Self {
            period: SIDE / cell,
            ..Self::new(cell, random)
        }
    }

    fn at(&self, x: usize, y: usize) -> f64 {
        let point = |x: usize, y: usize| {
            let (x, y) = ((x % self.period) as u64, (y % self.period) as u64);
            2.0 * unit(mix(self.seed ^ mix((y << 32 | x).wrapping_add(1)))) - 1.0
        };
        let ease = |offset: usize| {
            let t = offset as f64 / self.cell as f64;
            t * t * (3.0 - 2.0 * t)
        };
        let blend = |a: f64, b: f64, t: f64| a + (b - a) * t;
        let (column, row) = (x / self.cell, y / self.cell);
        let (across, down) = (ease(x % self.cell), ease(y % self.cell));
        blend(
            blend(point(column, row), point(column + 1, row), across),
            blend(point(column, row + 1), point(column + 1, row + 1), across),
            down,
        )
    }
}

/// A pattern of brightness, to be coloured by an object's shades.
#[derive(Debug)]
pub(super) struct Texture {
    texels: Box<[u8; SIDE * SIDE]>,
    /// Texels per pixel.
    scale: f64,
}

impl Texture {
    /// Blotches, stripes and dimples.
    pub(super) fn all(size: Size, random: &mut Random) -> Vec<Self> {
        let scale = TEXELS / f64::from(size.width.max(size.height));
        let wave = |x: usize, length: f64| sine(x as f64 / length);
        let blotches = [Noise::tiled(32, random), Noise::tiled(16, random)];
        vec![
            Self::new(scale, random, |x, y| {
                0.6 * blotches[0].at(x, y) + 0.4 * blotches[1].at(x, y)
            }),
            Self::new(scale, random, |x, y| {
                0.75 * wave(x + y, 51.2) + 0.25 * blotches[0].at(x, y)
            }),
            Self::new(scale, random, |x, y| {
                0.75 * wave(x, 32.0) * wave(y, 32.0) + 0.25 * blotches[0].at(x, y)
            }),
        ]
    }

    /// A texture with this brightness (-1 to 1), and grain.
    fn new(scale: f64, random: &mut Random, brightness: impl Fn(usize, usize) -> f64) -> Self {
        let grain = Noise::tiled(1, random);
        let mut texels = Box::new([0; SIDE * SIDE]);
        for (i, texel) in texels.iter_mut().enumerate() {
            let (x, y) = (i % SIDE, i / SIDE);
            let brightness = 0.85 * brightness(x, y) + 0.15 * grain.at(x, y);
            *texel = (127.5 + 127.5 * brightness).round() as u8;
        }
        Self { texels, scale }
    }

    /// Fills the RGB `pixels` of a run; the texture moves and turns with the object.
    pub(super) fn paint(&self, pose: &Pose, run: Run, shades: &[[u8; 3]; 256], pixels: &mut [u8]) {
        // In texels with a fraction of 16 bits; what overflows lies whole repetitions away.
        let fixed = |pixels: f64| (pixels * self.scale * FRACTION) as i64 as u32;
        let [u, v] = pose.local(run.start, run.y).map(fixed);
        let [step_u, step_v] = [pose.cos, -pose.sin].map(fixed);
        let (mut u, mut v) = (u, v);
        let (pixels, _) = pixels.as_chunks_mut::<3>();
        for pixel in pixels {
            let (column, row) = ((u >> 16) as usize % SIDE, (v >> 16) as usize % SIDE);
            *pixel = shades[usize::from(self.texels[row * SIDE + column])];
            (u, v) = (u.wrapping_add(step_u), v.wrapping_add(step_v));
        }
    }
}

/// A colour from 10 % darker to 10 % lighter, for each texel.
pub(super) fn shades(color: [u8; 3]) -> Box<[[u8; 3]; 256]> {
    let shade = |texel: usize| {
        let percents = 90 * 255 + 20 * texel as u32;
        color.map(|channel| (u32::from(channel) * percents / 25_500).min(255) as u8)
    };
    Box::new(std::array::from_fn(shade))
}

/// RGB of a whole frame: a dull brown that darkens to the lower right, with blotches and grain.
pub(super) fn background(size: Size, random: &mut Random) -> Vec<u8> {
    const LIGHT: [f64; 3] = [112.0, 102.0, 90.0];
    const DARK: [f64; 3] = [66.0, 60.0, 56.0];
    let (width, height) = (size.width as usize, size.height as usize);
    let blotches = [
        (0.07, Noise::new(96, random)),
        (0.03, Noise::new(24, random)),
        (0.03, Noise::new(1, random)),
    ];
    let mut pixels = Vec::with_capacity(size.pixels() * 3);
    for y in 0..height {
        for x in 0..width {
            let darkness = 0.35 * x as f64 / width as f64 + 0.65 * y as f64 / height as f64;
            let noise = |(amplitude, noise): &(f64, Noise)| amplitude * noise.at(x, y);
            let brightness = 1.0 + blotches.iter().map(noise).sum::<f64>();
            for (light, dark) in LIGHT.into_iter().zip(DARK) {
                let channel = (light + (dark - light) * darkness) * brightness;
                pixels.push(channel.round() as u8);
            }
        }
    }
    pixels
}
