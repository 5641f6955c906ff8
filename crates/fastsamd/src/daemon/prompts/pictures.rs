//! Pictures kept for texts: the network's inputs, while somebody asks what they show.
//!
//! `submit --picture--> room <--segments, texts-- publish; room --job--> text thread`
//!
//! The submitting stage keeps copies in the [`Room`]; the publishing stage, which knows the segments,
//! joins them with a frame's picture to a [`Job`]. Invariants: one job waits; no more than
//! [`MOST_PICTURES`] pictures are kept, in buffers that are used again; without prompts of text
//! nothing is copied.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use fastsam::{Segment, prompt::Canvas};
use frame::{NetworkInput, Size};
use message::{Latency, MaskFormat, Topic};
use tensors::Classes;
use track::Track;

use super::question::{Answerable, Waiting};

/// Pictures that are kept, at most: as many as frames are usually under way.
const MOST_PICTURES: usize = 8;

/// Where pictures wait for their segments.
pub(crate) struct Room {
    /// Bit `i`: whether pictures of camera `i` are wanted. There are at most 16 cameras.
    wanted: AtomicU32,
    pictures: Mutex<Pictures>,
    jobs: Sender<Job>,
    refresh: Duration,
}

#[derive(Default)]
struct Pictures {
    /// In the order in which they came.
    kept: Vec<Kept>,
    /// Buffers to be filled again.
    free: Vec<NetworkInput>,
}

struct Kept {
    camera: usize,
    sequence: u64,
    input: NetworkInput,
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
            wanted: AtomicU32::new(0),
            pictures: Mutex::default(),
            jobs: jobs_in,
            refresh,
        };
        (Arc::new(room), jobs_out)
    }

    /// How long what a standing prompt has found holds.
    pub(crate) fn refresh(&self) -> Duration {
        self.refresh
    }

    fn pictures(&self) -> MutexGuard<'_, Pictures> {
        // Each change is whole in itself.
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether pictures of a camera are to be kept from now on.
    pub(crate) fn want_pictures(&self, camera: usize, wanted: bool) {
        let bit = 1 << camera;
        if wanted {
            self.wanted.fetch_or(bit, Ordering::AcqRel);
        } else if self.wanted.fetch_and(!bit, Ordering::AcqRel) & bit != 0 {
            self.pictures().drop_until(camera, u64::MAX);
        }
    }

    /// Whether pictures of a camera are to be kept.
    pub(crate) fn wants_pictures(&self, camera: usize) -> bool {
        self.wanted.load(Ordering::Acquire) & 1 << camera != 0
    }

    /// Keeps a copy of a frame's input, if such are wanted; in the place of the oldest, if need be.
    pub(crate) fn offer(&self, camera: usize, sequence: u64, input: &NetworkInput) {
        if !self.wants_pictures(camera) {
            return;
        }
        let mut pictures = self.pictures();
        let mut buffer = if pictures.kept.len() == MOST_PICTURES {
            pictures.kept.remove(0).input
        } else {
            let new = || NetworkInput::new(input.size());
            pictures.free.pop().unwrap_or_else(new)
        };
        buffer.clone_from(input);
        pictures.kept.push(Kept {
            camera,
            sequence,
            input: buffer,
        });
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
        let Some(input) = self.pictures().take(frame.camera, header.sequence) else {
            return Err(asked);
        };
        if self.jobs.is_full() {
            self.give_back(input);
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

    /// Takes a picture's buffer back.
    pub(crate) fn give_back(&self, input: NetworkInput) {
        self.pictures().keep_free(input);
    }
}

impl Pictures {
    /// Takes a frame's picture out, and drops those of frames before it, which were lost.
    fn take(&mut self, camera: usize, sequence: u64) -> Option<NetworkInput> {
        let is_it = |kept: &Kept| kept.camera == camera && kept.sequence == sequence;
        let found = self.kept.iter().position(is_it);
        let found = found.map(|place| self.kept.remove(place).input);
        self.drop_until(camera, sequence);
        found
    }

    fn drop_until(&mut self, camera: usize, sequence: u64) {
        let is_past = |kept: &mut Kept| kept.camera == camera && kept.sequence <= sequence;
        let past: Vec<Kept> = self.kept.extract_if(.., is_past).collect();
        for kept in past {
            self.keep_free(kept.input);
        }
    }

    fn keep_free(&mut self, input: NetworkInput) {
        if self.free.len() < MOST_PICTURES {
            self.free.push(input);
        }
    }
}

#[cfg(test)]
mod tests {
    use frame::InputSize;

    use super::*;

    fn room() -> Arc<Room> {
        Room::new(Duration::from_secs(1)).0
    }

    fn kept(room: &Room) -> Vec<u64> {
        room.pictures()
            .kept
            .iter()
            .map(|kept| kept.sequence)
            .collect()
    }

    #[test]
    fn pictures_are_kept_while_they_are_wanted() {
        let room = room();
        let mut input = NetworkInput::new(InputSize::DEFAULT);
        input.bytes_mut().fill(7);
        room.offer(1, 1, &input);
        assert!(kept(&room).is_empty());
        room.want_pictures(1, true);
        room.offer(0, 2, &input);
        for sequence in 3..20 {
            room.offer(1, sequence, &input);
        }
        // The newest.
        assert_eq!(kept(&room), (12..20).collect::<Vec<_>>());
        assert!(
            room.pictures()
                .take(1, 14)
                .is_some_and(|found| found == input)
        );
        assert_eq!(kept(&room), (15..20).collect::<Vec<_>>());
        assert!(room.pictures().take(0, 16).is_none());
        room.want_pictures(1, false);
        assert!(kept(&room).is_empty());
        assert!(room.pictures().free.len() <= MOST_PICTURES);
    }
}
