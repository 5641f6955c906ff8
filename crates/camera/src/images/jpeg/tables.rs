//! What stands before a scan and holds for it: quantization and Huffman tables, restarts, hints at the colours (T.81, annex
//! B.2.4).

use crate::mjpeg::{Flaw, huffman::HuffmanTable};

/// The tables that the file has given so far.
pub(super) struct Tables {
    /// Steps in zigzag order.
    pub(super) quantization: [Option<[u16; 64]>; 4],
    pub(super) dc: [HuffmanTable; 4],
    pub(super) ac: [HuffmanTable; 4],
    pub(super) restart_interval: usize,
}

impl Tables {
    /// Those that T.81 calls typical, which some files leave out.
    pub(super) fn typical() -> Self {
        let none = HuffmanTable::default;
        Self {
            quantization: [None; 4],
            dc: [
                HuffmanTable::luma_dc(),
                HuffmanTable::chroma_dc(),
                none(),
                none(),
            ],
            ac: [
                HuffmanTable::luma_ac(),
                HuffmanTable::chroma_ac(),
                none(),
                none(),
            ],
            restart_interval: 0,
        }
    }

    pub(super) fn read_quantization(&mut self, mut segment: &[u8]) -> Result<(), Flaw> {
        while let [kind, rest @ ..] = segment {
            let (is_wide, to) = (kind >> 4 > 0, usize::from(kind & 15));
            let bytes = if is_wide { 128 } else { 64 };
            let values = rest
                .get(..bytes)
                .ok_or("a quantization table that is cut off")?;
            let mut steps = [0; 64];
            for (i, step) in steps.iter_mut().enumerate() {
                *step = if is_wide {
                    u16::from_be_bytes([values[2 * i], values[2 * i + 1]])
                } else {
                    values[i].into()
                };
            }
            *self
                .quantization
                .get_mut(to)
                .ok_or("a quantization table beyond the fourth")? = Some(steps);
            segment = &rest[bytes..];
        }
        Ok(())
    }

    pub(super) fn read_huffman(&mut self, mut segment: &[u8]) -> Result<(), Flaw> {
        const CUT_TABLE: &str = "a Huffman table that is cut off";
        while let [kind, rest @ ..] = segment {
            let counts: &[u8; 16] = rest.first_chunk().ok_or(CUT_TABLE)?;
            let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
            let symbols = rest.get(16..16 + total).ok_or(CUT_TABLE)?;
            let of_class = if kind >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            let table = of_class.get_mut(usize::from(kind & 15));
            table
                .ok_or("a Huffman table beyond the fourth")?
                .build(counts, symbols)?;
            segment = &rest[16 + total..];
        }
        Ok(())
    }
}

/// What a file says of its colours.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints {
    pub(super) is_jfif: bool,
    /// The transform of Adobe's marker.
    pub(super) adobe: Option<u8>,
}
