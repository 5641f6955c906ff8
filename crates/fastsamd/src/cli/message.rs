//! The `masks` message, written for people and files instead of a broker.

use std::time::{Duration, SystemTime};

use fastsam::Segments;
use frame::Size;
use message::{Chosen, FrameHeader, Latency, MasksWriter};
use track::Track;

use super::own::NODE;
use crate::prompts::Answer;
use configuration::MaskFormat;
use configuration::Publish;

/// Writes messages, reusing its buffers.
pub(super) struct Message {
    writer: MasksWriter,
    format: message::MaskFormat,
    text: Vec<u8>,
}

/// What a message says beside the segments.
pub(super) struct About<'a> {
    pub camera: &'a str,
    pub backend: &'static str,
    /// The absolute path of what is segmented, unless it is nobody's file.
    pub input: Option<&'a str>,
    pub sequence: u64,
    pub captured_at: SystemTime,
    pub size: Size,
    /// Of the segments, where they are frames of a film.
    pub tracks: &'a [Track],
    pub infer: Duration,
    pub segment: Duration,
}

impl Message {
    /// `tolerance`: how far polygons may stray, in pixels.
    pub(super) fn new(format: MaskFormat, tolerance: f64) -> Self {
        let publish = Publish {
            mask_format: format,
            polygon_tolerance: tolerance,
            ..Publish::default()
        };
        Self {
            writer: MasksWriter::new(),
            format: publish.format(),
            text: Vec::new(),
        }
    }

    /// One line of JSON with all segments, however long it gets.
    pub(super) fn write(&mut self, about: &About<'_>, segments: &Segments) -> anyhow::Result<&str> {
        let (list, limit) = (segments.as_slice(), usize::MAX);
        self.writer.write(
            &about.header(segments),
            list,
            self.format,
            limit,
            &mut self.text,
        );
        Ok(std::str::from_utf8(&self.text)?)
    }

    /// One line of JSON with the segments that a prompt chose.
    pub(super) fn write_answer(
        &mut self,
        about: &About<'_>,
        segments: &Segments,
        answer: &Answer,
    ) -> anyhow::Result<&str> {
        let chosen = Chosen {
            segments: segments.as_slice(),
            places: &answer.places,
            union: answer.union.as_ref(),
        };
        let header = about.header(segments);
        let choice = answer.choice.clone();
        let choice = choice.renumbered(|place| header.id(place as usize));
        self.writer
            .write_chosen(&header, &chosen, &choice, self.format, &mut self.text);
        Ok(std::str::from_utf8(&self.text)?)
    }
}

impl<'a> About<'a> {
    fn header(&self, segments: &'a Segments) -> FrameHeader<'a> {
        FrameHeader {
            node: NODE,
            camera: self.camera,
            backend: self.backend,
            input: self.input,
            sequence: self.sequence,
            captured_at: self.captured_at,
            size: self.size,
            classes: segments.classes(),
            tracks: self.tracks,
            texts: None,
            latency: Latency {
                capture: Duration::ZERO,
                infer: self.infer,
                segment: self.segment,
                total: self.infer + self.segment,
            },
        }
    }
}
