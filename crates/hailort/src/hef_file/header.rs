//! The container's header, versions 0 to 3: big-endian sizes and a hash of all that follows.

use md5::{Digest as _, Md5, digest::Output};

use super::{error::HefFileError, limits::MAGIC};

/// The hash of all that follows the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// Version 0.
    Md5([u8; 16]),
    /// Version 1.
    Crc32(u32),
    /// Versions 2 and 3: XXH3, 64 bits.
    Xxh3(u64),
}

impl Hash {
    /// `MD5`, `CRC-32` or `XXH3`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Md5(_) => "MD5",
            Self::Crc32(_) => "CRC-32",
            Self::Xxh3(_) => "XXH3",
        }
    }

    /// The hash of other bytes, of the same kind.
    fn of(&self, bytes: &[u8]) -> Self {
        match self {
            Self::Md5(_) => Self::Md5(Md5::digest(bytes).into()),
            Self::Crc32(_) => Self::Crc32(crc32fast::hash(bytes)),
            Self::Xxh3(_) => Self::Xxh3(xxhash_rust::xxh3::xxh3_64(bytes)),
        }
    }
}

/// In hexadecimal.
impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Md5(hash) => write!(f, "{:x}", Output::<Md5>::from(*hash)),
            Self::Crc32(hash) => write!(f, "{hash:08x}"),
            Self::Xxh3(hash) => write!(f, "{hash:016x}"),
        }
    }
}

/// A container's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// 0 to 3; 3 needs HailoRT 4.21.
    pub version: u32,
    /// Bytes of the description.
    pub message_size: u32,
    /// Bytes of configuration and weights behind it; `None` in version 0, which has them inside.
    pub ccws_size: Option<u64>,
    /// Bytes between the description and the weights, counted in `ccws_size`.
    pub padding_size: u32,
    /// Bytes of further resources at the end.
    pub additional_size: u64,
    /// What the rest hashes to.
    pub hash: Hash,
}

/// Takes big-endian integers off the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], HefFileError> {
        let (field, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(HefFileError::TooSmall {
                size: self.0.len() as u64,
            })?;
        self.0 = rest;
        Ok(*field)
    }

    fn u32(&mut self) -> Result<u32, HefFileError> {
        self.bytes().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, HefFileError> {
        self.bytes().map(u64::from_be_bytes)
    }
}

impl Header {
    /// Reads the header off a file's front.
    pub fn parse(file: &[u8]) -> Result<Self, HefFileError> {
        let mut fields = Fields(file);
        let found = fields.bytes()?;
        if found != MAGIC {
            return Err(HefFileError::Magic { found });
        }
        let mut header = Self {
            version: fields.u32()?,
            message_size: fields.u32()?,
            ccws_size: None,
            padding_size: 0,
            additional_size: 0,
            hash: Hash::Xxh3(0),
        };
        match header.version {
            0 => {
                fields.u32()?; // reserved
                header.hash = Hash::Md5(fields.bytes()?);
            }
            1 => {
                header.hash = Hash::Crc32(fields.u32()?);
                header.ccws_size = Some(fields.u64()?);
            }
            2 => {
                header.hash = Hash::Xxh3(fields.u64()?);
                header.ccws_size = Some(fields.u64()?);
            }
            3 => {
                header.hash = Hash::Xxh3(fields.u64()?);
                header.ccws_size = Some(fields.u64()?);
                header.padding_size = fields.u32()?;
                header.additional_size = fields.u64()?;
            }
            other => return Err(HefFileError::Version(other)),
        }
        Ok(header)
    }

    /// Bytes of the header itself.
    pub fn size(&self) -> usize {
        match self.version {
            0 => 32,
            1 => 28,
            2 => 44,
            _ => 56,
        }
    }

    /// Checks the length that the header states against a whole file's.
    pub(super) fn check_length(&self, file_size: u64) -> Result<(), HefFileError> {
        let found = file_size.saturating_sub(self.size() as u64);
        let expected = u64::from(self.message_size)
            .saturating_add(self.ccws_size.unwrap_or(0))
            .saturating_add(self.additional_size);
        if found != expected {
            return Err(HefFileError::Length { found, expected });
        }
        if u64::from(self.padding_size) > self.ccws_size.unwrap_or(0) {
            return Err(HefFileError::Contents {
                offset: 28,
                what: "there is more padding than there are weights behind it",
            });
        }
        Ok(())
    }

    /// Checks the length and the hash of what follows the header.
    pub fn verify(&self, file: &[u8]) -> Result<(), HefFileError> {
        self.check_length(file.len() as u64)?;
        let found = self.hash.of(file.get(self.size()..).unwrap_or_default());
        if found == self.hash {
            return Ok(());
        }
        Err(HefFileError::Hash {
            kind: self.hash.kind(),
            found: found.to_string(),
            expected: self.hash.to_string(),
        })
    }

    /// The description in a file.
    pub fn message<'a>(&self, file: &'a [u8]) -> Result<&'a [u8], HefFileError> {
        let rest = file.get(self.size()..).unwrap_or_default();
        usize::try_from(self.message_size)
            .ok()
            .and_then(|size| rest.get(..size))
            .ok_or(HefFileError::Length {
                found: rest.len() as u64,
                expected: u64::from(self.message_size),
            })
    }
}
