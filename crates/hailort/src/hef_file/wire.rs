//! Protobuf's wire format, as far as reading needs it: fields of a message, one after another.
//!
//! <https://protobuf.dev/programming-guides/encoding/>. Nothing is copied or kept; a message within
//! a message is a slice to be read in turn, so depth is the caller's. A field of another wire type
//! than its number has in the schema counts as unknown, as it does for protobuf itself: so readers
//! match on number and [`Value`] together.

use super::error::HefFileError;

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Integers, booleans, enums.
    Varint(u64),
    /// `double`, `fixed64`.
    Fixed64([u8; 8]),
    /// Texts, bytes, messages, packed numbers: with where it lies in the file.
    Bytes(Message<'a>),
    /// `float`, `fixed32`.
    Fixed32([u8; 4]),
}

/// An integer as protobuf cuts it to 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "as protobuf does")]
pub(super) fn u32_of(varint: u64) -> u32 {
    varint as u32
}

/// Bytes of the longest key and the longest length: both stand for 32 bits.
const SHORT_VARINT: u32 = 5;
/// Bytes of the longest integer.
const LONG_VARINT: u32 = 10;

/// A message: iterates over its fields as `(number, value)`. Ends after the first error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Message<'a> {
    pub(super) bytes: &'a [u8],
    /// Where `bytes` begins in the file.
    pub(super) offset: usize,
}

impl<'a> Message<'a> {
    pub(super) fn broken(&self, what: &'static str) -> HefFileError {
        HefFileError::Contents {
            offset: self.offset,
            what,
        }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(count)?;
        self.bytes = rest;
        self.offset += count;
        Some(taken)
    }

    /// The text that this is, of at most `limit` bytes; a longer one is cut.
    pub(super) fn text(self, limit: usize) -> String {
        let bytes = self.bytes.get(..limit).unwrap_or(self.bytes);
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// Takes an integer of at most so many bytes.
    fn varint(&mut self, longest: u32) -> Result<u64, HefFileError> {
        let mut value = 0;
        for shift in (0..longest * 7).step_by(7) {
            let byte = match self.take(1) {
                Some([byte]) => *byte,
                _ => return Err(self.broken("a number is cut off")),
            };
            // The tenth byte has room for one bit.
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.broken("a number has too many bits"))
    }

    /// Takes the next of packed integers.
    pub(super) fn packed_varint(&mut self) -> Result<u64, HefFileError> {
        self.varint(LONG_VARINT)
    }

    /// Takes the next of packed numbers of `N` bytes.
    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], HefFileError> {
        self.take(N)
            .and_then(|bytes| bytes.first_chunk::<N>())
            .copied()
            .ok_or_else(|| self.broken("a number is cut off"))
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), HefFileError> {
        let key = self.varint(SHORT_VARINT)?;
        let number = key >> 3;
        let value = match key & 7 {
            0 => Value::Varint(self.varint(LONG_VARINT)?),
            1 => Value::Fixed64(self.fixed()?),
            2 => {
                let length = self.varint(SHORT_VARINT)?;
                let offset = self.offset;
                let bytes = usize::try_from(length)
                    .ok()
                    .and_then(|length| self.take(length))
                    .ok_or_else(|| self.broken("a field is longer than its message"))?;
                Value::Bytes(Message { bytes, offset })
            }
            5 => Value::Fixed32(self.fixed()?),
            _ => return Err(self.broken("a field has an unknown wire type")),
        };
        if number == 0 {
            return Err(self.broken("a field has the number 0"));
        }
        Ok((number, value))
    }
}

impl<'a> Iterator for Message<'a> {
    type Item = Result<(u64, Value<'a>), HefFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.bytes = &[];
        }
        Some(field)
    }
}
