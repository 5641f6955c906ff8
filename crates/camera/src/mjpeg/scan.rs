//! From entropy-coded bits to pixels (T.81, annexes A and F).

use fearless_simd::{Level, dispatch};

use super::{
    Flaw,
    header::Header,
    huffman::{BitReader, HuffmanTable, Whole},
    idct::{self, Block, Idct},
};

/// Levels per level when full range (0 to 255) becomes limited range: luma 16 to 235, chroma 16 to
/// 240.
const LUMA_GAIN: f32 = 219.0 / 255.0;
const CHROMA_GAIN: f32 = 224.0 / 255.0;

/// What of the transform's weights the quantization steps carry (see [`idct`]).
const WEIGHT: f32 = 1.0 / 8.0;

/// Where the coefficients, which come in zigzag order, have their place in a [`Block`].
const ZIGZAG: [u8; 64] = transposed_zigzag();

const fn transposed_zigzag() -> [u8; 64] {
    let mut places = [0; 64];
    let (mut column, mut row, mut k) = (0u8, 0u8, 0);
    while k < 64 {
        places[k] = 8 * column + row;
        let rising = (column + row).is_multiple_of(2);
        (column, row) = match (rising, column, row) {
            (true, 7, _) => (column, row + 1),
            (true, _, 0) => (column + 1, row),
            (true, ..) => (column + 1, row - 1),
            (false, _, 7) => (column + 1, row),
            (false, 0, _) => (column, row + 1),
            (false, ..) => (column - 1, row + 1),
        };
        k += 1;
    }
    places
}

/// A plane of the frame that one component is decoded into.
pub(super) struct Plane<'a> {
    data: &'a mut [u8],
    stride: usize,
    /// Columns and rows that a block makes.
    block: (usize, usize),
}

impl<'a> Plane<'a> {
    /// `data` is whole rows of `stride` bytes; in a row there is room for all blocks, but there may
    /// be fewer rows than the blocks make.
    pub(super) fn new(data: &'a mut [u8], stride: usize, block: (usize, usize)) -> Self {
        Self {
            data,
            stride,
            block,
        }
    }

    /// The rows from the block's first on.
    fn rows_from(&mut self, column: usize, row: usize) -> impl Iterator<Item = &mut [u8]> {
        let (width, height) = self.block;
        let start = (row * height * self.stride).min(self.data.len());
        self.data[start..]
            .chunks_exact_mut(self.stride)
            .take(height)
            .map(move |row| &mut row[column * width..][..width])
    }
}

/// One component's way from bits to pixels.
struct Channel<'a> {
    plane: Plane<'a>,
    across: usize,
    down: usize,
    dc: &'a HuffmanTable,
    ac: &'a HuffmanTable,
    /// Quantization steps in zigzag order, with all else that is to be multiplied.
    steps: [f32; 64],
    /// The level of a coefficient of 0 at frequency 0.
    middle: f32,
    idct: Idct,
    level: Level,
    /// The last block's DC coefficient.
    dc_before: i32,
    /// Zeros between blocks.
    block: Block,
}

impl<'a> Channel<'a> {
    fn new(header: &'a Header, index: usize, plane: Plane<'a>) -> Self {
        let component = &header.components()[index];
        let (steps, dc, ac) = header.tables(component);
        let (gain, middle) = match (header.components().len(), index) {
            (1, _) => (1.0, 128.0),
            (_, 0) => (LUMA_GAIN, 16.0 + 128.0 * LUMA_GAIN),
            _ => (CHROMA_GAIN, 128.0),
        };
        Self {
            across: component.across,
            down: component.down,
            dc,
            ac,
            steps: steps.map(|step| f32::from(step) * gain * WEIGHT),
            middle,
            idct: idct::of_size(plane.block.0, plane.block.1),
            level: Level::new(),
            plane,
            dc_before: 0,
            block: [[0.0; 8]; 8],
        }
    }

    /// Decodes the component's blocks of one unit.
    #[inline(always)]
    fn decode_unit(&mut self, bits: &mut BitReader<'_>, x: usize, y: usize) -> Result<(), Flaw> {
        for down in 0..self.down {
            for across in 0..self.across {
                let mut own = *bits;
                let flat = self.read_block(&mut own)?;
                *bits = own;
                let (column, row) = (x * self.across + across, y * self.down + down);
                if flat {
                    let level = idct::round(self.block[0][0]);
                    for row in self.plane.rows_from(column, row) {
                        row.fill(level);
                    }
                } else {
                    let pixels = (self.idct)(self.level, &self.block);
                    for (to, from) in self.plane.rows_from(column, row).zip(&pixels) {
                        to.copy_from_slice(&from[..to.len()]);
                    }
                    self.block = [[0.0; 8]; 8];
                }
            }
        }
        Ok(())
    }

    /// Puts a coefficient into its place in the block.
    #[inline(always)]
    fn put(&mut self, k: usize, number: i32) -> Result<(), Flaw> {
        let (Some(&place), Some(&step)) = (ZIGZAG.get(k), self.steps.get(k)) else {
            return Err("a block of more than 64 coefficients: the JPEG is corrupt".to_owned());
        };
        self.block.as_flattened_mut()[usize::from(place)] = number as f32 * step;
        Ok(())
    }

    /// Reads a block's coefficients; answers whether the first is the only one.
    #[inline(always)]
    fn read_block(&mut self, bits: &mut BitReader<'_>) -> Result<bool, Flaw> {
        bits.refill();
        match bits.symbol(self.dc)? {
            0 => {}
            length @ 1..=11 => {
                let difference = bits.number(length.into());
                self.dc_before = self.dc_before.wrapping_add(difference);
            }
            length => {
                return Err(format!(
                    "a difference of {length} bits, expected at most 11"
                ));
            }
        }
        self.block[0][0] = self.dc_before as f32 * self.steps[0] + self.middle;
        let mut k = 1;
        while k < 64 {
            bits.refill();
            if let Some(Whole { zeros, number, .. }) = bits.whole(self.ac) {
                if number == 0 {
                    return Ok(k == 1);
                }
                k += usize::from(zeros);
                self.put(k, number.into())?;
                k += 1;
                continue;
            }
            let symbol = bits.symbol(self.ac)?;
            let (zeros, length) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            k += zeros;
            if length == 0 {
                match zeros {
                    // Sixteen zeros, and on.
                    15 => {
                        k += 1;
                        continue;
                    }
                    0 => return Ok(k == 1),
                    _ => return Err("a coefficient of no bits: the JPEG is corrupt".to_owned()),
                }
            }
            let number = bits.number(length);
            self.put(k, number)?;
            k += 1;
        }
        if k > 64 {
            return Err("a block of more than 64 coefficients: the JPEG is corrupt".to_owned());
        }
        Ok(false)
    }
}

/// Decodes a scan of all components into their planes, and answers with what stands behind it.
pub(super) fn decode<'a, const N: usize>(
    data: &'a [u8],
    header: &Header,
    planes: [Plane<'_>; N],
) -> Result<&'a [u8], Flaw> {
    dispatch!(Level::new(), _simd => decode_units(data, header, planes))
}

#[inline(always)]
fn decode_units<'a, const N: usize>(
    data: &'a [u8],
    header: &Header,
    planes: [Plane<'_>; N],
) -> Result<&'a [u8], Flaw> {
    let mut index = 0;
    let mut channels = planes.map(|plane| {
        index += 1;
        Channel::new(header, index - 1, plane)
    });
    let mut bits = BitReader::new(data);
    let (columns, rows) = header.units();
    let (mut until_restart, mut restarts) = (header.restart_interval, 0);
    for y in 0..rows {
        for x in 0..columns {
            if header.restart_interval > 0 {
                if until_restart == 0 {
                    bits = bits.restart(restarts % 8)?;
                    restarts = (restarts + 1) % 8;
                    until_restart = header.restart_interval;
                    for channel in &mut channels {
                        channel.dc_before = 0;
                    }
                }
                until_restart -= 1;
            }
            for channel in &mut channels {
                channel.decode_unit(&mut bits, x, y)?;
            }
        }
    }
    bits.finish()
}
