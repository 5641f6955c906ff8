//! Label maps and snapshots: made on a thread of their own, of frames that are wanted.
//!
//! Frames don't wait for pictures. Invariants: one picture is made and one waits; what comes while one waits is counted
//! and left out; nothing is copied of cameras of which no picture is wanted.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use fastsam::{Segment, Segments};
use frame::{Letterbox, NetworkInput, Size};
use message::{CameraTopics, Topic};
use mqtt::{Delivery, Publisher};
use picture::{
    labelmap::{self, Label},
    snapshot,
};
use tensors::Classes;
use tracing::warn;

use crate::daemon::{
    keep::Keep,
    pipeline::counters::Counters,
    process::{systemd::Heartbeat, threads::PATIENCE},
    settings::live::Values,
};

/// A picture that is to be made.
pub(crate) enum Job {
    LabelMap {
        topic: Topic,
        size: Size,
        labels: Vec<Label>,
    },
    Snapshot {
        topic: Topic,
        input: NetworkInput,
        letterbox: Letterbox,
        segments: Vec<(u64, Segment)>,
        classes: Classes,
    },
}

/// Has pictures of frames made.
pub(crate) struct Pictures {
    cameras: Vec<OfCamera>,
    /// Where the submitting stage leaves the pictures of frames.
    keep: Arc<Keep>,
    jobs: Sender<Job>,
    publisher: Publisher,
}

struct OfCamera {
    labelmap: Topic,
    snapshot: Topic,
    snapshot_at: Option<Instant>,
}

/// A frame of which pictures may be made.
pub(crate) struct Picturable<'a> {
    pub(crate) camera: usize,
    pub(crate) sequence: u64,
    pub(crate) letterbox: Letterbox,
    pub(crate) segments: &'a Segments,
    pub(crate) tracks: &'a [track::Track],
}

impl Pictures {
    /// Of cameras with these topics; and the jobs that come out.
    pub(crate) fn new<'a>(
        cameras: impl Iterator<Item = &'a CameraTopics>,
        publisher: Publisher,
    ) -> (Self, Receiver<Job>) {
        let (jobs_in, jobs_out) = bounded(1);
        let of_camera = |topics: &CameraTopics| OfCamera {
            labelmap: topics.labelmap(),
            snapshot: topics.snapshot(),
            snapshot_at: None,
        };
        let pictures = Self {
            cameras: cameras.map(of_camera).collect(),
            keep: Arc::default(),
            jobs: jobs_in,
            publisher,
        };
        (pictures, jobs_out)
    }

    pub(crate) fn keep(&self) -> &Arc<Keep> {
        &self.keep
    }

    /// Has made what is wanted and due of a frame.
    pub(crate) fn take(
        &mut self,
        frame: &Picturable<'_>,
        values: &Values,
        now: Instant,
        counters: &Counters,
    ) {
        let of_camera = &mut self.cameras[frame.camera];
        let is_past = |interval: Duration| {
            of_camera
                .snapshot_at
                .is_none_or(|at| now.saturating_duration_since(at) >= interval)
        };
        let is_due = values.snapshot_interval.is_some_and(is_past);
        if values.snapshot_interval.is_none() && of_camera.snapshot_at.take().is_some() {
            self.publisher.forget(&of_camera.snapshot);
        }
        if is_due || self.keep.wants(frame.camera) {
            self.keep.want(frame.camera, is_due);
        }
        if is_due && let Some(input) = self.keep.take(frame.camera, frame.sequence) {
            let list = frame.segments.as_slice().iter().enumerate();
            let number = |place: usize| {
                frame
                    .tracks
                    .get(place)
                    .map_or(place as u64, |track| track.id)
            };
            let job = Job::Snapshot {
                topic: of_camera.snapshot.clone(),
                input,
                letterbox: frame.letterbox,
                segments: list
                    .map(|(place, segment)| (number(place), segment.clone()))
                    .collect(),
                classes: frame.segments.classes().clone(),
            };
            // Where another one waits the next frame's is made.
            if self.jobs.try_send(job).is_ok() {
                of_camera.snapshot_at = Some(now);
                self.keep.want(frame.camera, false);
            }
        }
        if values.labelmap && self.publisher.is_connected() {
            let label = |segment: &Segment| Label {
                area: segment.area,
                runs: segment.mask.runs().to_vec(),
            };
            let job = Job::LabelMap {
                topic: of_camera.labelmap.clone(),
                size: frame.segments.size(),
                labels: frame.segments.as_slice().iter().map(label).collect(),
            };
            if self.jobs.try_send(job).is_err() {
                counters.dropped_at_pictures.increment();
            }
        }
    }
}

/// Makes pictures and publishes them; the body of its thread.
pub(crate) fn make(
    jobs: &Receiver<Job>,
    keep: &Keep,
    publisher: &Publisher,
    heartbeat: &Heartbeat,
) {
    loop {
        heartbeat.beat();
        match jobs.recv_timeout(PATIENCE) {
            Ok(job) => {
                if let Err(error) = make_one(job, keep, publisher) {
                    warn!("a picture was not made: {error:#}");
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn make_one(job: Job, keep: &Keep, publisher: &Publisher) -> anyhow::Result<()> {
    match job {
        Job::LabelMap {
            topic,
            size,
            labels,
        } => {
            let png = labelmap::encode(size, &labels)?;
            // What is refused has been counted.
            let _ = publisher.picture(&topic, &png, "image/png");
        }
        Job::Snapshot {
            topic,
            input,
            letterbox,
            segments,
            classes,
        } => {
            let numbered = segments.iter().map(|(number, segment)| (*number, segment));
            let jpeg = snapshot::encode(&input, &letterbox, numbered, &classes)?;
            keep.give_back(input);
            let _ = publisher.state(&topic, &jpeg, Delivery::AtMostOnce);
        }
    }
    Ok(())
}
