//! Reading a file that may be too large, or no text.

use std::{fs::File, io::Read, path::Path};

use crate::{ConfigError, access};

/// A configuration is a page of text; anything larger is a mistake.
const MAX_BYTES: u64 = 1 << 20;

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |cause: String| ConfigError::File {
        path: path.to_owned(),
        cause,
    };
    let file = File::open(path).map_err(|error| unreadable(access::explained(path, &error)))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(unreadable(format!(
            "larger than {MAX_BYTES} bytes, which no configuration is"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        unreadable(format!(
            "not UTF-8 text: byte {}",
            error.utf8_error().valid_up_to()
        ))
    })
}
