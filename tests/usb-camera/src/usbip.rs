//! USB/IP's messages between host and device: 48 bytes of header, big-endian, and data.

use std::io::{self, Read, Write};

const HEADER_BYTES: usize = 48;
const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMITTED: u32 = 3;
const UNLINKED: u32 = 4;

/// A request that the device doesn't know: -EPIPE, on the bus a stall.
pub(crate) const STALLED: i32 = -32;
/// A transfer that was taken back before it was answered: -ECONNRESET.
const TAKEN_BACK: i32 = -104;

/// Eight bytes that begin a control transfer (USB 2.0, table 9-2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) request_type: u8,
    pub(crate) request: u8,
    pub(crate) value: u16,
    pub(crate) index: u16,
    pub(crate) length: u16,
}

/// What the host wants.
pub(crate) enum Request {
    /// A transfer on endpoint 0.
    Control {
        sequence: u32,
        setup: Setup,
        /// What came with it; none where the device is to send.
        data: Vec<u8>,
        to_host: bool,
    },
    /// As many bytes of video as there are room for.
    Video { sequence: u32, room: usize },
    /// A transfer is no longer wanted.
    Unlink { sequence: u32, unwanted: u32 },
}

/// Reads the host's next request.
///
/// # Errors
/// The host is gone (`UnexpectedEof`), or says what no USB host says.
pub(crate) fn read_request(wire: &mut impl Read) -> io::Result<Request> {
    let mut header = [0; HEADER_BYTES];
    wire.read_exact(&mut header)?;
    let word = |at: usize| {
        header[at * 4..]
            .first_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    };
    let (command, sequence, to_host, endpoint) = (word(0), word(1), word(3) == 1, word(4));
    match command {
        UNLINK => Ok(Request::Unlink {
            sequence,
            unwanted: word(5),
        }),
        SUBMIT if endpoint != 0 => Ok(Request::Video {
            sequence,
            room: word(6) as usize,
        }),
        SUBMIT => {
            let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
            let setup = Setup {
                request_type: header[40],
                request: header[41],
                value: half(42),
                index: half(44),
                length: half(46),
            };
            // A control transfer's length has 16 bits.
            let mut data = vec![
                0;
                if to_host {
                    0
                } else {
                    usize::from(setup.length)
                }
            ];
            wire.read_exact(&mut data)?;
            Ok(Request::Control {
                sequence,
                setup,
                data,
                to_host,
            })
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("command {command}: expected {SUBMIT} or {UNLINK}"),
        )),
    }
}

/// Answers a transfer with data for the host.
pub(crate) fn write_data(wire: &mut impl Write, sequence: u32, data: &[u8]) -> io::Result<()> {
    let mut message = submitted(sequence, 0, data.len());
    message.extend_from_slice(data);
    wire.write_all(&message)
}

/// Answers a transfer that the device has taken, or not: `status` is 0 or an errno, negative.
pub(crate) fn write_status(
    wire: &mut impl Write,
    sequence: u32,
    status: i32,
    taken: usize,
) -> io::Result<()> {
    wire.write_all(&submitted(sequence, status, taken))
}

/// Says that a transfer was taken back in time, or that its answer is already on its way.
pub(crate) fn write_unlinked(
    wire: &mut impl Write,
    sequence: u32,
    in_time: bool,
) -> io::Result<()> {
    let status = if in_time { TAKEN_BACK } else { 0 };
    wire.write_all(&header(UNLINKED, sequence, status, 0))
}

fn submitted(sequence: u32, status: i32, bytes: usize) -> Vec<u8> {
    header(SUBMITTED, sequence, status, bytes)
}

fn header(command: u32, sequence: u32, status: i32, bytes: usize) -> Vec<u8> {
    let status = u32::from_ne_bytes(status.to_ne_bytes());
    let words = [command, sequence, 0, 0, 0, status, bytes as u32];
    let mut header: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
    header.resize(HEADER_BYTES, 0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: [u32; 10], setup: [u8; 8]) -> Vec<u8> {
        let words = words.into_iter().flat_map(u32::to_be_bytes);
        words.chain(setup).collect()
    }

    #[test]
    fn a_control_transfer_brings_its_setup_and_its_data() {
        let mut bytes = request([1, 7, 0, 0, 0, 0, 2, 0, 0, 0], [0x21, 1, 0, 2, 1, 0, 2, 0]);
        bytes.extend([8, 9]);
        let Request::Control {
            sequence: 7,
            setup,
            data,
            to_host: false,
        } = read_request(&mut &bytes[..]).unwrap()
        else {
            panic!("no control transfer");
        };
        assert_eq!((setup.request_type, setup.request), (0x21, 1));
        assert_eq!((setup.value, setup.index, setup.length), (0x200, 1, 2));
        assert_eq!(data, [8, 9]);
    }

    #[test]
    fn answers_are_a_header_and_data() {
        let mut wire = Vec::new();
        write_data(&mut wire, 9, &[1, 2, 3]).unwrap();
        assert_eq!(wire.len(), HEADER_BYTES + 3);
        assert_eq!(wire[..8], [0, 0, 0, 3, 0, 0, 0, 9]);
        assert_eq!(wire[24..28], [0, 0, 0, 3]);
        let mut wire = Vec::new();
        write_unlinked(&mut wire, 9, true).unwrap();
        assert_eq!(wire[20..24], (-104_i32).to_be_bytes());
        assert_eq!(wire.len(), HEADER_BYTES);
    }
}
