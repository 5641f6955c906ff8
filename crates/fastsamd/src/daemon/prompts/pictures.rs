//! Pictures kept for texts: the network's inputs, while somebody asks what they show.
//!
//! `submit --picture--> room <--segments, texts-- publish; room --job--> text thread`
//!
//! The submitting stage leaves copies with the room's [`Keep`]; the publishing stage, which knows the segments,
//! joins them with a frame's picture to a [`Job`]. Invariants: one job waits; without prompts of text
//! nothing is copied.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use fastsam::{Segment, prompt::Canvas};
use frame::{NetworkInput, Size};
use message::{Latency, MaskFormat, Topic};
use tensors::Classes;
use track::Track;

use super::question::{Answerable, Waiting};
use crate::daemon::keep::Keep;

/// Where pictures wait for their segments.
pub(crate) struct Room {
    keep: Arc<Keep>,
    jobs: Sender<Job>,
    refresh: Duration,
}

/// A standing prompt's text.
pub(crate) struct Wish {
    /// Where it is answered, which no other prompt is.
    pub(crate) topic: Topic,
    pub(crate) text: String,
    pub(crate) threshold: Option<f64>,
}

/// A frame with the texts that are asked of it.
pub(crate) struct Job {
    pub(crate) node: String,
    pub(crate) camera_name: String,
    pub(crate) backend: &'static str,
    pub(crate) camera: usize,
    pub(crate) sequence: u64,
    pub(crate) captured_at: SystemTime,
    pub(crate) size: Size,
    pub(crate) classes: Classes,
    pub(crate) tracks: Vec<Track>,
    pub(crate) latency: Latency,
    pub(crate) canvas: Canvas,
    pub(crate) format: MaskFormat,
    pub(crate) segments: Vec<Segment>,
    pub(crate) input: NetworkInput,
    pub(crate) asked: Vec<Waiting>,
    pub(crate) wishes: Vec<Wish>,
}

impl Room {
    /// An empty room, and the jobs that come out of it.
    pub(crate) fn new(refresh: Duration) -> (Arc<Self>, Receiver<Job>) {
        let (jobs_in, jobs_out) = bounded(1);
        let room = Self {
            keep: Arc::default(),
            jobs: jobs_in,
            refresh,
        };
        (Arc::new(room), jobs_out)
    }

    /// How long what a standing prompt has found holds.
    pub(crate) fn refresh(&self) -> Duration {
        self.refresh
    }

    /// Where the submitting stage leaves pictures.
    pub(crate) fn keep(&self) -> &Arc<Keep> {
        &self.keep
    }

    /// Makes a job of a frame and what is asked of it. Where its picture was not kept, or a job
    /// waits already, the prompts come back.
    pub(crate) fn give(
        &self,
        frame: Answerable<'_>,
        asked: Vec<Waiting>,
        wishes: Vec<Wish>,
    ) -> Result<(), Vec<Waiting>> {
        let header = frame.header;
        let Some(input) = self.keep.take(frame.camera, header.sequence) else {
            return Err(asked);
        };
        if self.jobs.is_full() {
            self.keep.give_back(input);
            return Err(asked);
        }
        let job = Job {
            node: header.node.to_owned(),
            camera_name: header.camera.to_owned(),
            backend: header.backend,
            camera: frame.camera,
            sequence: header.sequence,
            captured_at: header.captured_at,
            size: header.size,
            classes: header.classes.clone(),
            tracks: header.tracks.to_vec(),
            latency: header.latency,
            canvas: frame.canvas,
            format: frame.format,
            segments: frame.segments.to_vec(),
            input,
            asked,
            wishes,
        };
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job.asked,
        })
    }
}
