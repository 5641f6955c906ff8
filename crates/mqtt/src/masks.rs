//! Writes `masks` messages straight from segments.
//!
//! Each segment is written once into a buffer of its own place; then as many as the broker takes are
//! put together, those of the fewest pixels being left out first. Buffers are kept, so in steady
//! state nothing is allocated. The text is what [`crate::messages::Masks`] parses.

use std::time::SystemTime;

use fastsam::{
    Segment,
    encode::{polygon::Simplifier, rle::Encoder},
};
use frame::Size;
use serde::{Serialize, Serializer, ser::SerializeSeq};
use time::{OffsetDateTime, macros::format_description};

use crate::messages::{Latency, SCHEMA};

/// How masks are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaskFormat {
    /// COCO's compressed run lengths.
    Rle,
    /// Rings of points that stray at most so many pixels from the outline.
    Polygon {
        /// In pixels.
        tolerance: f64,
    },
    /// Not at all.
    None,
}

/// What a message says before its segments.
#[derive(Clone, Copy, Debug)]
pub struct FrameHeader<'a> {
    /// The machine that took the frame.
    pub node: &'a str,
    /// The camera.
    pub camera: &'a str,
    /// The frame's number.
    pub sequence: u64,
    /// When it was taken.
    pub captured_at: SystemTime,
    /// The frame's columns and rows.
    pub size: Size,
    /// Where its time went.
    pub latency_ms: Latency,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Segments left out to keep to the limit.
    pub left_out: usize,
}

/// Writes messages; owns the buffers.
#[derive(Debug, Default)]
pub struct MasksWriter {
    encoder: Encoder,
    simplifier: Simplifier,
    counts: Vec<u8>,
    /// Rings of the segment being written, and where each ends.
    points: Vec<u32>,
    ends: Vec<usize>,
    /// All segments' texts, and where each ends.
    texts: Vec<u8>,
    text_ends: Vec<usize>,
    /// Segments by area.
    order: Vec<usize>,
    kept: Vec<bool>,
}

#[derive(Serialize)]
struct Opening<'a> {
    schema: u32,
    node: &'a str,
    camera: &'a str,
    frame: FrameText<'a>,
    latency_ms: Latency,
    #[serde(skip_serializing_if = "is_zero")]
    segments_left_out: usize,
}

#[derive(Serialize)]
struct FrameText<'a> {
    sequence: u64,
    captured_at: &'a str,
    width: u32,
    height: u32,
}

#[derive(Serialize)]
struct SegmentText<'a> {
    id: usize,
    score: f32,
    bbox: [u32; 4],
    detection_bbox: [f32; 4],
    area: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    segmentation: Option<SegmentationText<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum SegmentationText<'a> {
    Rle { size: [u32; 2], counts: &'a str },
    Polygons(Rings<'a>),
}

struct Rings<'a> {
    points: &'a [u32],
    ends: &'a [usize],
}

impl Serialize for Rings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rings = serializer.serialize_seq(Some(self.ends.len()))?;
        let mut start = 0;
        for &end in self.ends {
            rings.serialize_element(&self.points[start..end])?;
            start = end;
        }
        rings.end()
    }
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl MasksWriter {
    /// A writer; its buffers grow with the first messages.
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `out` by the message for these segments, whose ids are those of `ids`, in order. The
    /// message has at most `limit` bytes, unless not even one without segments would keep to it.
    pub fn write(
        &mut self,
        header: &FrameHeader<'_>,
        segments: &[Segment],
        ids: impl IntoIterator<Item = usize>,
        format: MaskFormat,
        limit: usize,
        out: &mut Vec<u8>,
    ) -> serde_json::Result<Written> {
        self.texts.clear();
        self.text_ends.clear();
        for (segment, id) in segments.iter().zip(ids) {
            self.write_segment(segment, id, format)?;
        }
        let left_out = self.choose(segments, limit.saturating_sub(opening_bytes(header)));

        out.clear();
        let mut time = [0; 32];
        let opening = Opening {
            schema: SCHEMA,
            node: header.node,
            camera: header.camera,
            frame: FrameText {
                sequence: header.sequence,
                captured_at: rfc3339(header.captured_at, &mut time),
                width: header.size.width,
                height: header.size.height,
            },
            latency_ms: header.latency_ms,
            segments_left_out: left_out,
        };
        serde_json::to_writer(&mut *out, &opening)?;
        // Goes on where the opening's closing brace stands.
        out.pop();
        out.extend_from_slice(b",\"segments\":[");
        let mut start = 0;
        let mut first = true;
        for (&end, kept) in self.text_ends.iter().zip(&self.kept) {
            if *kept {
                if !first {
                    out.push(b',');
                }
                first = false;
                out.extend_from_slice(&self.texts[start..end]);
            }
            start = end;
        }
        out.extend_from_slice(b"]}");
        Ok(Written { left_out })
    }

    fn write_segment(
        &mut self,
        segment: &Segment,
        id: usize,
        format: MaskFormat,
    ) -> serde_json::Result<()> {
        let segmentation = match format {
            MaskFormat::Rle => {
                self.counts.clear();
                self.encoder.encode(&segment.mask, &mut self.counts);
                let size = segment.mask.size();
                Some(SegmentationText::Rle {
                    size: [size.height, size.width],
                    // The encoder writes ASCII alone.
                    counts: std::str::from_utf8(&self.counts).unwrap_or_default(),
                })
            }
            MaskFormat::Polygon { tolerance } => {
                self.points.clear();
                self.ends.clear();
                self.simplifier.rings(&segment.contours, tolerance, |ring| {
                    self.points.extend_from_slice(ring);
                    self.ends.push(self.points.len());
                });
                Some(SegmentationText::Polygons(Rings {
                    points: &self.points,
                    ends: &self.ends,
                }))
            }
            MaskFormat::None => None,
        };
        let (bbox, detection) = (segment.bbox, segment.detection_bbox);
        let text = SegmentText {
            id,
            score: segment.score,
            bbox: [bbox.x, bbox.y, bbox.width, bbox.height],
            detection_bbox: [
                detection.x1,
                detection.y1,
                detection.x2 - detection.x1,
                detection.y2 - detection.y1,
            ],
            area: segment.area,
            segmentation,
        };
        serde_json::to_writer(&mut self.texts, &text)?;
        self.text_ends.push(self.texts.len());
        Ok(())
    }

    /// Marks the segments that fit into so many bytes and says how many don't.
    fn choose(&mut self, segments: &[Segment], room: usize) -> usize {
        let count = self.text_ends.len();
        self.kept.clear();
        self.kept.resize(count, true);
        // A comma for each but the first.
        let mut bytes = self.texts.len() + count;
        if bytes <= room {
            return 0;
        }
        self.order.clear();
        self.order.extend(0..count);
        // Equal areas: the worse score, which stands later, goes first.
        self.order
            .sort_unstable_by_key(|&i| (segments[i].area, usize::MAX - i));
        let mut left_out = 0;
        for &i in &self.order {
            if bytes <= room {
                break;
            }
            let start = if i == 0 { 0 } else { self.text_ends[i - 1] };
            bytes -= self.text_ends[i] - start + 1;
            self.kept[i] = false;
            left_out += 1;
        }
        left_out
    }
}

/// An upper bound on a message's bytes without its segments.
fn opening_bytes(header: &FrameHeader<'_>) -> usize {
    // Keys, brackets and the longest numbers; a character of a name may become six when escaped.
    512 + 6 * (header.node.len() + header.camera.len())
}

fn rfc3339(at: SystemTime, buffer: &mut [u8; 32]) -> &str {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let mut rest = &mut buffer[..];
    let written = OffsetDateTime::from(at)
        .format_into(&mut rest, format)
        .unwrap_or(0);
    std::str::from_utf8(&buffer[..written]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fastsam::{Mask, Run, contour::Tracer};

    use super::*;
    use crate::messages::{Masks, Segmentation};

    fn rectangle(x: u16, y: u16, width: u16, height: u16, score: f32) -> Segment {
        let runs = (y..y + height)
            .map(|y| Run {
                y,
                start: x,
                end: x + width,
            })
            .collect();
        let mask = Mask::from_runs(Size::new(640, 480), runs).unwrap();
        let mut contours = Default::default();
        Tracer::new().trace(&mask, &mut contours);
        Segment {
            score,
            bbox: mask.bounding_box(),
            detection_bbox: frame::FrameRect {
                x1: 1.5,
                y1: 2.25,
                x2: 11.5,
                y2: 22.25,
            },
            area: mask.area(),
            mask,
            contours,
        }
    }

    fn segments() -> Vec<Segment> {
        vec![
            rectangle(10, 20, 30, 40, 0.93),
            rectangle(1, 1, 3, 3, 0.8),
            rectangle(100, 100, 200, 7, 0.5),
        ]
    }

    fn header() -> FrameHeader<'static> {
        FrameHeader {
            node: "garden",
            camera: "cam0",
            sequence: 42,
            captured_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_341_600_123),
            size: Size::new(640, 480),
            latency_ms: Latency {
                capture: 3.1,
                infer: 20.8,
                segment: 1.2,
                total: 26.0,
            },
        }
    }

    fn written(format: MaskFormat, limit: usize) -> (Masks, usize) {
        let mut out = b"left from before".to_vec();
        let mut writer = MasksWriter::new();
        let written = writer
            .write(&header(), &segments(), 0.., format, limit, &mut out)
            .unwrap();
        let message: Masks = serde_json::from_slice(&out).unwrap();
        assert_eq!(message.segments_left_out.unwrap_or(0), written.left_out);
        (message, out.len())
    }

    #[test]
    fn a_message_says_what_the_segments_say() {
        let (message, _) = written(MaskFormat::Rle, usize::MAX);
        assert_eq!(message.schema, 1);
        assert_eq!(
            (message.node.as_str(), message.camera.as_str()),
            ("garden", "cam0")
        );
        assert_eq!(message.frame.captured_at, "2026-11-22T10:00:00.123Z");
        assert_eq!((message.frame.width, message.frame.height), (640, 480));
        assert_eq!(message.latency_ms, header().latency_ms);
        for (i, (told, segment)) in message.segments.iter().zip(segments()).enumerate() {
            assert_eq!(told.id, i);
            assert_eq!(told.score, segment.score);
            assert_eq!(told.area, segment.area);
            assert_eq!(told.detection_bbox, [1.5, 2.25, 10.0, 20.0]);
            let Some(Segmentation::Rle {
                size: [480, 640],
                counts,
            }) = &told.segmentation
            else {
                panic!("{:?}", told.segmentation);
            };
            let mask = fastsam::encode::rle::decode(Size::new(640, 480), counts).unwrap();
            assert_eq!(mask, segment.mask);
        }
        assert_eq!(message.segments[0].bbox, [10, 20, 30, 40]);
    }

    #[test]
    fn polygons_are_rings_of_points() {
        let (message, _) = written(MaskFormat::Polygon { tolerance: 0.0 }, usize::MAX);
        let Some(Segmentation::Polygons(rings)) = &message.segments[0].segmentation else {
            panic!("{:?}", message.segments[0].segmentation);
        };
        assert_eq!(rings, &[[10, 20, 10, 59, 39, 59, 39, 20]]);
    }

    #[test]
    fn without_masks_there_is_no_segmentation() {
        let (message, _) = written(MaskFormat::None, usize::MAX);
        assert!(
            message
                .segments
                .iter()
                .all(|segment| segment.segmentation.is_none())
        );
    }

    #[test]
    fn the_fewest_pixels_are_left_out_first() {
        let (_, whole) = written(MaskFormat::Rle, usize::MAX);
        let mut seen = Vec::new();
        for limit in (0..whole + 600).rev() {
            let (message, bytes) = written(MaskFormat::Rle, limit);
            let ids: Vec<_> = message.segments.iter().map(|segment| segment.id).collect();
            assert!(bytes <= limit || ids.is_empty());
            if seen.last() != Some(&ids) {
                seen.push(ids);
            }
        }
        assert_eq!(seen, [vec![0, 1, 2], vec![0, 2], vec![2], vec![]]);
    }

    #[test]
    fn a_frame_without_segments_is_an_empty_list() {
        let mut out = Vec::new();
        let mut writer = MasksWriter::new();
        writer
            .write(&header(), &[], 0.., MaskFormat::Rle, 10_000, &mut out)
            .unwrap();
        let message: Masks = serde_json::from_slice(&out).unwrap();
        assert!(message.segments.is_empty());
    }
}
