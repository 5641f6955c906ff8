//! What the readers of a description share: how much may be kept of it, and fields of messages.
//!
//! Invariants: what is kept is bounded by [`MAX_ITEMS`] whatever the file claims, and names are cut
//! at [`MAX_NAME`] bytes.

use super::{
    error::HefFileError,
    wire::{Message, Value, u32_of},
};

/// Where names are cut: longer than any that the library takes.
const MAX_NAME: usize = 300;
/// Groups, contexts, layers and names that are kept of one file: 64 contexts, as many as the library
/// takes, with 64 streams each, in 24 layouts of the chip. They come to some 30 MB at most.
const MAX_ITEMS: usize = 100_000;

/// What reading needs to know, and how much more it may keep.
pub(super) struct Reader {
    left: usize,
    /// Bytes of the file behind the place that offsets of weights count from.
    pub(super) room: u64,
    /// The container's version: 0 has the weights within the description.
    pub(super) container: u32,
}

impl Reader {
    pub(super) fn new(container: u32, room: u64) -> Self {
        Self {
            left: MAX_ITEMS,
            room,
            container,
        }
    }

    /// Takes note of one more thing to be kept.
    pub(super) fn keep(&mut self, of: Message<'_>) -> Result<(), HefFileError> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err(of.broken("there is more of it than of any HEF")),
        }
        Ok(())
    }

    /// The names of a repeated field, to be kept.
    pub(super) fn names(
        &mut self,
        message: &Merged<'_>,
        number: u64,
    ) -> Result<Vec<String>, HefFileError> {
        let mut names = Vec::new();
        for name in message.each(number) {
            let name = name?;
            self.keep(name)?;
            names.push(name.text(MAX_NAME));
        }
        Ok(names)
    }
}

/// Pieces of a message that comes once: more than a compiler would ever write it in.
const MAX_PIECES: usize = 1000;

/// A message, perhaps in several pieces.
///
/// Where the schema has a message once and the file has it several times, protobuf merges them:
/// lists grow, and of single values the last counts. To read the pieces one after the other comes to
/// the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Merged<'a> {
    pieces: Vec<Message<'a>>,
}

impl<'a> From<Message<'a>> for Merged<'a> {
    fn from(message: Message<'a>) -> Self {
        Self {
            pieces: vec![message],
        }
    }
}

impl<'a> Merged<'a> {
    /// The fields of all pieces.
    fn fields(&self) -> impl Iterator<Item = Result<(u64, Value<'a>), HefFileError>> + '_ {
        self.pieces.iter().flat_map(|piece| *piece)
    }

    fn push(&mut self, piece: Message<'a>) -> Result<(), HefFileError> {
        if self.pieces.len() == MAX_PIECES {
            return Err(piece.broken("something is there too often"));
        }
        self.pieces.push(piece);
        Ok(())
    }

    /// The message of this number; an empty one if there is none.
    pub(super) fn message(&self, number: u64) -> Result<Self, HefFileError> {
        Ok(self
            .choice(&[number])?
            .map_or_else(Self::default, |(_, message)| message))
    }

    /// Of messages that exclude each other, the last that is there, with its number.
    pub(super) fn choice(&self, numbers: &[u64]) -> Result<Option<(u64, Self)>, HefFileError> {
        let mut chosen: Option<(u64, Self)> = None;
        for field in self.fields() {
            let (number, Value::Bytes(piece)) = field? else {
                continue;
            };
            match &mut chosen {
                _ if !numbers.contains(&number) => {}
                Some((last, pieces)) if *last == number => pieces.push(piece)?,
                other => *other = Some((number, piece.into())),
            }
        }
        Ok(chosen)
    }

    /// What a repeated field of texts or messages holds, one after the other.
    pub(super) fn each(
        &self,
        number: u64,
    ) -> impl Iterator<Item = Result<Message<'a>, HefFileError>> + '_ {
        self.fields().filter_map(move |field| match field {
            Ok((found, Value::Bytes(content))) if found == number => Some(Ok(content)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// What a repeated field of numbers holds, apart or in lists.
    pub(super) fn values(
        &self,
        number: u64,
    ) -> impl Iterator<Item = Result<Value<'a>, HefFileError>> + '_ {
        self.fields().filter_map(move |field| match field {
            Ok((found, value)) if found == number => Some(Ok(value)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    }

    /// The last value of this number that `pick` takes.
    fn last<T>(
        &self,
        number: u64,
        pick: impl Fn(Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, HefFileError> {
        let mut last = None;
        for value in self.values(number) {
            last = pick(value?).or(last);
        }
        Ok(last)
    }

    /// An integer of 64 bits, if it is there.
    pub(super) fn long(&self, number: u64) -> Result<Option<u64>, HefFileError> {
        self.last(number, |value| match value {
            Value::Varint(value) => Some(value),
            _ => None,
        })
    }

    /// An integer of 32 bits; 0 if it is not there.
    pub(super) fn integer(&self, number: u64) -> Result<u32, HefFileError> {
        Ok(self.long(number)?.map_or(0, u32_of))
    }

    /// Whether a flag is set.
    pub(super) fn flag(&self, number: u64) -> Result<bool, HefFileError> {
        Ok(self.long(number)?.is_some_and(|flag| flag != 0))
    }

    /// A number with a fraction; 0 if it is not there.
    pub(super) fn float(&self, number: u64) -> Result<f32, HefFileError> {
        let float = self.last(number, |value| match value {
            Value::Fixed32(bytes) => Some(f32::from_le_bytes(bytes)),
            _ => None,
        })?;
        Ok(float.unwrap_or(0.0))
    }

    /// A text, cut; empty if it is not there.
    pub(super) fn text(&self, number: u64) -> Result<String, HefFileError> {
        let text = self.last(number, |value| match value {
            Value::Bytes(text) => Some(text),
            _ => None,
        })?;
        Ok(text.map_or_else(String::new, |text| text.text(MAX_NAME)))
    }
}
