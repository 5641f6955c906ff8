//! Extensions of the description's format, by the numbers of `ProtoHEFExtensionType`.

use std::ops::RangeInclusive;

/// Networks of a group have names and batches of their own; a reader may ignore it.
pub(super) const MULTI_NETWORK: u32 = 8;
/// The compiler has cut the chip's padding off where it can be; a reader may ignore it.
pub(super) const HW_PADDING: u32 = 11;
/// The networks are in ops.
pub(super) const NET_FLOW: u32 = 13;
/// NMS on the chip answers in bursts.
pub(super) const NMS_BURST: u32 = 19;
/// Each channel of an output has a scale of its own.
pub(super) const SCALE_PER_CHANNEL: u32 = 25;
/// The host computes how data is cut into buffers. 4.21 and later refuse a HEF without this.
pub(super) const PERIPH_CALCULATION: u32 = 26;
/// The configuration is shared, which takes a container of version 3.
pub(super) const SHARED_CONFIG: u32 = 32;

/// What came with HailoRT 4.21: squeezed pointers to weights, external resources, shared
/// configuration.
pub(super) const OF_4_21: RangeInclusive<u32> = 30..=SHARED_CONFIG;

/// Whether HailoRT 4.23 reads a HEF that needs this extension. 7 is a test's, 8 may only be
/// optional, and there are none above 32.
pub(super) fn is_known(extension: u32) -> bool {
    matches!(extension, 0..=6 | 9..=SHARED_CONFIG)
}
