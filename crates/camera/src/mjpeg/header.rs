//! What stands before a JPEG's pixels: sizes, components and tables (T.81, annex B).

use frame::Size;

use super::{Flaw, huffman::HuffmanTable};

const PREFIX: u8 = 0xFF;
const CUT: &str = "the JPEG is cut off: its end marker (FF D9) is missing";

/// Codes that follow [`PREFIX`] (T.81, table B.1).
mod marker {
    pub(super) const BASELINE: u8 = 0xC0;
    pub(super) const EXTENDED: u8 = 0xC1;
    pub(super) const PROGRESSIVE: u8 = 0xC2;
    pub(super) const HUFFMAN_TABLES: u8 = 0xC4;
    pub(super) const START_OF_IMAGE: u8 = 0xD8;
    pub(super) const END_OF_IMAGE: u8 = 0xD9;
    pub(super) const START_OF_SCAN: u8 = 0xDA;
    pub(super) const QUANTIZATION_TABLES: u8 = 0xDB;
    pub(super) const RESTART_INTERVAL: u8 = 0xDD;
}

/// One of luma, Cb and Cr.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Component {
    id: u8,
    /// Blocks in a unit, horizontally and vertically: 1 or 2.
    pub(super) across: usize,
    pub(super) down: usize,
    /// Indices of its tables, less than 4.
    quantization: usize,
    dc: usize,
    ac: usize,
}

/// Quantization steps in zigzag order; all 0 for a table that was not given.
#[derive(Clone, Copy, Debug)]
struct Steps([u16; 64]);

impl Default for Steps {
    fn default() -> Self {
        Self([0; 64])
    }
}

/// Sizes and tables of one picture; refilled for the next.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// Columns and rows; `0x0` before the frame header was read.
    pub(super) size: Size,
    pub(super) components: [Component; 3],
    count: usize,
    /// Units between restart markers; 0 without them.
    pub(super) restart_interval: usize,
    quantization: [Steps; 4],
    dc: [HuffmanTable; 4],
    ac: [HuffmanTable; 4],
    /// What the picture before may have changed.
    custom_tables: bool,
}

impl Header {
    /// Reads up to the scan's header, and answers with what follows it: entropy-coded data.
    pub(super) fn read<'a>(&mut self, jpeg: &'a [u8]) -> Result<&'a [u8], Flaw> {
        self.reset();
        let mut rest = jpeg
            .strip_prefix(&[PREFIX, marker::START_OF_IMAGE])
            .ok_or("not a JPEG: its start marker (FF D8) is missing")?;
        loop {
            let code;
            (code, rest) = match rest {
                [] | [PREFIX] => return Err(CUT.to_owned()),
                [PREFIX, PREFIX, ..] => {
                    rest = &rest[1..];
                    continue;
                }
                [PREFIX, code, rest @ ..] => (*code, rest),
                [byte, ..] => return Err(format!("byte {byte:02X} where a marker must stand")),
            };
            if code == marker::END_OF_IMAGE {
                return Err("the JPEG ends before its pixels".to_owned());
            }
            let [high, low, ..] = rest else {
                return Err(CUT.to_owned());
            };
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            let (segment, behind) = rest.split_at_checked(length).ok_or(CUT)?;
            let segment = segment
                .get(2..)
                .ok_or("a segment shorter than its length")?;
            rest = behind;
            match code {
                marker::BASELINE | marker::EXTENDED => self.read_frame(segment)?,
                marker::PROGRESSIVE => {
                    return Err("the JPEG is progressive, expected a baseline one".to_owned());
                }
                0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                    return Err(format!(
                        "the JPEG's coding (FF {code:02X}) is not supported, expected baseline"
                    ));
                }
                marker::HUFFMAN_TABLES => self.read_huffman_tables(segment)?,
                marker::QUANTIZATION_TABLES => self.read_quantization_tables(segment)?,
                marker::RESTART_INTERVAL => {
                    let &[high, low] = segment else {
                        return Err("a restart interval of a wrong length".to_owned());
                    };
                    self.restart_interval = u16::from_be_bytes([high, low]).into();
                }
                marker::START_OF_SCAN => {
                    self.read_scan(segment)?;
                    return Ok(rest);
                }
                // Application data, comments, and what nobody uses.
                _ => {}
            }
        }
    }

    fn reset(&mut self) {
        self.size = Size::new(0, 0);
        self.count = 0;
        self.restart_interval = 0;
        self.quantization = Default::default();
        if std::mem::take(&mut self.custom_tables) || self.dc[0].is_empty() {
            self.dc = Default::default();
            self.ac = Default::default();
            (self.dc[0], self.ac[0]) = (HuffmanTable::luma_dc(), HuffmanTable::luma_ac());
            (self.dc[1], self.ac[1]) = (HuffmanTable::chroma_dc(), HuffmanTable::chroma_ac());
        }
    }

    fn read_frame(&mut self, segment: &[u8]) -> Result<(), Flaw> {
        if self.count > 0 {
            return Err("the JPEG has two frame headers".to_owned());
        }
        let (&[precision, h1, h0, w1, w0, count], components) = segment
            .split_first_chunk()
            .ok_or("a frame header cut off")?;
        if precision != 8 {
            return Err(format!("{precision} bits a sample, expected 8"));
        }
        self.size = Size::new(
            u16::from_be_bytes([w1, w0]).into(),
            u16::from_be_bytes([h1, h0]).into(),
        );
        if self.size.width == 0 || self.size.height == 0 {
            return Err(format!("a size of {}", self.size));
        }
        let components = components.as_chunks::<3>();
        if !matches!(count, 1 | 3) || components.0.len() != usize::from(count) {
            return Err(format!("{count} components, expected 1 or 3"));
        }
        for (component, &[id, sampling, quantization]) in
            self.components.iter_mut().zip(components.0)
        {
            *component = Component {
                id,
                across: usize::from(sampling >> 4),
                down: usize::from(sampling & 15),
                quantization: usize::from(quantization & 3),
                ..Component::default()
            };
        }
        self.count = count.into();
        self.check_sampling()
    }

    fn check_sampling(&mut self) -> Result<(), Flaw> {
        if self.count == 1 {
            // Alone it shares its units with nobody (T.81, A.2.2).
            (self.components[0].across, self.components[0].down) = (1, 1);
            return Ok(());
        }
        let known = |n: usize| matches!(n, 1 | 2);
        let [luma, cb, cr] = self.components;
        let supported = [luma, cb, cr]
            .iter()
            .all(|c| known(c.across) && known(c.down))
            && (cb.across, cb.down) == (cr.across, cr.down)
            && cb.across <= luma.across
            && cb.down <= luma.down;
        if supported {
            return Ok(());
        }
        let [y, u, v] = [luma, cb, cr].map(|c| format!("{}x{}", c.across, c.down));
        Err(format!(
            "sampling factors {y}, {u}, {v}; expected 4:4:4, 4:2:2, 4:4:0 or 4:2:0"
        ))
    }

    fn read_quantization_tables(&mut self, mut segment: &[u8]) -> Result<(), Flaw> {
        const CUT: &str = "a quantization table cut off";
        while let [kind, rest @ ..] = segment {
            let table = self
                .quantization
                .get_mut(usize::from(kind & 15))
                .ok_or_else(|| format!("quantization table {}, expected 0 to 3", kind & 15))?;
            if kind >> 4 == 0 {
                let (levels, rest) = rest.split_first_chunk::<64>().ok_or(CUT)?;
                table.0 = levels.map(u16::from);
                segment = rest;
            } else {
                let (levels, rest) = rest.split_first_chunk::<128>().ok_or(CUT)?;
                for (to, &from) in table.0.iter_mut().zip(levels.as_chunks().0) {
                    *to = u16::from_be_bytes(from);
                }
                segment = rest;
            }
        }
        Ok(())
    }

    fn read_huffman_tables(&mut self, mut segment: &[u8]) -> Result<(), Flaw> {
        const CUT: &str = "a Huffman table cut off";
        self.custom_tables = true;
        while let [kind, rest @ ..] = segment {
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or(CUT)?;
            let total = counts.iter().map(|&n| usize::from(n)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or(CUT)?;
            let tables = match kind >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                class => return Err(format!("a Huffman table of class {class}, expected 0 or 1")),
            };
            tables
                .get_mut(usize::from(kind & 15))
                .ok_or_else(|| format!("Huffman table {}, expected 0 to 3", kind & 15))?
                .build(counts, symbols)?;
            segment = rest;
        }
        Ok(())
    }

    fn read_scan(&mut self, segment: &[u8]) -> Result<(), Flaw> {
        if self.count == 0 {
            return Err("the JPEG's scan comes before its frame header".to_owned());
        }
        let (&count, rest) = segment.split_first().ok_or("a scan header cut off")?;
        let (selectors, rest) = rest
            .split_at_checked(2 * usize::from(count))
            .ok_or("a scan header cut off")?;
        if usize::from(count) != self.count || rest.len() != 3 {
            return Err(format!(
                "a scan of {count} of {} components, expected all in one",
                self.count
            ));
        }
        let components = &mut self.components[..self.count];
        for (component, &[id, tables]) in components.iter_mut().zip(selectors.as_chunks().0) {
            if id != component.id {
                return Err("the scan's components are not those of the frame".to_owned());
            }
            component.dc = usize::from(tables >> 4 & 3);
            component.ac = usize::from(tables & 3);
            if self.quantization[component.quantization].0.contains(&0) {
                return Err("a quantization table is missing, or has a step of 0".to_owned());
            }
        }
        Ok(())
    }

    /// Whether the picture brings Huffman tables of its own.
    pub(super) fn has_tables(&self) -> bool {
        self.custom_tables
    }

    /// The one or three components that the picture has.
    pub(super) fn components(&self) -> &[Component] {
        &self.components[..self.count]
    }

    /// Units (the blocks of all components that belong together), horizontally and vertically.
    pub(super) fn units(&self) -> (usize, usize) {
        let luma = self.components[0];
        (
            (self.size.width as usize).div_ceil(8 * luma.across),
            (self.size.height as usize).div_ceil(8 * luma.down),
        )
    }

    /// A component's quantization steps in zigzag order, none of them 0, and its codes for DC
    /// differences and for AC coefficients.
    pub(super) fn tables(
        &self,
        component: &Component,
    ) -> (&[u16; 64], &HuffmanTable, &HuffmanTable) {
        (
            &self.quantization[component.quantization].0,
            &self.dc[component.dc],
            &self.ac[component.ac],
        )
    }
}

/// Checks that the next marker behind the pixels is the picture's end, and answers with what follows it.
pub(super) fn find_end(mut rest: &[u8]) -> Result<&[u8], Flaw> {
    loop {
        match rest {
            [] | [PREFIX] => return Err(CUT.to_owned()),
            [PREFIX, marker::END_OF_IMAGE, behind @ ..] => return Ok(behind),
            [PREFIX, code, ..] if !matches!(code, 0 | &PREFIX) => {
                return Err(format!(
                    "marker FF {code:02X} behind the pixels, expected the end (FF D9)"
                ));
            }
            [_, behind @ ..] => rest = behind,
        }
    }
}
