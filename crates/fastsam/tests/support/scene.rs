//! Painted answers of a network: objects at random places, each a blob in one of the prototypes,
//! with several neighbouring anchors that say so.

use frame::{InputSize, Letterbox, Size};
use tensors::{ElementType, Grid, Layout, Level, QuantInfo, Role, TensorInfo, Tensors};

/// Numbers that look random and are the same everywhere (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1 << 24) as f32
    }

    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }
}

/// Which outputs are 16-bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// As in the HEFs of the Hailo Model Zoo: the prototypes, and the finest level's boxes and
    /// coefficients.
    Published,
    /// None.
    U8,
    /// All but the scores.
    U16,
}

impl Mix {
    /// Those that are timed, the one that users have first.
    pub const ALL: [(&'static str, Self); 3] = [
        ("mixed", Self::Published),
        ("u8", Self::U8),
        ("u16", Self::U16),
    ];

    fn element_type(self, role: Role) -> ElementType {
        let is_wide = match (self, role) {
            (Self::U8, _) | (_, Role::Scores(_)) => false,
            (Self::U16, _) => true,
            (Self::Published, Role::Prototypes) => true,
            (Self::Published, Role::Boxes(level) | Role::Coefficients(level)) => {
                level == Level::Stride8
            }
        };
        if is_wide {
            ElementType::U16
        } else {
            ElementType::U8
        }
    }

    /// The outputs of a network of this mix.
    pub fn layout(self) -> Layout {
        layout_of(InputSize::DEFAULT, |role| self.element_type(role))
    }
}

/// The outputs of a network with these element types; scores are 8-bit, boxes as coefficients.
pub fn layout(coefficients: ElementType, prototypes: ElementType) -> Layout {
    layout_for(InputSize::DEFAULT, coefficients, prototypes)
}

/// The same of a network with an input of this size.
pub fn layout_for(input: InputSize, coefficients: ElementType, prototypes: ElementType) -> Layout {
    layout_of(input, |role| match role {
        Role::Boxes(_) | Role::Coefficients(_) => coefficients,
        Role::Scores(_) => ElementType::U8,
        Role::Prototypes => prototypes,
    })
}

fn layout_of(input: InputSize, element_type: impl Fn(Role) -> ElementType) -> Layout {
    let infos = Role::ALL.map(|role| {
        let element_type = element_type(role);
        // The lowest real number, and the range.
        let (low, range) = match role {
            Role::Boxes(_) => (-9.0, 12.0),
            Role::Scores(_) => (0.0, 1.0),
            Role::Coefficients(_) | Role::Prototypes => (-1.5, 3.0),
        };
        let steps = match element_type {
            ElementType::U8 => 255.0,
            ElementType::U16 => 65535.0,
        };
        TensorInfo {
            name: role.to_string(),
            shape: role.shape(input, 1),
            element_type,
            quant: QuantInfo {
                scale: range / steps,
                zero_point: (-low / range * steps).round(),
            },
        }
    });
    Layout::bind(&infos, input).unwrap()
}

/// Sets an element to what stands for a real number.
pub fn put(tensors: &mut Tensors, role: Role, i: usize, real: f32) {
    let QuantInfo { scale, zero_point } = tensors.view(role).quant;
    let q = (real / scale + zero_point).round();
    if let Some(elements) = tensors.u8_mut(role) {
        elements[i] = q as u8;
    } else if let Some(elements) = tensors.u16_mut(role) {
        elements[i] = q as u16;
    }
}

/// An ellipse with waves in its rim, in input pixels.
struct Blob {
    x: f32,
    y: f32,
    rx: f32,
    ry: f32,
    waves: f32,
    phase: f32,
}

impl Blob {
    fn random(random: &mut Random, letterbox: &Letterbox) -> Self {
        // Most things are small: sizes are uniform on a logarithmic scale, 24 to 240 across.
        let mut radius = || 12.0 * 10.0_f32.powf(random.unit());
        let (rx, ry) = (radius(), radius());
        let (left, top) = (letterbox.left as f32, letterbox.top as f32);
        Self {
            x: random.between(left, left + letterbox.resized.width as f32),
            y: random.between(top, top + letterbox.resized.height as f32),
            rx,
            ry,
            waves: random.between(2.0, 7.0).floor(),
            phase: random.between(0.0, 6.0),
        }
    }

    /// 0 on the rim, above inside.
    fn height(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = ((x - self.x) / self.rx, (y - self.y) / self.ry);
        let rim = 0.9 + 0.1 * (self.waves * dy.atan2(dx) + self.phase).sin();
        rim - dx.hypot(dy)
    }
}

/// A network's answer to a frame of `size` with about `objects` objects, no two in the same place.
pub fn paint(layout: &Layout, size: Size, objects: usize, seed: u64) -> (Tensors, Letterbox) {
    let input = layout.input();
    let letterbox = Letterbox::fit(size, input);
    let grid = Grid::of_prototypes(input);
    let mut tensors = Tensors::for_layout(layout);
    let mut random = Random(seed);
    let mut prototypes = vec![-1.0_f32; grid.cells() * 32];
    for level in Level::ALL {
        for cell in 0..level.grid(input).cells() {
            put(&mut tensors, Role::Scores(level), cell, 0.0);
        }
    }
    for object in 0..objects {
        let blob = Blob::random(&mut random, &letterbox);
        let channel = object % 32;
        paint_prototype(&mut prototypes, grid, channel, &blob);
        answer(&mut tensors, &mut random, channel, &blob);
    }
    for (i, value) in prototypes.into_iter().enumerate() {
        put(
            &mut tensors,
            Role::Prototypes,
            i,
            value + random.between(-0.02, 0.02),
        );
    }
    (tensors, letterbox)
}

fn paint_prototype(prototypes: &mut [f32], grid: Grid, channel: usize, blob: &Blob) {
    // Further out than this the height is below -1/3, and the prototype stays at -1.
    let near = |middle: f32, radius: f32, cells: usize| {
        let cell = |at: f32| (at / 4.0).clamp(0.0, (cells - 1) as f32) as usize;
        cell(middle - 1.4 * radius)..cell(middle + 1.4 * radius) + 1
    };
    for y in near(blob.y, blob.ry, grid.rows) {
        for x in near(blob.x, blob.rx, grid.columns) {
            let height = blob.height(4.0 * x as f32 + 2.0, 4.0 * y as f32 + 2.0);
            let value = &mut prototypes[(y * grid.columns + x) * 32 + channel];
            *value = value.max((3.0 * height).clamp(-1.0, 1.0));
        }
    }
}

/// Writes scores, boxes and coefficients of the anchors around a blob's middle.
fn answer(tensors: &mut Tensors, random: &mut Random, channel: usize, blob: &Blob) {
    let reach = blob.rx.max(blob.ry) + 1.0;
    let level = Level::ALL
        .into_iter()
        .find(|level| reach < 12.0 * level.stride() as f32)
        .unwrap_or(Level::Stride32);
    let input = tensors.input();
    let (grid, stride) = (level.grid(input), level.stride() as f32);
    let (across, down) = (input.width() as f32, input.height() as f32);
    let best = random.between(0.45, 0.98);
    let middle = |at: f32, side: f32| ((at.clamp(0.0, side - 1.0)) / stride) as usize;
    let (column, row) = (middle(blob.x, across), middle(blob.y, down));
    for y in row.saturating_sub(1)..(row + 2).min(grid.rows) {
        for x in column.saturating_sub(1)..(column + 2).min(grid.columns) {
            let cell = y * grid.columns + x;
            let score = best - random.between(0.0, 0.2) * f32::from((x, y) != (column, row));
            put(tensors, Role::Scores(level), cell, score);
            let (ax, ay) = (x as f32 + 0.5, y as f32 + 0.5);
            let distances = [
                ax - (blob.x - blob.rx).max(0.0) / stride,
                ay - (blob.y - blob.ry).max(0.0) / stride,
                (blob.x + blob.rx).min(across) / stride - ax,
                (blob.y + blob.ry).min(down) / stride - ay,
            ];
            for (i, distance) in distances.into_iter().enumerate() {
                put_distance(tensors, level, cell * 64 + i * 16, distance);
            }
            for i in 0..32 {
                let own = f32::from(i == channel);
                let value = own + random.between(-0.01, 0.01);
                put(tensors, Role::Coefficients(level), cell * 32 + i, value);
            }
        }
    }
}

/// Logits whose expectation is a distance: two neighbouring bins share the weight.
fn put_distance(tensors: &mut Tensors, level: Level, first: usize, distance: f32) {
    let distance = distance.clamp(0.0, 14.99);
    let (bin, rest) = (distance as usize, distance.fract());
    for i in 0..16 {
        let weight = match i {
            _ if i == bin => 1.0 - rest,
            _ if i == bin + 1 => rest,
            _ => 0.0,
        };
        let logit = weight.max(1e-4).ln() + 1.0;
        put(tensors, Role::Boxes(level), first + i, logit);
    }
}
