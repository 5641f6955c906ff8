//! How every HEF begins, and how large it and what it describes may be.

/// What every HEF begins with.
pub const MAGIC: [u8; 4] = *b"\x01HEF";

/// The least bytes of a HEF: the largest header.
pub const MIN_SIZE: u64 = 56;

/// The largest file that is read. The published FastSAM and CLIP HEFs are below 150 MB.
pub const MAX_SIZE: u64 = 1 << 30;

/// The most network groups that the library takes.
pub const MAX_NETWORK_GROUPS: usize = 8;
