//! What the camera says it is: one configuration with a control and a streaming interface, the
//! latter with Motion JPEG and YUYV over a bulk endpoint (UVC 1.0, chapter 3 and 4).

use frame::Size;

/// What it offers as Motion JPEG, best first.
pub(crate) const MJPEG_SIZES: [Size; 2] = [Size::new(1280, 720), Size::new(640, 480)];
/// What it offers as YUYV: all that high speed leaves room for.
pub(crate) const YUYV_SIZE: Size = Size::new(640, 480);
/// Times from picture to picture, in 100 ns: 30 and 15 per second.
pub(crate) const INTERVALS: [u32; 2] = [333_333, 666_666];
/// Bytes that one transfer brings at most, its header among them.
pub(crate) const PAYLOAD_BYTES: u32 = 16_384;

/// Places of the formats in the streaming interface's list, from 1.
pub(crate) const MJPEG_FORMAT: u8 = 1;
pub(crate) const YUYV_FORMAT: u8 = 2;
/// The streaming interface.
pub(crate) const STREAMING: u8 = 1;

/// Numbers of the strings.
pub(crate) const MANUFACTURER: u8 = 1;
pub(crate) const PRODUCT: u8 = 2;
const SERIAL: u8 = 3;

const CLASS_SPECIFIC_INTERFACE: u8 = 0x24;
const VIDEO: u8 = 0x0E;
/// "YUY2" as a GUID.
const YUY2: [u8; 16] = *b"YUY2\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71";

pub(crate) fn device() -> Vec<u8> {
    let [vendor_low, vendor_high] = 0x1209_u16.to_le_bytes();
    vec![
        18,
        1,
        0x00,
        0x02,
        0xEF,
        2,
        1,
        64, // USB 2.0, functions by association
        vendor_low,
        vendor_high,
        0x01,
        0x00,
        0x00,
        0x01,
        MANUFACTURER,
        PRODUCT,
        SERIAL,
        1,
    ]
}

pub(crate) fn configuration() -> Vec<u8> {
    let interfaces = [
        // Control and streaming interface are one video function.
        vec![8, 11, 0, 2, VIDEO, 3, 0, 0],
        vec![9, 4, 0, 0, 0, VIDEO, 1, 0, 0],
        control(),
        vec![9, 4, STREAMING, 0, 1, VIDEO, 2, 0, 0],
        streaming(),
        // Endpoint 1 in, bulk, 512 bytes a packet.
        vec![7, 5, 0x81, 2, 0x00, 0x02, 0],
    ]
    .concat();
    let mut descriptor = vec![9, 2];
    descriptor.extend(length(9 + interfaces.len()));
    descriptor.extend([2, 1, 0, 0x80, 250]);
    descriptor.extend(interfaces);
    descriptor
}

/// A string, or the list of languages for 0.
pub(crate) fn string(number: u8, product: &str, serial: &str) -> Vec<u8> {
    const ENGLISH: [u8; 4] = [4, 3, 0x09, 0x04];
    let text = match number {
        0 => return ENGLISH.to_vec(),
        MANUFACTURER => "fastsamd",
        PRODUCT => product,
        _ => serial,
    };
    // Its length has one byte.
    let units = text.encode_utf16().take(126);
    let characters: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    let mut descriptor = vec![characters.len() as u8 + 2, 3];
    descriptor.extend(characters);
    descriptor
}

/// A camera terminal wired to an output terminal.
fn control() -> Vec<u8> {
    let terminals = [
        vec![
            18,
            CLASS_SPECIFIC_INTERFACE,
            0x02,
            1,
            0x01,
            0x02,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            3,
            0,
            0,
            0,
        ],
        vec![9, CLASS_SPECIFIC_INTERFACE, 0x03, 2, 0x01, 0x01, 0, 1, 0],
    ]
    .concat();
    let mut descriptor = vec![13, CLASS_SPECIFIC_INTERFACE, 0x01, 0x00, 0x01];
    descriptor.extend(length(13 + terminals.len()));
    descriptor.extend(48_000_000_u32.to_le_bytes());
    descriptor.extend([1, STREAMING]);
    descriptor.extend(terminals);
    descriptor
}

fn streaming() -> Vec<u8> {
    let mjpeg_sizes = MJPEG_SIZES.len() as u8;
    let mut formats = vec![
        11,
        CLASS_SPECIFIC_INTERFACE,
        0x06,
        MJPEG_FORMAT,
        mjpeg_sizes,
        1,
        1,
        0,
        0,
        0,
        0,
    ];
    for (place, size) in (1..).zip(MJPEG_SIZES) {
        formats.extend(frame(0x07, place, size));
    }
    formats.extend([27, CLASS_SPECIFIC_INTERFACE, 0x04, YUYV_FORMAT, 1]);
    formats.extend(YUY2);
    formats.extend([16, 1, 0, 0, 0, 0]);
    formats.extend(frame(0x05, 1, YUYV_SIZE));

    let mut descriptor = vec![15, CLASS_SPECIFIC_INTERFACE, 0x01, 2];
    descriptor.extend(length(15 + formats.len()));
    descriptor.extend([0x81, 0, 2, 0, 0, 0, 1, 0, 0]);
    descriptor.extend(formats);
    descriptor
}

fn frame(subtype: u8, place: u8, size: Size) -> Vec<u8> {
    let bytes = size.width * size.height * 2;
    let mut descriptor = vec![26 + 4 * INTERVALS.len() as u8, CLASS_SPECIFIC_INTERFACE];
    descriptor.extend([subtype, place, 0]);
    descriptor.extend((size.width as u16).to_le_bytes());
    descriptor.extend((size.height as u16).to_le_bytes());
    // Bits per second, at 15 and at 30 pictures.
    descriptor.extend((bytes * 8 * 15).to_le_bytes());
    descriptor.extend((bytes * 8 * 30).to_le_bytes());
    descriptor.extend(bytes.to_le_bytes());
    descriptor.extend(INTERVALS[0].to_le_bytes());
    descriptor.push(INTERVALS.len() as u8);
    descriptor.extend(INTERVALS.into_iter().flat_map(u32::to_le_bytes));
    descriptor
}

fn length(bytes: usize) -> [u8; 2] {
    (bytes as u16).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each descriptor begins with its length; all of them fill the whole.
    #[test]
    fn the_configuration_is_a_chain_of_descriptors() {
        let configuration = configuration();
        let total = u16::from_le_bytes([configuration[2], configuration[3]]);
        assert_eq!(usize::from(total), configuration.len());
        let (mut at, mut endpoints) = (0, 0);
        while at < configuration.len() {
            let length = usize::from(configuration[at]);
            assert!(length >= 2, "at {at}");
            endpoints += usize::from(configuration[at + 1] == 5);
            at += length;
        }
        assert_eq!((at, endpoints), (configuration.len(), 1));
    }
}
