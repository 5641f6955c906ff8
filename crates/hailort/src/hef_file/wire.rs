//! Protobuf's wire format, as far as reading needs it: fields of a message, one after another.
//!
//! <https://protobuf.dev/programming-guides/encoding/>. Nothing is copied or kept; a message within
//! a message is a slice to be read in turn, so depth is the caller's.

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

impl<'a> Value<'a> {
    /// The integer, cut to 32 bits as protobuf does; 0 for another type.
    pub(super) fn u32(self) -> u32 {
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "as protobuf does")]
            Self::Varint(value) => value as u32,
            _ => 0,
        }
    }

    pub(super) fn u64(self) -> u64 {
        match self {
            Self::Varint(value) => value,
            _ => 0,
        }
    }

    pub(super) fn f32(self) -> f32 {
        match self {
            Self::Fixed32(bytes) => f32::from_le_bytes(bytes),
            _ => 0.0,
        }
    }

    /// A message within; empty for another type.
    pub(super) fn message(self) -> Message<'a> {
        match self {
            Self::Bytes(message) => message,
            _ => Message {
                bytes: &[],
                offset: 0,
            },
        }
    }

    /// A text of at most `limit` bytes; longer ones are cut.
    pub(super) fn text(self, limit: usize) -> String {
        let bytes = self.message().bytes;
        let bytes = bytes.get(..limit).unwrap_or(bytes);
        String::from_utf8_lossy(bytes).into_owned()
    }
}

/// A message: iterates over its fields as `(number, value)`. Ends after the first error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Message<'a> {
    pub(super) bytes: &'a [u8],
    /// Where `bytes` begins in the file.
    pub(super) offset: usize,
}

impl<'a> Message<'a> {
    fn broken(&self, what: &'static str) -> HefFileError {
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

    fn varint(&mut self) -> Result<u64, HefFileError> {
        let mut value = 0;
        for shift in (0..70).step_by(7) {
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
        Err(self.broken("a number has more than 64 bits"))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], HefFileError> {
        self.take(N)
            .and_then(|bytes| bytes.first_chunk::<N>())
            .copied()
            .ok_or_else(|| self.broken("a number is cut off"))
    }

    fn field(&mut self) -> Result<(u64, Value<'a>), HefFileError> {
        let key = self.varint()?;
        let number = key >> 3;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed()?),
            2 => {
                let length = self.varint()?;
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
