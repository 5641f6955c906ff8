//! HEF files, read without the library.
//!
//! A HEF is a container ([`header`](Header)) around a protobuf message and the network's weights.
//! The container is checked whole, and the message as protobuf does. Of the message, [`Contents`]
//! takes what tells a user what the file is: chip, compiler, networks, inputs and outputs with their
//! quantization. It also says whether libhailort would crash on the file ([`Contents::check`]) or
//! refuse it ([`Contents::refusal`]). The layout is known from libhailort's published sources (MIT
//! licence): the container from its reader, the field numbers from `hef.proto` of v4.23.0. Fields
//! this reader does not know are skipped.
//!
//! ```text
//! bytes ─ header ─► message ─ schema ─► whole ─ description, layer, operation, host_op ─► Description
//!    Description ─ verdict: crashes?  ─ refusal: refused? ─ contents: what it holds ─► Contents
//! ```
//!
//! Everything here takes untrusted bytes: sizes are checked before use, what recurses has a fixed
//! depth, and what is kept is bounded whatever the file claims.

mod architecture;
mod contents;
mod description;
mod error;
mod extension;
mod flaw;
mod header;
mod host_op;
mod layer;
mod limits;
mod operation;
mod order;
mod reader;
mod refusal;
mod schema;
mod verdict;
mod wire;

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use sha2::{Digest, Sha256, digest::Output};

use description::Description;
use reader::Reader;
use wire::Message;

pub use architecture::HefArchitecture;
pub use contents::{Contents, Layer, LayerDirection, NetworkGroup};
pub use error::HefFileError;
pub use flaw::Flaw;
pub use header::{Hash, Header};
pub use limits::{MAGIC, MAX_NETWORK_GROUPS, MAX_SIZE, MIN_SIZE};
pub use order::DataOrder;

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

    /// What it describes. An error is a description that can't be read; whether the library can
    /// live with it, [`Contents::check`] says.
    pub fn contents(&self) -> Result<Contents, HefFileError> {
        let header = self.header()?;
        let message = Message {
            bytes: header.message(&self.bytes)?,
            offset: header.size(),
        };
        // What offsets of weights count from; what lies before it is smaller than the file.
        let weights =
            header.size() as u64 + u64::from(header.message_size) + u64::from(header.padding_size);
        let room = (self.bytes.len() as u64).saturating_sub(weights);
        describe(message, header.version, room)
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
            found: hex(found),
            expected: hex(expected),
        })
    }
}

/// Reads a description, with so many bytes for weights behind it.
fn describe(message: Message<'_>, container: u32, room: u64) -> Result<Contents, HefFileError> {
    schema::check(message)?;
    let mut reader = Reader::new(container, room);
    let description = Description::read(message, &mut reader)?;
    Ok(Contents::of(description, container))
}

/// A sha256 as lower-case hexadecimal digits.
pub fn hex(sha256: [u8; 32]) -> String {
    format!("{:x}", Output::<Sha256>::from(sha256))
}
