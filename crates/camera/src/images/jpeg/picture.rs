//! A frame's components: their sampling, and what the scans have brought of them (T.81, annexes A and B.2.2).

use frame::Size;

use super::idct::{self, Block};
use crate::mjpeg::Flaw;

/// A picture under way.
pub(super) struct Picture {
    width: usize,
    height: usize,
    pub(super) is_progressive: bool,
    pub(super) components: Vec<Component>,
    /// The largest sampling factors.
    pub(super) most: (usize, usize),
}

/// One of the colours.
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, across and down.
    pub(super) factors: (usize, usize),
    /// Samples that the picture has.
    pub(super) size: (usize, usize),
    /// Blocks in a row of `samples`, and rows of them: as many as the units of all components need.
    pub(super) blocks: (usize, usize),
    /// The place of its quantization table.
    pub(super) table: u8,
    /// That table, as it was when the first scan came.
    pub(super) steps: Option<[u16; 64]>,
    /// In progressive pictures: what is known so far.
    pub(super) coefficients: Vec<Block>,
    /// How many bits of each coefficient are still to come; nothing has come yet where that is `None`.
    pub(super) missing: [Option<u8>; 64],
    /// Rows of `8 * blocks.0` samples; in progressive pictures filled at the end.
    pub(super) samples: Vec<u8>,
}

impl Picture {
    /// Reads a frame header.
    pub(super) fn read(segment: &[u8], is_progressive: bool) -> Result<Self, Flaw> {
        const CUT: &str = "a frame header that is cut off";
        let &[precision, h1, h0, w1, w0, count] = segment.first_chunk().ok_or(CUT)?;
        if precision != 8 {
            return Err(format!(
                "a JPEG of {precision} bits, which fastsamd can't read; convert it, for example with: \
                 magick IN -depth 8 OUT.png"
            ));
        }
        let (width, height): (usize, usize) = (
            u16::from_be_bytes([w1, w0]).into(),
            u16::from_be_bytes([h1, h0]).into(),
        );
        if width == 0 || height == 0 {
            return Err("a JPEG without a width or height".to_owned());
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(format!("a JPEG of {count} colours; 1, 3 or 4 can be read"));
        }
        let parts = segment.get(6..6 + 3 * usize::from(count)).ok_or(CUT)?;
        let mut components = Vec::new();
        for &[id, factors, table] in parts.as_chunks().0 {
            let factors = (usize::from(factors >> 4), usize::from(factors & 15));
            // Of a single component the factors mean nothing.
            let factors = if count == 1 { (1, 1) } else { factors };
            if !(1..=4).contains(&factors.0) || !(1..=4).contains(&factors.1) {
                return Err("a JPEG with sampling factors that are not 1 to 4".to_owned());
            }
            components.push(Component::new(id, factors, table));
        }
        let of = |side: fn(&Component) -> usize| components.iter().map(side).max().unwrap_or(1);
        let most = (of(|c| c.factors.0), of(|c| c.factors.1));
        if components
            .iter()
            .any(|c| most.0 % c.factors.0 > 0 || most.1 % c.factors.1 > 0)
        {
            return Err(
                "a JPEG whose sampling factors don't divide each other, which fastsamd can't read; save it anew \
                 with another program"
                    .to_owned(),
            );
        }
        let units = (width.div_ceil(8 * most.0), height.div_ceil(8 * most.1));
        for component in &mut components {
            let (across, down) = component.factors;
            component.size = (
                (width * across).div_ceil(most.0),
                (height * down).div_ceil(most.1),
            );
            component.blocks = (units.0 * across, units.1 * down);
        }
        Ok(Self {
            width,
            height,
            is_progressive,
            components,
            most,
        })
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }

    /// Whether a scan of each component has come.
    pub(super) fn has_every_component(&self) -> bool {
        self.components
            .iter()
            .all(|component| component.missing[0].is_some())
    }

    /// Whether nothing can be missing.
    pub(super) fn has_every_bit(&self) -> bool {
        let mut all = self
            .components
            .iter()
            .flat_map(|component| component.missing);
        all.all(|missing| missing == Some(0))
    }
}

impl Component {
    fn new(id: u8, factors: (usize, usize), table: u8) -> Self {
        Self {
            id,
            factors,
            size: (0, 0),
            blocks: (0, 0),
            table,
            steps: None,
            coefficients: Vec::new(),
            missing: [None; 64],
            samples: Vec::new(),
        }
    }

    /// Blocks across and down that a scan of this component alone has.
    pub(super) fn own_blocks(&self) -> (usize, usize) {
        (self.size.0.div_ceil(8), self.size.1.div_ceil(8))
    }

    /// Makes room for what a scan brings, at the first one.
    pub(super) fn make_room(&mut self, is_progressive: bool) {
        let count = self.blocks.0 * self.blocks.1;
        if self.samples.is_empty() {
            self.samples = vec![0; 64 * count];
        }
        if is_progressive && self.coefficients.is_empty() {
            self.coefficients = vec![[0; 64]; count];
        }
    }

    /// Turns a block's coefficients into samples.
    pub(super) fn put(&mut self, column: usize, row: usize, block: &Block) {
        if let Some(steps) = &self.steps {
            let stride = 8 * self.blocks.0;
            let from = 8 * (row * stride + column);
            idct::put(block, steps, &mut self.samples[from..], stride);
        }
    }

    /// Turns all coefficients of a progressive picture into samples.
    pub(super) fn complete(&mut self) {
        let coefficients = std::mem::take(&mut self.coefficients);
        let columns = self.blocks.0;
        for (place, block) in coefficients.iter().enumerate() {
            self.put(place % columns, place / columns, block);
        }
    }

    /// A row of samples, the last one for those below it.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        let stride = 8 * self.blocks.0;
        let row = row.min(self.size.1 - 1);
        &self.samples[row * stride..][..self.size.0]
    }
}
