//! A sha256 in hexadecimal, as people pass it around.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::Path,
    str::FromStr,
};

use hailort::hef_file::hex;
use sha2::{Digest as _, Sha256};

/// A file's sha256: 64 hexadecimal digits, lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum(String);

/// A text that is no sha256.
#[derive(Debug, thiserror::Error)]
#[error("a sha256 has 64 hexadecimal digits")]
pub struct NotASum;

impl Sum {
    /// The sum of a file's bytes.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut block = vec![0; 1 << 16];
        loop {
            match file.read(&mut block)? {
                0 => return Ok(Self(hex(hasher.finalize().into()))),
                count => hasher.update(block.get(..count).unwrap_or_default()),
            }
        }
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sum {
    type Err = NotASum;

    fn from_str(text: &str) -> Result<Self, NotASum> {
        let is_sum = text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if is_sum {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(NotASum)
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
