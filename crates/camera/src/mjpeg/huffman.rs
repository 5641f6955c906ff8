//! Bits of entropy-coded data, and the Huffman codes in them (T.81, annexes C, F.2.2 and K.3).

use super::Flaw;

/// Codes of at most this many bits are found with one look.
const SHORT: u32 = 10;

/// One table of codes.
#[derive(Clone, Debug)]
pub(crate) struct HuffmanTable {
    /// For every [`SHORT`] bits: length and symbol of the code they begin with; 0 for none.
    short: [u16; 1 << SHORT],
    /// For every [`SHORT`] bits, if there is room in them for a code and the number behind it, as a table of
    /// coefficients has them: [`Whole`]; most coefficients of most pictures.
    whole: [Whole; 1 << SHORT],
    /// For each length, the least 16 bits that begin with no code of this length or a shorter one.
    limits: [u32; 17],
    /// For each length, the index of a code's symbol less the code.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

/// A code and the number behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Bits of both; 0 for none.
    length: u8,
    /// Coefficients of 0 before the number.
    pub(crate) zeros: u8,
    /// The number; 0 where the block ends instead.
    pub(crate) number: i16,
}

impl Default for HuffmanTable {
    /// A table without codes.
    fn default() -> Self {
        Self {
            short: [0; 1 << SHORT],
            whole: [Whole::default(); 1 << SHORT],
            limits: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
        }
    }
}

impl HuffmanTable {
    /// Fills the table from how many codes of 1 to 16 bits there are, and their symbols.
    pub(crate) fn build(&mut self, counts: &[u8; 16], symbols: &[u8]) -> Result<(), Flaw> {
        *self = Self::default();
        self.symbols
            .get_mut(..symbols.len())
            .ok_or("a Huffman table of more than 256 codes")?
            .copy_from_slice(symbols);
        let (mut code, mut index) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            let at = length as usize;
            self.offsets[at] = index as i32 - code as i32;
            for &symbol in symbols.iter().skip(index).take(count.into()) {
                if code >> length > 0 {
                    return Err("a Huffman table with more codes than fit".to_owned());
                }
                if length <= SHORT {
                    let spare = SHORT - length;
                    let from = (code << spare) as usize;
                    self.short[from..from + (1 << spare)]
                        .fill((length << 8) as u16 | u16::from(symbol));
                    self.fill_whole(from, length, symbol);
                }
                code += 1;
            }
            index += usize::from(count);
            self.limits[at] = code << (16 - length);
            code <<= 1;
        }
        Ok(())
    }

    /// Fills in what a code of so many bits, which begins the looks from `from` on, comes to with its number.
    fn fill_whole(&mut self, from: usize, length: u32, symbol: u8) {
        let (zeros, bits) = (symbol >> 4, u32::from(symbol & 15));
        let spare = SHORT - length;
        if bits > spare || (bits == 0 && zeros > 0) {
            return;
        }
        let looks = self.whole[from..].iter_mut().take(1 << spare);
        for (look, whole) in looks.enumerate() {
            *whole = Whole {
                length: (length + bits) as u8,
                zeros,
                number: extended((look >> (spare - bits)) as i32, bits) as i16,
            };
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.limits[16] == 0
    }

    /// One of [`TYPICAL`].
    fn typical(place: usize) -> Self {
        let (_, counts, symbols) = TYPICAL[place];
        let mut table = Self::default();
        let built = table.build(&counts, symbols);
        debug_assert_eq!(built, Ok(()));
        table
    }

    /// Table K.3.
    pub(crate) fn luma_dc() -> Self {
        Self::typical(0)
    }

    /// Table K.4.
    pub(crate) fn chroma_dc() -> Self {
        Self::typical(1)
    }

    /// Table K.5.
    pub(crate) fn luma_ac() -> Self {
        Self::typical(2)
    }

    /// Table K.6.
    pub(crate) fn chroma_ac() -> Self {
        Self::typical(3)
    }
}

/// The tables that T.81 gives as typical, and that everybody takes for given: class and place in a JPEG's segment of
/// tables, how many codes of 1 to 16 bits there are, and their symbols.
pub(crate) const TYPICAL: [(u8, [u8; 16], &[u8]); 4] = [
    (0x00, [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &DC),
    (0x01, [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &DC),
    (
        0x10,
        [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D],
        &LUMA_AC,
    ),
    (
        0x11,
        [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
        &CHROMA_AC,
    ),
];

/// Symbols of tables K.3 and K.4: bits of the difference.
const DC: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// Symbols of table K.5: zeros to skip, and bits of the coefficient behind them.
#[rustfmt::skip]
const LUMA_AC: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
    0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5,
    0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

/// Symbols of table K.6.
#[rustfmt::skip]
const CHROMA_AC: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0,
    0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26,
    0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
    0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

/// Reads bits, the highest of each byte first, up to the next marker.
///
/// Behind the last bit there are zeros for ever, so that nothing has to be asked bit by bit;
/// [`BitReader::finish`] tells whether one of them was used.
///
/// What is seldom needed takes a reader by value: one whose address is given away can't be held in registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BitReader<'a> {
    rest: &'a [u8],
    /// The next bits, the very next one highest. Below the `count`th there may be more of the
    /// data's bits, which are put there once again later.
    bits: u64,
    count: u32,
    /// How many zeros from behind the end there were; more than `count` once one was used.
    beyond: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self {
            rest: data,
            bits: 0,
            count: 0,
            beyond: 0,
        }
    }

    /// Makes sure of 48 bits at least.
    #[inline(always)]
    pub(crate) fn refill(&mut self) {
        if self.count >= 48 {
            return;
        }
        if let Some((&word, _)) = self.rest.split_first_chunk() {
            let word = u64::from_be_bytes(word);
            if !has_prefix(word) {
                self.bits |= word >> self.count;
                let bytes = (64 - self.count) / 8;
                self.count += 8 * bytes;
                self.rest = &self.rest[bytes as usize..];
                return;
            }
        }
        *self = self.refilled_slowly();
    }

    #[cold]
    #[inline(never)]
    fn refilled_slowly(mut self) -> Self {
        while self.count <= 56 {
            let (byte, length) = match *self.rest {
                // A zero after FF makes it data.
                [0xFF, 0, ..] => (0xFF, 2),
                [] | [0xFF, ..] => {
                    let more = 64 - self.count;
                    self.count += more;
                    self.beyond = self.beyond.saturating_add(more);
                    return self;
                }
                [byte, ..] => (byte, 1),
            };
            self.rest = &self.rest[length..];
            self.bits |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
        self
    }

    #[inline(always)]
    fn skip(&mut self, count: u32) {
        self.bits <<= count;
        self.count -= count;
    }

    /// The symbol of the next code, of 16 bits at most; there must be as many.
    #[inline(always)]
    pub(crate) fn symbol(&mut self, table: &HuffmanTable) -> Result<u8, Flaw> {
        let found = table.short[(self.bits >> (64 - SHORT)) as usize];
        if found == 0 {
            let (symbol, length) = self.long_symbol(table)?;
            self.skip(length);
            return Ok(symbol);
        }
        self.skip(u32::from(found >> 8));
        Ok(found as u8)
    }

    /// The next code's symbol and its length.
    #[cold]
    #[inline(never)]
    fn long_symbol(self, table: &HuffmanTable) -> Result<(u8, u32), Flaw> {
        let next = (self.bits >> 48) as u32;
        for length in SHORT + 1..=16 {
            let at = length as usize;
            if next < table.limits[at] {
                let index = (next >> (16 - length)) as i32 + table.offsets[at];
                return table
                    .symbols
                    .get(index as usize)
                    .map(|&symbol| (symbol, length))
                    .ok_or_else(|| "a Huffman code without a symbol".to_owned());
            }
        }
        Err("a Huffman code that its table doesn't have".to_owned())
    }

    /// The next code with its number, if both lie within [`SHORT`] bits; there must be as many.
    #[inline(always)]
    pub(crate) fn whole(&mut self, table: &HuffmanTable) -> Option<Whole> {
        let whole = table.whole[(self.bits >> (64 - SHORT)) as usize];
        self.skip(u32::from(whole.length));
        (whole.length > 0).then_some(whole)
    }

    /// A number of `length` bits, 1 to 15; there must be as many.
    #[inline(always)]
    pub(crate) fn number(&mut self, length: u32) -> i32 {
        let value = (self.bits >> (64 - length)) as i32;
        self.skip(length);
        extended(value, length)
    }

    /// So many bits as they are, 0 to 16 of them.
    pub(crate) fn take(&mut self, length: u32) -> u32 {
        self.refill();
        if length == 0 {
            return 0;
        }
        let value = (self.bits >> (64 - length)) as u32;
        self.skip(length);
        value
    }

    /// Ends an interval, and answers with what stands behind its bits.
    pub(crate) fn finish(self) -> Result<&'a [u8], Flaw> {
        if self.count < self.beyond {
            return Err("the JPEG's pixels end too early: it is cut off or corrupt".to_owned());
        }
        Ok(self.rest)
    }

    /// Goes on behind the restart marker with this number, 0 to 7.
    pub(crate) fn restart(self, number: u8) -> Result<Self, Flaw> {
        let rest = self.finish()?;
        let padding = rest.iter().take_while(|&&byte| byte == 0xFF).count();
        match &rest[padding..] {
            &[code, ref behind @ ..] if padding > 0 && code == 0xD0 + number => {
                Ok(Self::new(behind))
            }
            _ => Err(format!(
                "restart marker FF {:02X} is missing: the JPEG is corrupt",
                0xD0 + number
            )),
        }
    }
}

/// The number that `bits` bits stand for: those that begin with 0 are negative (T.81, EXTEND).
#[inline(always)]
const fn extended(value: i32, bits: u32) -> i32 {
    if value < (1 << bits) >> 1 {
        value - (1 << bits) + 1
    } else {
        value
    }
}

/// Whether one of the eight bytes is FF.
#[inline(always)]
const fn has_prefix(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    (!word).wrapping_sub(ONES) & word & (ONES << 7) != 0
}
