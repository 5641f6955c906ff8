//! The binary form of a `masks` message: a fifth to four tenths of the bytes of JSON, and decoders of few lines.
//!
//! ```text
//! "fsm1"
//! u32         bytes of the header
//! header      JSON: the `masks` message without `segments`, with `size` [rows, columns] of the masks
//! u32         segments
//! u32         segments that were left out, so that the message fits
//! a zlib stream (RFC 1950) to the end; in it for each segment, in descending score:
//!   varint    id
//!   varint    score in ten-thousandths
//!   varint    class
//!   varint    x, y, width, height of the mask's own box
//!   varint    area
//!   for each row of the box, for each run of pixels in it:
//!     varint  zigzag(start - start of the run before) * 2 + (1 where another run of this row follows)
//!     varint  zigzag(length - length of the run before)
//! ```
//!
//! Numbers of 32 bits have the low byte first; a varint has seven bits a byte, the low ones first, and the high bit
//! where another follows (LEB128); `zigzag(n)` is `2n`, or `-2n - 1` below 0. Before the first run of a segment there is
//! one at the box's left border, of length 0. A row without pixels has one run of length 0. Every language has zlib at
//! hand. Its fastest level is used: a tenth more bytes than at the usual one, in a quarter of the time.

use frame::{PixelRect, Size};

use super::{Entry, FrameHeader, LatencyMs, MasksWriter, Written, json};

/// How a message begins; its last byte is the form's version.
const BEGINNING: &[u8; 4] = b"fsm1";

impl MasksWriter {
    /// Replaces `out` by the binary form of the message, of at most `limit` bytes, as [`write`](Self::write) does.
    pub fn write_binary(
        &mut self,
        header: &FrameHeader<'_>,
        segments: &[fastsam::Segment],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Written {
        out.clear();
        out.extend_from_slice(BEGINNING);
        let length = reserve(out);
        self.write_names(header, "binary", out);
        out.extend_from_slice(b",\"size\":");
        let of_frame = header.size;
        let Size { width, height } = segments.first().map_or(of_frame, |one| one.mask.size());
        json(&[height, width], out);
        out.extend_from_slice(b",\"latency_ms\":");
        json(&LatencyMs::from(header.latency), out);
        out.push(b'}');
        fill(length, out.len() - length - 4, out);

        let count = reserve(out);
        let left_out = reserve(out);
        let start = out.len();
        let Self { entries, list, .. } = self;
        entries.clear();
        list.clear();
        for (place, segment) in segments.iter().enumerate() {
            let begin = list.len();
            write_segment(header.id(place), segment, list);
            entries.push(Entry {
                area: segment.area,
                bytes: begin..list.len(),
                kept: true,
            });
        }
        let whole = list.len();
        let deflater = self.deflater.get_or_insert_default();
        deflater.append(&self.list, out);
        let (mut dropped, mut room) = (0, whole);
        // What a part of the list comes to is known only when it is compressed; each turn makes it at least an
        // eighth smaller, so there are few.
        while out.len() > limit && dropped < segments.len() {
            let share = limit.saturating_sub(start) as f64 / (out.len() - start) as f64;
            room = ((room as f64 * share.min(0.875)) as usize).min(room);
            dropped = self.leave_out(whole, room, 0);
            self.list.clear();
            let (list, entries) = (&mut self.list, &self.entries);
            for (place, segment) in segments.iter().enumerate() {
                if entries[place].kept {
                    write_segment(header.id(place), segment, list);
                }
            }
            out.truncate(start);
            let deflater = self.deflater.get_or_insert_default();
            deflater.append(&self.list, out);
        }
        fill(count, segments.len() - dropped, out);
        fill(left_out, dropped, out);
        Written {
            bytes: out.len(),
            dropped_segments: dropped,
        }
    }
}

fn write_segment(id: u64, segment: &fastsam::Segment, out: &mut Vec<u8>) {
    let PixelRect {
        x,
        y,
        width,
        height,
    } = segment.bbox;
    let score = (segment.score.clamp(0.0, 1.0) * 10_000.0).round() as u64;
    varint(id, out);
    varint(score, out);
    varint(segment.class.into(), out);
    for number in [x, y, width, height, segment.area] {
        varint(number.into(), out);
    }
    let mut runs = segment.mask.runs().iter().peekable();
    let (mut last_start, mut last_length) = (i64::from(x), 0);
    for row in y..y + height {
        let mut is_first = true;
        loop {
            let run = runs.next_if(|run| u32::from(run.y) == row);
            if run.is_none() && !is_first {
                break;
            }
            is_first = false;
            let (start, length) = run.map_or((last_start, 0), |run| {
                (i64::from(run.start), i64::from(run.end - run.start))
            });
            let follows = runs.peek().is_some_and(|run| u32::from(run.y) == row);
            varint(zigzag(start - last_start) << 1 | u64::from(follows), out);
            varint(zigzag(length - last_length), out);
            (last_start, last_length) = (start, length);
            if !follows {
                break;
            }
        }
    }
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Room for a number that is not known yet; says where.
fn reserve(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 4]);
    out.len() - 4
}

fn fill(place: usize, number: usize, out: &mut [u8]) {
    // A message has less than four gigabytes.
    out[place..place + 4].copy_from_slice(&(number as u32).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::tests::{header, segments};

    /// What a message says of a segment.
    #[derive(Debug, PartialEq)]
    struct Read {
        numbers: [u64; 8],
        runs: Vec<fastsam::Run>,
    }

    /// A reader by the words of the description alone.
    fn read(message: &[u8]) -> (serde_json::Value, Vec<Read>, u32) {
        let number = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
        assert_eq!(&message[..4], b"fsm1");
        let body = 8 + number(4) as usize;
        let header = serde_json::from_slice(&message[8..body]).unwrap();
        let mut list = Vec::new();
        let mut stream = flate2::read::ZlibDecoder::new(&message[body + 8..]);
        std::io::Read::read_to_end(&mut stream, &mut list).unwrap();
        assert_eq!(stream.total_in() as usize, message.len() - body - 8);
        let mut at = 0;
        let mut varint = || {
            let (mut value, mut shift) = (0, 0);
            loop {
                let byte = list[at];
                at += 1;
                value |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte < 0x80 {
                    return value;
                }
            }
        };
        let unzigzag = |number: u64| (number >> 1) as i64 ^ -((number & 1) as i64);
        let segments = (0..number(body)).map(|_| {
            let numbers = [(); 8].map(|()| varint());
            let [_, _, _, x, y, _, height, _] = numbers;
            let (mut start, mut length) = (x as i64, 0);
            let mut runs = Vec::new();
            for y in y..y + height {
                let mut follows = true;
                while follows {
                    let first = varint();
                    follows = first & 1 == 1;
                    start += unzigzag(first >> 1);
                    length += unzigzag(varint());
                    if length > 0 {
                        runs.push(fastsam::Run {
                            y: y as u16,
                            start: start as u16,
                            end: (start + length) as u16,
                        });
                    }
                }
            }
            Read { numbers, runs }
        });
        let segments = segments.collect();
        assert_eq!(at, list.len(), "nothing is left");
        (header, segments, number(body + 4))
    }

    #[test]
    fn segments_come_back_as_they_were() {
        let segments = segments();
        let mut message = Vec::new();
        MasksWriter::new().write_binary(&header(), &segments, usize::MAX, &mut message);
        let (said, found, dropped) = read(&message);
        assert_eq!(said["mask_format"], "binary");
        assert_eq!(said["frame"]["sequence"], header().sequence);
        let size = segments[0].mask.size();
        assert_eq!(said["size"], serde_json::json!([size.height, size.width]));
        assert_eq!((found.len(), dropped), (segments.len(), 0));
        for (place, (found, segment)) in found.iter().zip(&segments).enumerate() {
            assert_eq!(found.runs, segment.mask.runs());
            let bbox = segment.bbox;
            let score = (segment.score * 10_000.0).round() as u64;
            let rest = [bbox.x, bbox.y, bbox.width, bbox.height, segment.area];
            let rest = rest.map(u64::from);
            assert_eq!(found.numbers[..3], [place as u64, score, 0]);
            assert_eq!(found.numbers[3..], rest);
        }
    }

    #[test]
    fn the_smallest_are_left_out_and_counted() {
        let segments = segments();
        let mut message = Vec::new();
        let mut writer = MasksWriter::new();
        let whole = writer
            .write_binary(&header(), &segments, usize::MAX, &mut message)
            .bytes;
        for limit in (0..whole).rev() {
            let written = writer.write_binary(&header(), &segments, limit, &mut message);
            let (_, found, dropped) = read(&message);
            assert_eq!(found.len() + dropped as usize, segments.len());
            assert_eq!(written.dropped_segments, dropped as usize);
            assert!(message.len() <= limit || found.is_empty());
            let smallest = found.iter().map(|read| read.numbers[7]).min();
            let left_out = segments.iter().map(|segment| u64::from(segment.area));
            let left_out =
                left_out.filter(|area| smallest.is_some_and(|smallest| *area < smallest));
            assert!(left_out.count() <= dropped as usize);
        }
    }
}
