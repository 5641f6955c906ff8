//! Texts: which segments look like what a prompt says.
//!
//! `submit --picture--> room <--segments, texts-- publish; room --job--> text thread --> answers`
//!
//! Looking takes a second where a frame takes milliseconds, so it has a thread of its own, and frames
//! don't wait for it. While somebody asks, the submitting stage keeps copies of the network's inputs
//! in the [`Room`]; the publishing stage, which knows the segments, joins them with a frame's picture
//! to a [`Job`]. Invariants: one job is worked on and one waits; no more than [`MOST_PICTURES`]
//! pictures are kept, in buffers that are used again; without prompts of text nothing is copied.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use clip::{Match, Matcher, Picture, Recollection};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use fastsam::{Segment, prompt::Canvas};
use frame::{INPUT_BYTES, Size};
use mqtt::{
    MaskFormat, MasksWriter, Publisher, Topic,
    message::{FrameHeader, Latency, prompt::TextChoice},
};
use tracing::warn;

use super::{
    desk::{Answerable, Desk, Waiting},
    service::Heartbeat,
    shutdown::Shutdown,
    stages::PATIENCE,
};

/// Pictures that are kept, at most: as many as frames are usually under way.
const MOST_PICTURES: usize = 8;

/// The network's input.
type Input = Box<[u8; INPUT_BYTES]>;

/// Where pictures wait for their segments.
pub(super) struct Room {
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
    free: Vec<Input>,
}

struct Kept {
    camera: usize,
    sequence: u64,
    input: Input,
}

/// A standing prompt's text.
pub(super) struct Wish {
    /// Where it is answered, which no other prompt is.
    pub(super) topic: Topic,
    pub(super) text: String,
    pub(super) threshold: Option<f64>,
}

/// A frame with the texts that are asked of it.
pub(super) struct Job {
    node: String,
    camera_name: String,
    camera: usize,
    sequence: u64,
    captured_at: SystemTime,
    size: Size,
    latency: Latency,
    canvas: Canvas,
    format: MaskFormat,
    segments: Vec<Segment>,
    input: Input,
    asked: Vec<Waiting>,
    wishes: Vec<Wish>,
}

impl Room {
    /// An empty room, and the jobs that come out of it.
    pub(super) fn new(refresh: Duration) -> (Arc<Self>, Receiver<Job>) {
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
    pub(super) fn refresh(&self) -> Duration {
        self.refresh
    }

    fn pictures(&self) -> MutexGuard<'_, Pictures> {
        // Each change is whole in itself.
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether pictures of a camera are to be kept from now on.
    pub(super) fn want_pictures(&self, camera: usize, wanted: bool) {
        let bit = 1 << camera;
        if wanted {
            self.wanted.fetch_or(bit, Ordering::AcqRel);
        } else if self.wanted.fetch_and(!bit, Ordering::AcqRel) & bit != 0 {
            self.pictures().drop_until(camera, u64::MAX);
        }
    }

    /// Whether pictures of a camera are to be kept.
    pub(super) fn wants_pictures(&self, camera: usize) -> bool {
        self.wanted.load(Ordering::Acquire) & 1 << camera != 0
    }

    /// Keeps a copy of a frame's input, if such are wanted; in the place of the oldest, if need be.
    pub(super) fn offer(&self, camera: usize, sequence: u64, input: &[u8; INPUT_BYTES]) {
        if !self.wants_pictures(camera) {
            return;
        }
        let mut pictures = self.pictures();
        let mut buffer = if pictures.kept.len() == MOST_PICTURES {
            pictures.kept.remove(0).input
        } else {
            pictures
                .free
                .pop()
                .unwrap_or_else(|| Box::new([0; INPUT_BYTES]))
        };
        buffer.copy_from_slice(input);
        pictures.kept.push(Kept {
            camera,
            sequence,
            input: buffer,
        });
    }

    /// Makes a job of a frame and what is asked of it. Where its picture was not kept, or a job
    /// waits already, the prompts come back.
    pub(super) fn give(
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
            camera: frame.camera,
            sequence: header.sequence,
            captured_at: header.captured_at,
            size: header.size,
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
    fn give_back(&self, input: Input) {
        self.pictures().keep_free(input);
    }
}

impl Pictures {
    /// Takes a frame's picture out, and drops those of frames before it, which were lost.
    fn take(&mut self, camera: usize, sequence: u64) -> Option<Input> {
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

    fn keep_free(&mut self, input: Input) {
        if self.free.len() < MOST_PICTURES {
            self.free.push(input);
        }
    }
}

/// Looks at frames; the body of its thread.
pub(super) struct TextStage {
    pub(super) matcher: Matcher,
    pub(super) room: Arc<Room>,
    pub(super) jobs: Receiver<Job>,
    pub(super) desk: Arc<Desk>,
    pub(super) publisher: Publisher,
    /// Where embeddings of texts are kept over a restart, if they are.
    pub(super) cache: Option<PathBuf>,
    /// What segments looked like, for each camera.
    pub(super) recollections: Vec<Recollection>,
}

impl TextStage {
    /// Runs until the shutdown.
    pub(super) fn run(mut self, heartbeat: &Heartbeat, shutdown: &Shutdown) {
        if let Some(cache) = self.cache.as_ref().filter(|cache| cache.exists())
            && let Err(error) = self.matcher.texts().restore(cache)
        {
            warn!("texts are embedded anew: {error}");
        }
        let mut writer = MasksWriter::new();
        while !shutdown.is_requested() {
            heartbeat.beat();
            match self.jobs.recv_timeout(PATIENCE) {
                Ok(job) => self.work(job, &mut writer, heartbeat),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn work(&mut self, job: Job, writer: &mut MasksWriter, heartbeat: &Heartbeat) {
        let header = FrameHeader {
            node: &job.node,
            camera: &job.camera_name,
            sequence: job.sequence,
            captured_at: job.captured_at,
            size: job.size,
            latency: job.latency,
        };
        let frame = Answerable {
            camera: job.camera,
            segments: &job.segments,
            header: &header,
            canvas: job.canvas,
            format: job.format,
        };
        let picture = Picture {
            input: &job.input,
            canvas: job.canvas,
        };
        // Who asks once wants to know what is there now.
        let mut anew = Recollection::default();
        let recollection = if job.asked.is_empty() {
            self.recollections.get_mut(job.camera).unwrap_or(&mut anew)
        } else {
            &mut anew
        };
        let looked = self
            .matcher
            .look(picture, &job.segments, recollection, Instant::now(), || {
                heartbeat.beat()
            })
            .map_err(|error| error.to_string());
        let mut choose = |text: &str, threshold: Option<f64>| {
            let looked = looked.as_ref().map_err(Clone::clone)?;
            self.matcher
                .choose(text, looked, threshold)
                .map_err(|error| error.to_string())
        };
        for waiting in job.asked {
            let text = waiting.prompt.text.clone().unwrap_or_default();
            let matches = choose(&text, waiting.prompt.min_similarity);
            let alike = matches.map(|matches| matches.iter().map(choice).collect());
            waiting.answer(frame, Some(alike), writer, &self.publisher);
        }
        for wish in job.wishes {
            let masks = choose(&wish.text, wish.threshold).map(|matches| {
                let mask = |found: Match| {
                    let segment = job.segments.get(found.place)?;
                    Some((segment.mask.clone(), found.similarity))
                };
                matches.into_iter().filter_map(mask).collect()
            });
            self.desk.looks_alike(&wish.topic, masks);
        }
        self.room.give_back(job.input);
        if let Some(cache) = &self.cache
            && self.matcher.texts().has_news()
            && let Err(error) = self.matcher.texts().keep(cache)
        {
            warn!("embeddings of texts are not kept over a restart: {error}");
        }
    }
}

fn choice(found: &Match) -> TextChoice {
    TextChoice {
        segment: found.place as u64,
        similarity: found.similarity,
    }
}

#[cfg(test)]
mod tests {
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
        let input = Box::new([7; INPUT_BYTES]);
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
