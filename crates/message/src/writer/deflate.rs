//! zlib streams (RFC 1950), for the binary form.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress, Status};

/// A compressor, whose memory is kept from message to message.
pub(super) struct Deflater(Compress);

impl Default for Deflater {
    fn default() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }
}

impl fmt::Debug for Deflater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deflater")
    }
}

impl Deflater {
    /// Appends bytes as one zlib stream.
    pub(super) fn append(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.0.reset();
        loop {
            let done = self.0.total_in() as usize;
            // Room for all that is left, if it can't be compressed at all.
            out.reserve(bytes.len() - done + bytes.len() / 1000 + 64);
            let status = self
                .0
                .compress_vec(&bytes[done..], out, FlushCompress::Finish);
            // Errors are of streams that were used wrongly, which this one can't be.
            if !matches!(status, Ok(Status::Ok)) {
                return;
            }
        }
    }
}
