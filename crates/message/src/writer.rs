//! Writes `masks` messages on the frame path: straight into a reused buffer, each mask encoded
//! once, nothing allocated once the buffers have grown.
//!
//! A message that would be too large loses whole segments, the one of the smallest area first,
//! so that few pixels are lost; it says how many. Which ones depends on the segments alone.

mod binary;
mod deflate;

use std::{
    cmp::Reverse,
    ops::Range,
    time::{Duration, SystemTime},
};

use ::frame::{FrameRect, Size};
use fastsam::encode::{
    polygon::Simplifier,
    rle::{Encoder, Texts},
};
use serde::{Serialize, Serializer};
use tensors::Classes;
use track::State;

use self::deflate::Deflater;
use super::{
    SCHEMA,
    masks::{LatencyMs, Track, TrackState},
    time,
};

/// What a message says beside the segments.
#[derive(Clone, Copy, Debug)]
pub struct FrameHeader<'a> {
    /// Name of the node.
    pub node: &'a str,
    /// Name of the camera.
    pub camera: &'a str,
    /// What ran the network: `mock`, `replay`, `hailo`, `onnx`.
    pub backend: &'static str,
    /// The path of the file behind the frame; `None` for a camera's.
    pub input: Option<&'a str>,
    /// Number of the frame.
    pub sequence: u64,
    /// When it was captured.
    pub captured_at: SystemTime,
    /// Its columns and rows.
    pub size: Size,
    /// The classes that its segments are of; of a single one nothing is said.
    pub classes: &'a Classes,
    /// The objects that its segments show, one for each; empty where nothing is followed.
    pub tracks: &'a [track::Track],
    /// The run lengths of its segments, where they are known already.
    pub texts: Option<&'a Texts>,
    /// Where the time went.
    pub latency: Latency,
}

impl FrameHeader<'_> {
    /// The `id` of the segment at this place: its object's, or the place itself where nothing is followed.
    pub fn id(&self, place: usize) -> u64 {
        self.tracks
            .get(place)
            .map_or(place as u64, |track| track.id)
    }
}

/// How long a frame took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// From the capture until the accelerator's side took the frame up.
    pub capture: Duration,
    /// Pre-processing and inference.
    pub infer: Duration,
    /// Post-processing.
    pub segment: Duration,
    /// From the capture until the message is written.
    pub total: Duration,
}

impl From<Latency> for LatencyMs {
    fn from(latency: Latency) -> Self {
        // Microseconds are as fine as it gets; more digits would only be noise.
        let ms = |duration: Duration| duration.as_micros() as f64 / 1000.0;
        Self {
            capture: ms(latency.capture),
            infer: ms(latency.infer),
            segment: ms(latency.segment),
            total: ms(latency.total),
        }
    }
}

/// How masks are written.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum MaskFormat {
    /// COCO's compressed run lengths, exact.
    #[default]
    Rle,
    /// The same lengths as a list of numbers, for those without a decoder: COCO's uncompressed form.
    Counts,
    /// Rings on pixel borders that stray at most so many pixels; 0 keeps every corner.
    Polygon {
        /// In pixels.
        tolerance: f64,
    },
    /// Not at all.
    None,
}

impl MaskFormat {
    /// What a message calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Rle => "rle",
            Self::Counts => "counts",
            Self::Polygon { .. } => "polygon",
            Self::None => "none",
        }
    }
}

/// What a prompt chose from a frame's segments.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'a> {
    /// All segments of the frame.
    pub segments: &'a [fastsam::Segment],
    /// The chosen ones' places among them, in the prompt's order.
    pub places: &'a [usize],
    /// All of them in one.
    pub union: Option<&'a fastsam::Segment>,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its length.
    pub bytes: usize,
    /// Segments left out to make it fit.
    pub dropped_segments: usize,
}

/// Writes messages, reusing its buffers.
#[derive(Debug, Default)]
pub struct MasksWriter {
    rle: Encoder,
    polygons: Simplifier,
    counts: Vec<u8>,
    lengths: Vec<u32>,
    rings: Rings,
    captured_at: Vec<u8>,
    entries: Vec<Entry>,
    /// Indices of `entries`, in the order in which they would be left out.
    order: Vec<usize>,
    /// The binary form's segments, and what compresses them: some 300 kB, which those who don't want that form are spared.
    list: Vec<u8>,
    deflater: Option<Deflater>,
}

/// A segment that has been written.
#[derive(Debug)]
struct Entry {
    area: u32,
    /// Where it lies in the message.
    bytes: Range<usize>,
    kept: bool,
}

impl MasksWriter {
    /// A writer; its buffers grow with the first frames.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `out` by the message, of at most `limit` bytes.
    ///
    /// Where the message without any segment is longer than that, this is what is written: a
    /// publisher refuses it and reports that.
    pub fn write(
        &mut self,
        header: &FrameHeader<'_>,
        segments: &[fastsam::Segment],
        format: MaskFormat,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Written {
        out.clear();
        self.write_head(header, format.name(), out);
        let start = out.len();
        self.write_segments(header, segments, format, out);
        let list = out.len() - start;
        write_tail(header.latency, 0, out);
        let mut dropped = 0;
        if out.len() > limit {
            let most = out.len() - list + reduced_length(segments.len());
            // A comma goes with each; the last one has none.
            dropped = self.leave_out(list, limit.saturating_sub(most), 1);
            self.compact(start, out);
            write_tail(header.latency, dropped, out);
        }
        Written {
            bytes: out.len(),
            dropped_segments: dropped,
        }
    }

    /// Replaces `out` by an answer to a prompt: the message with the chosen segments alone, then
    /// their `union` where it is wanted, then what the caller says of the choice, as `prompt`.
    pub fn write_chosen(
        &mut self,
        header: &FrameHeader<'_>,
        chosen: &Chosen<'_>,
        prompt: &impl Serialize,
        format: MaskFormat,
        out: &mut Vec<u8>,
    ) {
        out.clear();
        self.write_head(header, format.name(), out);
        for (i, &place) in chosen.places.iter().enumerate() {
            let Some(segment) = chosen.segments.get(place) else {
                continue;
            };
            if i > 0 {
                out.push(b',');
            }
            self.write_segment(Some((place, header)), segment, format, out);
        }
        write_tail(header.latency, 0, out);
        // The closing brace comes last.
        out.pop();
        if let Some(union) = chosen.union {
            out.extend_from_slice(b",\"union\":");
            self.write_segment(None, union, format, out);
        }
        out.extend_from_slice(b",\"prompt\":");
        json(prompt, out);
        out.push(b'}');
    }

    fn write_head(&mut self, header: &FrameHeader<'_>, format: &str, out: &mut Vec<u8>) {
        self.write_names(header, format, out);
        out.extend_from_slice(b",\"segments\":[");
    }

    /// Begins an object with all that is said of the frame itself.
    fn write_names(&mut self, header: &FrameHeader<'_>, format: &str, out: &mut Vec<u8>) {
        self.captured_at.clear();
        time::append(header.captured_at, &mut self.captured_at);
        let frame = FrameOut {
            sequence: header.sequence,
            captured_at: Ascii(&self.captured_at),
            width: header.size.width,
            height: header.size.height,
        };
        out.extend_from_slice(b"{\"schema\":");
        json(&SCHEMA, out);
        out.extend_from_slice(b",\"node\":");
        json(header.node, out);
        out.extend_from_slice(b",\"camera\":");
        json(header.camera, out);
        out.extend_from_slice(b",\"backend\":");
        json(header.backend, out);
        if let Some(input) = header.input {
            out.extend_from_slice(b",\"input\":");
            json(input, out);
        }
        out.extend_from_slice(b",\"mask_format\":");
        json(format, out);
        out.extend_from_slice(b",\"frame\":");
        json(&frame, out);
    }

    fn write_segments(
        &mut self,
        header: &FrameHeader<'_>,
        segments: &[fastsam::Segment],
        format: MaskFormat,
        out: &mut Vec<u8>,
    ) {
        self.entries.clear();
        for (place, segment) in segments.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            let start = out.len();
            self.write_segment(Some((place, header)), segment, format, out);
            self.entries.push(Entry {
                area: segment.area,
                bytes: start..out.len(),
                kept: true,
            });
        }
    }

    /// Writes a segment with what its place in the frame says of it, or without: a union of several has neither
    /// number, class nor track.
    fn write_segment(
        &mut self,
        of: Option<(usize, &FrameHeader<'_>)>,
        segment: &fastsam::Segment,
        format: MaskFormat,
        out: &mut Vec<u8>,
    ) {
        let Size { width, height } = segment.mask.size();
        let segmentation = match format {
            MaskFormat::Counts => {
                self.lengths.clear();
                self.rle.lengths(&segment.mask, &mut self.lengths);
                Some(SegmentationOut::Counts {
                    size: [height, width],
                    counts: &self.lengths,
                })
            }
            MaskFormat::Polygon { tolerance } => {
                self.rings.clear();
                self.polygons.rings(&segment.mask, tolerance, |ring| {
                    self.rings.push(ring.points)
                });
                Some(SegmentationOut::Polygons(&self.rings))
            }
            MaskFormat::Rle | MaskFormat::None => None,
        };
        let bbox = segment.bbox;
        let classes = of
            .map(|(_, header)| header.classes)
            .filter(|classes| classes.are_told_apart());
        let track = of.and_then(|(place, header)| header.tracks.get(place));
        json(
            &SegmentOut {
                id: of.map(|(place, header)| header.id(place)),
                image_id: of.map(|(_, header)| header.sequence),
                category_id: of.map(|_| u32::from(segment.class) + 1),
                iscrowd: of.map(|_| 0),
                class: classes.map(|_| segment.class),
                name: classes.and_then(|classes| classes.name(segment.class.into())),
                score: finite(segment.score),
                bbox: [bbox.x, bbox.y, bbox.width, bbox.height],
                area: segment.area,
                detection_bbox: corner_and_size(segment.detection_bbox),
                centroid: centroid(&segment.mask),
                track: track.map(Track::from),
                segmentation,
            },
            out,
        );
        if format == MaskFormat::Rle {
            let text = of.and_then(|(place, header)| header.texts?.get(place));
            self.append_rle(&segment.mask, text, out);
        }
    }

    /// Puts the mask's run lengths, where they are known as `text`, into the object that was written last, as
    /// `segmentation`. By hand, since they are most of a message: a serializer looks at each character.
    fn append_rle(&mut self, mask: &fastsam::Mask, text: Option<&[u8]>, out: &mut Vec<u8>) {
        let text = text.unwrap_or_else(|| {
            self.counts.clear();
            self.rle.encode(mask, &mut self.counts);
            &self.counts
        });
        let Size { width, height } = mask.size();
        // The closing brace comes last.
        out.pop();
        out.extend_from_slice(b",\"segmentation\":{\"size\":");
        json(&[height, width], out);
        out.extend_from_slice(b",\"counts\":\"");
        let text = str::from_utf8(text);
        debug_assert!(text.is_ok(), "run lengths are ASCII");
        // Of what JSON has to escape, only the backslash is among their characters.
        for (place, part) in text.unwrap_or_default().split('\\').enumerate() {
            if place > 0 {
                out.extend_from_slice(b"\\\\");
            }
            out.extend_from_slice(part.as_bytes());
        }
        out.extend_from_slice(b"\"}}");
    }

    /// Marks segments to be left out, smallest area first, until the list of `length` bytes goes
    /// into `room`; returns how many. Of equal areas the lower score, which stands later in the
    /// list, goes first. `beside` are bytes that go with each.
    fn leave_out(&mut self, mut length: usize, room: usize, beside: usize) -> usize {
        let entries = &mut self.entries;
        self.order.clear();
        self.order.extend(0..entries.len());
        self.order
            .sort_unstable_by_key(|&i| (entries[i].area, Reverse(i)));
        let mut dropped = 0;
        for &i in &self.order {
            if length <= room {
                break;
            }
            entries[i].kept = false;
            dropped += 1;
            length = length.saturating_sub(entries[i].bytes.len() + beside);
        }
        dropped
    }

    /// Moves the kept segments together, from `start` on, and ends the message behind them.
    fn compact(&self, start: usize, out: &mut Vec<u8>) {
        let mut end = start;
        for entry in self.entries.iter().filter(|entry| entry.kept) {
            if end > start {
                // Never ahead of what is still to be moved: a comma stood before each segment.
                out[end] = b',';
                end += 1;
            }
            out.copy_within(entry.bytes.clone(), end);
            end += entry.bytes.len();
        }
        out.truncate(end);
    }
}

fn write_tail(latency: Latency, dropped: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"],\"latency_ms\":");
    json(&LatencyMs::from(latency), out);
    if dropped > 0 {
        out.extend_from_slice(REDUCED);
        json(&dropped, out);
        out.push(b'}');
    }
    out.push(b'}');
}

/// What begins the note on segments that were left out.
const REDUCED: &[u8] = b",\"reduced\":{\"segments_dropped\":";

/// Bytes of that note for at most so many.
fn reduced_length(dropped: usize) -> usize {
    let digits = dropped.checked_ilog10().unwrap_or(0) as usize + 1;
    REDUCED.len() + digits + 1
}

/// Appends a value. Writing to memory can't fail, and neither can the types below.
fn json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// JSON has no NaN and no infinity, and a null would surprise every reader.
fn finite(value: f32) -> f32 {
    if value.is_finite() { value } else { 0.0 }
}

/// The mean of a mask's pixels, to a tenth; a pixel's own place is its middle.
fn centroid(mask: &fastsam::Mask) -> [f32; 2] {
    let (mut x, mut y, mut pixels) = (0, 0, 0);
    for run in mask.runs() {
        let (start, end) = (u64::from(run.start), u64::from(run.end));
        let length = end - start;
        // Twice the sum, which is whole: middles lie at halves.
        x += (start + end) * length;
        y += (2 * u64::from(run.y) + 1) * length;
        pixels += length;
    }
    let mean = |twice: u64| (twice as f64 / (2 * pixels.max(1)) as f64 * 10.0).round() / 10.0;
    [mean(x) as f32, mean(y) as f32]
}

fn corner_and_size(rect: FrameRect) -> [f32; 4] {
    [rect.x1, rect.y1, rect.x2 - rect.x1, rect.y2 - rect.y1].map(finite)
}

impl From<&track::Track> for Track {
    fn from(track: &track::Track) -> Self {
        // A tenth of a pixel a second is as fine as it gets; and no negative zeros.
        let rounded = |speed: f32| finite((speed * 10.0).round() / 10.0) + 0.0;
        Self {
            age_ms: u64::try_from(track.age.as_millis()).unwrap_or(u64::MAX),
            state: match track.state {
                State::Tentative => TrackState::Tentative,
                // What is lost is not in the frame.
                State::Tracked | State::Lost => TrackState::Tracked,
            },
            velocity: track.velocity.map(rounded),
        }
    }
}

// What `masks.rs` describes, borrowed.

#[derive(Serialize)]
struct FrameOut<'a> {
    sequence: u64,
    captured_at: Ascii<'a>,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct SegmentOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iscrowd: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    score: f32,
    bbox: [u32; 4],
    area: u32,
    detection_bbox: [f32; 4],
    centroid: [f32; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<Track>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<SegmentationOut<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum SegmentationOut<'a> {
    Counts { size: [u32; 2], counts: &'a [u32] },
    Polygons(&'a Rings),
}

/// Bytes that are text.
struct Ascii<'a>(&'a [u8]);

impl Serialize for Ascii<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = str::from_utf8(self.0).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
    }
}

/// A segment's rings in one buffer.
#[derive(Debug, Default)]
struct Rings {
    coordinates: Vec<u32>,
    /// Where each ring ends in `coordinates`.
    ends: Vec<usize>,
}

impl Rings {
    fn clear(&mut self) {
        self.coordinates.clear();
        self.ends.clear();
    }

    fn push(&mut self, ring: &[u32]) {
        self.coordinates.extend_from_slice(ring);
        self.ends.push(self.coordinates.len());
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let spans = starts.zip(self.ends.iter().copied());
        spans.map(|(start, end)| &self.coordinates[start..end])
    }
}

impl Serialize for Rings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests;
