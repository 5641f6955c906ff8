//! What is wrong with a HEF.

use std::io;

use super::{
    flaw::Flaw,
    limits::{MAGIC, MAX_SIZE, MIN_SIZE},
};

/// What is wrong with a HEF.
#[derive(Debug, thiserror::Error)]
pub enum HefFileError {
    /// The file can't be read.
    #[error("the HEF can't be read: {0}")]
    Read(#[from] io::Error),
    /// A folder, a pipe or a device.
    #[error("the HEF can't be read: it is not a file")]
    NotAFile,
    /// Too few bytes to be one.
    #[error("{size} bytes are too few for a HEF (at least {MIN_SIZE}): was the download cut off?")]
    TooSmall {
        /// Bytes of the file.
        size: u64,
    },
    /// More bytes than this reader takes.
    #[error("{size} bytes are too many for a HEF (at most {MAX_SIZE})")]
    TooLarge {
        /// Bytes of the file.
        size: u64,
    },
    /// It begins otherwise.
    #[error("this is not a HEF: it begins with {found:02x?}, expected {MAGIC:02x?}")]
    Magic {
        /// Its first bytes.
        found: [u8; 4],
    },
    /// A container of a version that this reader does not know.
    #[error(
        "HEF container version {0} is unknown: 0 to 3 can be read; `fastsamd fetch` gets a HEF for this HailoRT"
    )]
    Version(u32),
    /// The sizes in the header don't add up to the file's.
    #[error(
        "the HEF has {found} bytes after its header, which says {expected}: was the download cut off?"
    )]
    Length {
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        expected: u64,
    },
    /// The content is not what the header was made for.
    #[error("the HEF is damaged: its {kind} is {found}, its header says {expected}")]
    Hash {
        /// `MD5`, `CRC-32` or `XXH3`.
        kind: &'static str,
        /// What was computed, in hexadecimal.
        found: String,
        /// What the header says, in hexadecimal.
        expected: String,
    },
    /// Not the file that was asked for.
    #[error("the HEF's sha256 is {found}, expected {expected}")]
    Sha256 {
        /// What was computed.
        found: String,
        /// What was configured.
        expected: String,
    },
    /// Its checksum is right, and libhailort crashes on what it describes, or does not come back.
    #[error(
        "libhailort would crash on this HEF: {0}; fetch it again with `fastsamd fetch`, or compile it anew"
    )]
    Flaw(Flaw),
    /// The protobuf message is broken.
    #[error(
        "the HEF's description is broken at byte {offset}: {what}; fetch it again with `fastsamd fetch`"
    )]
    Contents {
        /// Where in the file.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
}
