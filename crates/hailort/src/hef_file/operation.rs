//! What a context does to set the chip up: which weights it fetches, and through which channels.
//!
//! ```text
//! Operation { trigger = 1 { lcu = 2, none = 3, data_sent = 4, data_received = 5, nms = 6, dma_idle = 7 }, actions = 2 }
//! Action { write_data_ccw = 3 { data = 1, cfg_channel_index = 2 },
//!       write_data_ccw_ptr = 16 { offset = 1, size = 2, cfg_channel_index = 3 } }
//! ```
//!
//! Of the actions themselves, of which a HEF has thousands, nothing is kept.

use super::{
    error::HefFileError,
    reader::{Merged, Reader},
    wire::Message,
};

/// The highest number of a channel.
const MAX_CHANNEL: u32 = 255;

/// What the operations of a context come to.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// The channels that weights come through, a bit for each.
    channels: [u64; 4],
    /// Weights lie outside the file.
    pub(super) weights_outside: bool,
    /// What of it the library would refuse.
    pub(super) refusal: Option<&'static str>,
}

/// Kinds of triggers: all but the fifth, which the library has no answer to.
const TRIGGERS: [u64; 6] = [2, 3, 4, 5, 6, 7];
const UNANSWERED_TRIGGER: u64 = 5;
/// Kinds of actions.
const ACTIONS: [u64; 15] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

impl Operations {
    /// Reads the operations that a message holds under this number.
    pub(super) fn read(
        message: &Merged<'_>,
        number: u64,
        reader: &Reader,
    ) -> Result<Self, HefFileError> {
        let mut operations = Self::default();
        for operation in message.each(number) {
            let operation = Merged::from(operation?);
            match operation.message(1)?.choice(&TRIGGERS)? {
                Some((trigger, _)) if trigger != UNANSWERED_TRIGGER => {}
                _ => operations.refuse("an operation has no trigger that it knows"),
            }
            for action in operation.each(2) {
                operations.read_action(action?, reader)?;
            }
        }
        Ok(operations)
    }

    fn read_action(&mut self, action: Message<'_>, reader: &Reader) -> Result<(), HefFileError> {
        match Merged::from(action).choice(&ACTIONS)? {
            Some((3, ccw)) => {
                if reader.container > 0 {
                    self.refuse("weights lie within the description");
                }
                self.use_channel(ccw.integer(2)?);
            }
            Some((16, pointer)) => {
                if reader.container == 0 {
                    self.refuse("weights lie outside the description");
                }
                let (offset, size) = (pointer.long(1)?.unwrap_or(0), pointer.integer(2)?);
                // Where the library's sum passes 64 bits, it may meet the file again; no compiler
                // writes that.
                let end = offset.checked_add(size.into());
                self.weights_outside |= end.is_none_or(|end| end > reader.room);
                self.use_channel(pointer.integer(3)?);
            }
            Some((5..=15, _)) => {}
            _ => self.refuse("an action is of a kind that it does not know"),
        }
        Ok(())
    }

    fn use_channel(&mut self, channel: u32) {
        if channel > MAX_CHANNEL {
            self.refuse("weights come through a channel above 255");
        } else if let Some(bits) = self.channels.get_mut(channel as usize / 64) {
            *bits |= 1 << (channel % 64);
        }
    }

    fn refuse(&mut self, why: &'static str) {
        self.refusal.get_or_insert(why);
    }

    /// Whether a channel is used without one before it.
    pub(super) fn has_gap(&self) -> bool {
        let is_used = |channel: usize| {
            let bits = self.channels.get(channel / 64).copied().unwrap_or(0);
            bits & 1 << (channel % 64) != 0
        };
        (0..MAX_CHANNEL as usize).any(|channel| !is_used(channel) && is_used(channel + 1))
    }
}
