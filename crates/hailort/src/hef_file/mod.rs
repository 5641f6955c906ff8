//! HEF files, read without the library.
//!
//! A HEF is a container ([`header`](Header)) around a protobuf message and the network's weights.
//! The container is checked whole; of the message, [`Contents`] takes what tells a user what the
//! file is: chip, compiler, network, inputs and outputs with their quantization. The layout is
//! known from libhailort's published sources (MIT licence): the container from its reader, the
//! field numbers from `hef.proto` of v4.23.0. Fields this reader does not know are skipped.
//!
//! Everything here takes untrusted bytes: sizes are checked before use, nothing recurses, and what
//! is kept is bounded whatever the file claims.

mod contents;
mod header;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use sha2::{Digest, Sha256};

pub use contents::{Contents, HefArchitecture, Layer, LayerDirection, NetworkGroup};
pub use header::{Hash, Header, MAGIC, MIN_SIZE};

/// The largest file that is read. The published FastSAM and CLIP HEFs are below 150 MB.
pub const MAX_SIZE: u64 = 1 << 30;

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
    #[error("HEF container version {0} is unknown: 0 to 3 can be read")]
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
    /// The protobuf message is broken.
    #[error("the HEF's description is broken at byte {offset}: {what}")]
    Contents {
        /// Where in the file.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

/// A HEF in memory whose size and magic are right.
pub struct HefFile {
    bytes: Vec<u8>,
}

impl HefFile {
    /// Reads a file, if it begins as a HEF does and is as long as its header says.
    pub fn read(path: &Path) -> Result<Self, HefFileError> {
        // To open a pipe is to wait for its other end.
        if !fs::metadata(path)?.is_file() {
            return Err(HefFileError::NotAFile);
        }
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        if size > MAX_SIZE {
            return Err(HefFileError::TooLarge { size });
        }
        // It may grow meanwhile.
        let mut file = file.take(MAX_SIZE + 1);
        let mut bytes = Vec::new();
        Read::by_ref(&mut file)
            .take(MIN_SIZE)
            .read_to_end(&mut bytes)?;
        let front = Self::from_bytes(bytes)?;
        // A container of an unknown version does not say its length in a way known here.
        if let Ok(header) = front.header() {
            header.check_length(size)?;
        }
        let Self { mut bytes } = front;
        let rest = usize::try_from(size.saturating_sub(MIN_SIZE)).unwrap_or(0);
        bytes
            .try_reserve_exact(rest)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        file.read_to_end(&mut bytes)?;
        Self::from_bytes(bytes)
    }

    /// Takes a file's bytes.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, HefFileError> {
        let size = bytes.len() as u64;
        if size > MAX_SIZE {
            return Err(HefFileError::TooLarge { size });
        }
        let Some(found) = bytes.first_chunk::<4>().filter(|_| size >= MIN_SIZE) else {
            return Err(HefFileError::TooSmall { size });
        };
        if *found != MAGIC {
            return Err(HefFileError::Magic { found: *found });
        }
        Ok(Self { bytes })
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The container's header.
    pub fn header(&self) -> Result<Header, HefFileError> {
        Header::parse(&self.bytes)
    }

    /// Checks the length and the hash that the header states.
    pub fn verify(&self) -> Result<(), HefFileError> {
        self.header()?.verify(&self.bytes)
    }

    /// What it describes.
    pub fn contents(&self) -> Result<Contents, HefFileError> {
        let header = self.header()?;
        let message = header.message(&self.bytes)?;
        Contents::parse(message, header.size())
    }

    /// The sha256 of the whole file.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }

    /// Checks the sha256 of the whole file.
    pub fn verify_sha256(&self, expected: [u8; 32]) -> Result<(), HefFileError> {
        let found = self.sha256();
        if found == expected {
            return Ok(());
        }
        Err(HefFileError::Sha256 {
            found: hex(&found),
            expected: hex(&expected),
        })
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
