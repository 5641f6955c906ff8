//! COCO's compressed run lengths.
//!
//! The form that `pycocotools.mask` calls `counts`. The picture is read column by column, and the
//! lengths of alternating runs are listed, background first (perhaps with length 0). From the
//! fourth length on, each is given as the difference to the one two before. A number is cut into
//! groups of five bits, the lowest group first, in two's complement; a sixth bit says that more
//! groups follow, and 48 is added to make it a printable character.
//!
//! Masks are held by rows and lengths are wanted by columns: see `Changes` for how they come
//! across without a bitmap, in time proportional to the borders' length.

use fearless_simd::{dispatch, prelude::*, u32x8};
use frame::Size;
use thiserror::Error;

use super::transpose::{Changes, differing_pixels};
use crate::processor::level;
use crate::{Mask, Run};

/// Runs that [`decode`] makes at most; 4K video with stripes one pixel wide has fewer. Without a
/// limit a text of 100 kB could ask for gigabytes.
pub const MAX_DECODED_RUNS: u32 = 1 << 22;

/// Why a text is not the run lengths of a mask.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A side is beyond 16 bits.
    #[error("a mask of {0} is too large: expected sides of at most 65535 pixels")]
    Size(Size),
    /// A character that stands for nothing.
    #[error("byte {byte:#04x} at offset {offset}: expected characters from '0' to 'o'")]
    Character {
        /// Offset in bytes.
        offset: usize,
        /// What stands there.
        byte: u8,
    },
    /// The text ends within a number, or a number has more groups than any mask needs.
    #[error("the number that begins at offset {offset} has no end")]
    Unterminated {
        /// Offset in bytes.
        offset: usize,
    },
    /// A length is below zero or beyond 32 bits.
    #[error("run length {index} is {length}: expected 0 to 4294967295")]
    Length {
        /// Which length, from 0.
        index: usize,
        /// What it comes out as.
        length: i64,
    },
    /// The lengths don't add up to the mask's pixels.
    #[error("the run lengths add up to at least {found} pixels: expected {expected}")]
    TooLong {
        /// Pixels of the size.
        expected: u64,
        /// The sum as far as it was read.
        found: u64,
    },
    /// The lengths don't reach the mask's last pixel.
    #[error("the run lengths add up to {found} pixels: expected {expected}")]
    TooShort {
        /// Pixels of the size.
        expected: u64,
        /// Their sum.
        found: u64,
    },
    /// The mask has more than [`MAX_DECODED_RUNS`].
    #[error("the mask has {0} row runs: expected at most {MAX_DECODED_RUNS}")]
    TooManyRuns(u64),
}

/// The `counts` of several masks, in one buffer.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    text: Vec<u8>,
    /// Where each mask's end.
    ends: Vec<usize>,
}

impl Texts {
    /// Forgets them, keeps the buffers.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Adds a mask's.
    pub fn push(&mut self, encoder: &mut Encoder, mask: &Mask) {
        encoder.encode(mask, &mut self.text);
        self.ends.push(self.text.len());
    }

    /// Those of the mask that was added at this place.
    pub fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text.get(start..end)
    }
}

/// Encodes masks, reusing its buffers.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    changes: Changes,
    wrapped: Vec<Run>,
}

impl Encoder {
    /// An encoder; its buffers grow with the first masks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the mask's `counts`, all ASCII; with the mask's `[height, width]` beside it,
    /// `pycocotools.mask.decode` reads it.
    pub fn encode(&mut self, mask: &Mask, counts: &mut Vec<u8>) {
        self.wrap_bottom_row(mask);
        dispatch!(level(), simd => self.encode_with(simd, mask, counts));
    }

    /// Appends the mask's lengths as numbers: what COCO calls an uncompressed RLE.
    pub fn lengths(&mut self, mask: &Mask, lengths: &mut Vec<u32>) {
        self.wrap_bottom_row(mask);
        let end = mask.size().width * mask.size().height;
        let positions = dispatch!(level(), simd => self.positions(simd, mask));
        let mut before = 0;
        for &position in positions.iter().chain([&end]) {
            lengths.push(position - before);
            before = position;
        }
    }

    #[inline(always)]
    fn encode_with<S: Simd>(&mut self, simd: S, mask: &Mask, counts: &mut Vec<u8>) {
        let Size { width, height } = mask.size();
        let positions = self.positions(simd, mask);
        write(simd, positions, width * height, counts);
    }

    /// Where lengths end, read by columns; all but the last.
    #[inline(always)]
    fn positions<S: Simd>(&mut self, simd: S, mask: &Mask) -> &[u32] {
        let Size { width, height } = mask.size();
        let sides = [width, height];
        let (changes, wrapped) = (&mut self.changes, &self.wrapped);
        changes.sort(simd, wrapped, mask.runs(), sides, height)
    }

    /// Read by columns, the pixel before one of the top row is in the bottom row, a column ahead.
    fn wrap_bottom_row(&mut self, mask: &Mask) {
        let Size { width, height } = mask.size();
        let bottom = mask
            .runs()
            .partition_point(|run| u32::from(run.y) + 1 < height);
        let shifted = mask.runs()[bottom..].iter().map(|run| Run {
            y: 0,
            start: run.start + 1,
            end: width.min(u32::from(run.end) + 1) as u16,
        });
        self.wrapped.clear();
        self.wrapped
            .extend(shifted.filter(|run| run.start < run.end));
    }
}

/// The lowest six bits of a character: five of the number, and whether more follow.
const DIGIT: u8 = 0x1f;
const SIGN: u8 = 0x10;
const MORE: u8 = 0x20;
/// What is added to make a character printable.
const BASE: u8 = b'0';
/// Groups of the largest difference between two 32-bit lengths.
const MAX_GROUPS: usize = 7;

/// Numbers turned into characters together.
const LANES: usize = 8;

/// Appends the lengths up to, between and behind `positions`, which ascend to `end` at most.
#[inline(always)]
fn write<S: Simd>(simd: S, positions: &[u32], end: u32, counts: &mut Vec<u8>) {
    let position = |i: usize| positions.get(i).copied().unwrap_or(end);
    let length = |i: usize| {
        let before = i.checked_sub(1).map_or(0, position);
        i64::from(position(i) - before)
    };
    let number = |i: usize| length(i) - if i > 2 { length(i - 2) } else { 0 };

    let mut next = 0;
    while next < positions.len().min(3) {
        write_number(number(next), counts);
        next += 1;
    }
    // Outlines are smooth: nearly all numbers are between -16 and 15, one character each. In 32
    // bits, no larger number looks like such a one as long as lengths have 31.
    while end <= i32::MAX.cast_unsigned()
        && let Some(places) = positions[next.saturating_sub(3)..].first_chunk::<{ LANES + 3 }>()
    {
        let places = |first: usize| u32x8::from_slice(simd, &places[first..first + LANES]);
        let numbers = (places(3) - places(2)) - (places(1) - places(0));
        if (numbers + 16).simd_lt(32).all_true() {
            let characters = (numbers & u32::from(DIGIT)) + u32::from(BASE);
            counts.extend_from_slice(&characters.to_array().map(|character| character as u8));
        } else {
            for number in numbers.to_array() {
                write_number(i64::from(number.cast_signed()), counts);
            }
        }
        next += LANES;
    }
    for i in next..=positions.len() {
        write_number(number(i), counts);
    }
}

/// Appends one number's characters.
#[inline]
fn write_number(number: i64, counts: &mut Vec<u8>) {
    let mut rest = number;
    loop {
        let digit = rest as u8 & DIGIT;
        rest >>= 5;
        // Done where the rest is what a reader takes from the digit's sign.
        if rest == (if digit & SIGN == 0 { 0 } else { -1 }) {
            counts.push(digit + BASE);
            break;
        }
        counts.push((digit | MORE) + BASE);
    }
}

/// The mask over `size` pixels that `counts` stands for.
///
/// # Errors
/// Whatever isn't exactly such a mask, and masks of more than [`MAX_DECODED_RUNS`].
pub fn decode(size: Size, counts: &str) -> Result<Mask, DecodeError> {
    if size.width.max(size.height) > u32::from(u16::MAX) {
        return Err(DecodeError::Size(size));
    }
    let columns = read_columns(size, counts.as_bytes())?;
    // One column more, for what reaches the right border to end there.
    let lines = size.width + 1;
    // Each run begins with a change and ends with one.
    let runs = differing_pixels(&columns, lines) / 2;
    if runs > u64::from(MAX_DECODED_RUNS) {
        return Err(DecodeError::TooManyRuns(runs));
    }
    let mut changes = Changes::default();
    let sides = [size.height, lines];
    let ends = dispatch!(level(), simd => changes.sort(simd, &[], &columns, sides, lines));
    let runs = ends.chunks_exact(2).map(|ends| Run {
        y: (ends[0] / lines) as u16,
        start: (ends[0] % lines) as u16,
        end: (ends[1] % lines) as u16,
    });
    let mut mask = Mask::empty(size);
    mask.refill(size).extend(runs);
    Ok(mask)
}

/// The foreground as runs of the transposed mask: `y` is a column, `start` and `end` are rows.
fn read_columns(size: Size, counts: &[u8]) -> Result<Vec<Run>, DecodeError> {
    let expected = size.pixels() as u64;
    let height = u64::from(size.height);
    let mut columns: Vec<Run> = Vec::new();
    let mut reader = Reader::new(counts);
    let mut position = 0;
    while let Some(length) = reader.next()? {
        let end = position + u64::from(length);
        if end > expected {
            return Err(DecodeError::TooLong {
                expected,
                found: end,
            });
        }
        // Background and foreground take turns.
        let foreground = reader.read.is_multiple_of(2);
        while foreground && position < end {
            let column = position / height;
            let piece_end = end.min((column + 1) * height);
            let run = Run {
                y: column as u16,
                start: (position - column * height) as u16,
                end: (piece_end - column * height) as u16,
            };
            // Runs touch where the background between them has length 0.
            match columns.last_mut() {
                Some(last) if last.y == run.y && last.end == run.start => last.end = run.end,
                _ => columns.push(run),
            }
            position = piece_end;
        }
        position = end;
    }
    if position < expected {
        return Err(DecodeError::TooShort {
            expected,
            found: position,
        });
    }
    Ok(columns)
}

/// Reads lengths from characters.
struct Reader<'a> {
    counts: &'a [u8],
    offset: usize,
    /// Lengths read so far.
    read: usize,
    /// The last two, the earlier one first.
    previous: [u32; 2],
}

impl<'a> Reader<'a> {
    fn new(counts: &'a [u8]) -> Self {
        Self {
            counts,
            offset: 0,
            read: 0,
            previous: [0; 2],
        }
    }

    fn next(&mut self) -> Result<Option<u32>, DecodeError> {
        if self.offset == self.counts.len() {
            return Ok(None);
        }
        let mut length = self.number()?;
        if self.read > 2 {
            length += i64::from(self.previous[0]);
        }
        let length = u32::try_from(length).map_err(|_| DecodeError::Length {
            index: self.read,
            length,
        })?;
        self.read += 1;
        self.previous = [self.previous[1], length];
        Ok(Some(length))
    }

    fn number(&mut self) -> Result<i64, DecodeError> {
        let start = self.offset;
        let mut number = 0;
        for group in 0..MAX_GROUPS {
            let Some(&byte) = self.counts.get(self.offset) else {
                break;
            };
            let bits = byte
                .checked_sub(BASE)
                .filter(|&bits| bits <= DIGIT | MORE)
                .ok_or(DecodeError::Character {
                    offset: self.offset,
                    byte,
                })?;
            self.offset += 1;
            number |= i64::from(bits & DIGIT) << (5 * group);
            if bits & MORE == 0 {
                let sign_extension = if bits & SIGN == 0 { 0 } else { -1 };
                return Ok(number | (sign_extension << (5 * (group + 1))));
            }
        }
        Err(DecodeError::Unterminated { offset: start })
    }
}

#[cfg(test)]
mod tests;
