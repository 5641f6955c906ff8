//! A scan's entropy-coded data (T.81, annexes F.2 and G.2).

use super::{
    idct::Block,
    picture::{Component, Picture},
    tables::Tables,
};
use crate::mjpeg::{
    Flaw,
    huffman::{BitReader, HuffmanTable},
};

/// What a scan brings: a band of coefficients, in zigzag order, and which of their bits.
#[derive(Clone, Copy, Debug)]
struct Band {
    first: usize,
    last: usize,
    /// The lowest bit that comes, and whether those above it have come before.
    shift: u8,
    refines: bool,
}

/// A component's part of a scan.
struct Channel<'t> {
    /// Its place in the picture.
    place: usize,
    dc: &'t HuffmanTable,
    ac: &'t HuffmanTable,
    dc_before: i32,
}

/// Reads a scan, and answers with what stands behind it.
pub(super) fn decode<'a>(
    picture: &mut Picture,
    tables: &Tables,
    header: &[u8],
    data: &'a [u8],
) -> Result<&'a [u8], Flaw> {
    let (mut channels, band) = read_header(picture, tables, header)?;
    for channel in &channels {
        let component = &mut picture.components[channel.place];
        if component.steps.is_none() {
            let table = tables
                .quantization
                .get(usize::from(component.table))
                .copied()
                .flatten();
            component.steps =
                Some(table.ok_or("a JPEG without a quantization table for one of its colours")?);
        }
        component.make_room(picture.is_progressive);
        component.note(band)?;
    }
    let (columns, rows) = match &channels[..] {
        [channel] => picture.components[channel.place].own_blocks(),
        _ => {
            let component = &picture.components[channels[0].place];
            let (across, down) = component.factors;
            (component.blocks.0 / across, component.blocks.1 / down)
        }
    };
    let is_alone = channels.len() == 1;
    let (mut bits, mut end_of_band, mut restarts) = (BitReader::new(data), 0, 0);
    for unit in 0..columns * rows {
        if tables.restart_interval > 0 && unit > 0 && unit % tables.restart_interval == 0 {
            bits = bits.restart(restarts % 8)?;
            restarts = (restarts + 1) % 8;
            end_of_band = 0;
            channels
                .iter_mut()
                .for_each(|channel| channel.dc_before = 0);
        }
        let (x, y) = (unit % columns, unit / columns);
        for channel in &mut channels {
            let component = &mut picture.components[channel.place];
            let (across, down) = if is_alone { (1, 1) } else { component.factors };
            for row in y * down..(y + 1) * down {
                for column in x * across..(x + 1) * across {
                    if picture.is_progressive {
                        let block = &mut component.coefficients[row * component.blocks.0 + column];
                        channel.read_band(&mut bits, block, band, &mut end_of_band)?;
                    } else {
                        let block = channel.read_block(&mut bits)?;
                        component.put(column, row, &block);
                    }
                }
            }
        }
    }
    bits.finish()
}

fn read_header<'t>(
    picture: &Picture,
    tables: &'t Tables,
    header: &[u8],
) -> Result<(Vec<Channel<'t>>, Band), Flaw> {
    const CORRUPT: &str = "a scan header that is corrupt";
    let (&count, rest) = header.split_first().ok_or(CORRUPT)?;
    let count = usize::from(count);
    let parts = rest
        .get(..2 * count)
        .filter(|_| (1..=4).contains(&count))
        .ok_or(CORRUPT)?;
    let &[first, last, bits] = rest[2 * count..].first_chunk().ok_or(CORRUPT)?;
    let mut channels: Vec<Channel<'t>> = Vec::new();
    for &[id, selectors] in parts.as_chunks().0 {
        let place = picture
            .components
            .iter()
            .position(|component| component.id == id);
        let place = place.filter(|place| channels.iter().all(|channel| channel.place != *place));
        let [dc, ac] = [selectors >> 4, selectors & 15].map(usize::from);
        channels.push(Channel {
            place: place.ok_or("a scan of a colour that the picture does not have")?,
            dc: tables.dc.get(dc).ok_or(CORRUPT)?,
            ac: tables.ac.get(ac).ok_or(CORRUPT)?,
            dc_before: 0,
        });
    }
    let band = if picture.is_progressive {
        Band {
            first: first.into(),
            last: last.into(),
            shift: bits & 15,
            refines: bits >> 4 > 0,
        }
    } else {
        Band {
            first: 0,
            last: 63,
            shift: 0,
            refines: false,
        }
    };
    let is_dc = band.first == 0 && (band.last == 0 || !picture.is_progressive);
    let is_ac = (1..=band.last).contains(&band.first) && band.last <= 63 && count == 1;
    if !(is_dc || is_ac) || band.shift > 13 {
        return Err(CORRUPT.to_owned());
    }
    Ok((channels, band))
}

impl Component {
    /// Notes what a scan brings.
    fn note(&mut self, band: Band) -> Result<(), Flaw> {
        for missing in &mut self.missing[band.first..=band.last] {
            if band.refines != missing.is_some() {
                return Err("a JPEG whose scans don't follow each other: it is corrupt".to_owned());
            }
            *missing = Some(band.shift);
        }
        Ok(())
    }
}

impl Channel<'_> {
    /// A block of a sequential picture.
    fn read_block(&mut self, bits: &mut BitReader<'_>) -> Result<Block, Flaw> {
        let mut block = [0; 64];
        block[0] = self.read_dc(bits)? as i16;
        let mut place = 1;
        while place < 64 {
            bits.refill();
            let symbol = bits.symbol(self.ac)?;
            let (zeros, length) = (usize::from(symbol >> 4), u32::from(symbol & 15));
            if length == 0 {
                if zeros < 15 {
                    break;
                }
                place += 16;
                continue;
            }
            place += zeros;
            let value = bits.number(length);
            *block.get_mut(place).ok_or(TOO_MANY)? = value as i16;
            place += 1;
        }
        Ok(block)
    }

    /// The next block's mean.
    fn read_dc(&mut self, bits: &mut BitReader<'_>) -> Result<i32, Flaw> {
        bits.refill();
        let length = u32::from(bits.symbol(self.dc)?);
        let difference = match length {
            0 => 0,
            1..=15 => bits.number(length),
            _ => {
                return Err(
                    "a JPEG with a difference of more than 15 bits: it is corrupt".to_owned(),
                );
            }
        };
        self.dc_before = self.dc_before.wrapping_add(difference);
        Ok(self.dc_before)
    }

    /// What a progressive scan brings of a block. `end_of_band` counts the blocks that get nothing more.
    fn read_band(
        &mut self,
        bits: &mut BitReader<'_>,
        block: &mut Block,
        band: Band,
        end_of_band: &mut u32,
    ) -> Result<(), Flaw> {
        match (band.first, band.refines) {
            (0, false) => block[0] = (self.read_dc(bits)? << band.shift) as i16,
            (0, true) => block[0] |= (bits.take(1) << band.shift) as i16,
            (_, false) => self.read_ac(bits, block, band, end_of_band)?,
            (_, true) => self.refine_ac(bits, block, band, end_of_band)?,
        }
        Ok(())
    }

    fn read_ac(
        &self,
        bits: &mut BitReader<'_>,
        block: &mut Block,
        band: Band,
        end_of_band: &mut u32,
    ) -> Result<(), Flaw> {
        if *end_of_band > 0 {
            *end_of_band -= 1;
            return Ok(());
        }
        let mut place = band.first;
        while place <= band.last {
            bits.refill();
            let symbol = bits.symbol(self.ac)?;
            let (zeros, length) = (u32::from(symbol >> 4), u32::from(symbol & 15));
            if length == 0 {
                if zeros < 15 {
                    *end_of_band = (1 << zeros) - 1 + bits.take(zeros);
                    break;
                }
                place += 16;
                continue;
            }
            place += zeros as usize;
            let value = bits.number(length) << band.shift;
            if place > band.last {
                return Err(TOO_MANY.to_owned());
            }
            block[place] = value as i16;
            place += 1;
        }
        Ok(())
    }

    /// Brings one more bit of the coefficients that are not 0, and new ones of that bit.
    fn refine_ac(
        &self,
        bits: &mut BitReader<'_>,
        block: &mut Block,
        band: Band,
        end_of_band: &mut u32,
    ) -> Result<(), Flaw> {
        let bit = 1_i16 << band.shift;
        let refine = |bits: &mut BitReader<'_>, coefficient: &mut i16| {
            if bits.take(1) > 0 && *coefficient & bit == 0 {
                *coefficient = coefficient.wrapping_add(if *coefficient > 0 { bit } else { -bit });
            }
        };
        let mut place = band.first;
        while *end_of_band == 0 && place <= band.last {
            bits.refill();
            let symbol = bits.symbol(self.ac)?;
            let mut zeros = u32::from(symbol >> 4);
            let mut value = 0;
            if symbol & 15 > 0 {
                value = if bits.take(1) > 0 { bit } else { -bit };
            } else if zeros < 15 {
                *end_of_band = (1 << zeros) + bits.take(zeros);
                break;
            }
            while place <= band.last {
                let coefficient = &mut block[place];
                if *coefficient != 0 {
                    refine(bits, coefficient);
                } else if zeros == 0 {
                    *coefficient = value;
                    break;
                } else {
                    zeros -= 1;
                }
                place += 1;
            }
            place += 1;
        }
        if *end_of_band > 0 {
            *end_of_band -= 1;
            for coefficient in &mut block[place.min(band.last + 1)..=band.last] {
                if *coefficient != 0 {
                    refine(bits, coefficient);
                }
            }
        }
        Ok(())
    }
}

const TOO_MANY: &str = "a JPEG with a block of more than 64 coefficients: it is corrupt";
