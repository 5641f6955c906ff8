//! Where prompts wait for the frame that answers them.
//!
//! The publishing stage, which has the segments, answers points and boxes at once. What a text asks
//! takes longer: it goes on to the text thread ([`super::text`]) together with its frame, and frames
//! flow on meanwhile. Invariants: no more than [`MOST_WAITING`] prompts wait for a frame, none longer
//! than [`LONGEST_WAIT`]; no more than [`MOST_STANDING`] stand.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use fastsam::{Mask, Segment, prompt::Canvas};
use mqtt::{
    MaskFormat, MasksWriter, Publisher, ReplyTo, Topic, Topics,
    message::{
        Chosen, FrameHeader,
        prompt::{self, TextChoice},
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use tracing::{debug, warn};

use super::text::{Room, Wish};
use crate::{
    config::{Config, StandingPrompt},
    prompts::{self, Refusal, Standing},
};

/// Prompts that wait for a frame, at most.
const MOST_WAITING: usize = 64;

/// The longest a prompt waits for its frame.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Standing prompts, at most: each costs its time on every frame.
const MOST_STANDING: usize = 64;

/// Where prompts wait for the publishing stage.
pub(super) struct Desk {
    cameras: Vec<String>,
    topics: Topics,
    /// Where texts are understood, if they are.
    text: Option<Arc<Room>>,
    lists: Mutex<Lists>,
    /// Prompts in both lists: the publishing stage looks no further where there are none.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lists {
    waiting: Vec<Waiting>,
    standing: Vec<Stand>,
}

/// A prompt that waits for its frame.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) camera: usize,
    /// The frame that is meant, or the next one.
    pub(super) sequence: Option<u64>,
    pub(super) prompt: prompt::Prompt,
    pub(super) transaction: Value,
    pub(super) reply: ReplyTo,
    pub(super) since: Instant,
}

/// A standing prompt with its camera and topic.
#[derive(Debug)]
struct Stand {
    entry: StandingPrompt,
    camera: usize,
    topic: Topic,
    standing: Standing,
    /// When its text was last given to the text thread.
    looked_at: Option<Instant>,
    /// Said once, not for each frame.
    refused: bool,
}

/// What of a standing prompt's answer goes beside the segments.
#[derive(Serialize)]
struct StandingChoice<'a> {
    name: &'a str,
    status: prompt::Standing,
    #[serde(flatten)]
    choice: &'a prompt::Choice,
}

/// A frame's segments, and what a message says beside them.
#[derive(Clone, Copy)]
pub(super) struct Answerable<'a> {
    pub(super) camera: usize,
    pub(super) segments: &'a [Segment],
    pub(super) header: &'a FrameHeader<'a>,
    pub(super) canvas: Canvas,
    pub(super) format: MaskFormat,
}

impl Desk {
    /// An empty desk for the configuration's cameras, with its standing prompts. `text` is where
    /// texts are understood.
    pub(super) fn new(config: &Config, text: Option<Arc<Room>>) -> anyhow::Result<Self> {
        let desk = Self {
            cameras: config
                .cameras
                .iter()
                .map(|camera| camera.name.clone())
                .collect(),
            topics: Topics::new(&config.mqtt.prefix, &config.node)?,
            text,
            lists: Mutex::default(),
            count: AtomicUsize::new(0),
        };
        for entry in &config.prompts {
            desk.stand(entry.clone())
                .map_err(|cause| anyhow::anyhow!("prompt '{}': {cause}", entry.name))?;
        }
        Ok(desk)
    }

    pub(super) fn topics(&self) -> &Topics {
        &self.topics
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        // Each change is whole in itself.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what has changed to those who look without the lock: how many prompts there are, and of
    /// which cameras pictures are owed to a text.
    fn recount(&self, lists: &Lists) {
        let count = lists.waiting.len() + lists.standing.len();
        self.count.store(count, Ordering::Release);
        if let Some(room) = &self.text {
            for camera in 0..self.cameras.len() {
                room.want_pictures(camera, lists.owe_text(camera, room.refresh()));
            }
        }
    }

    /// The camera of that name; of one camera there is no need to speak.
    pub(super) fn camera(&self, name: Option<&str>) -> Result<usize, String> {
        match (name, self.cameras.as_slice()) {
            (None, [_]) => Ok(0),
            (None, all) => Err(format!("which camera: {}?", all.join(", "))),
            (Some(name), all) => all
                .iter()
                .position(|camera| camera == name)
                .ok_or_else(|| format!("no camera '{name}': there is {}", all.join(", "))),
        }
    }

    /// Refuses a text where none is understood.
    fn expect_text_model(&self, prompt: &prompt::Prompt) -> Result<(), String> {
        if prompt.text.is_some() && self.text.is_none() {
            return Err(Refusal::NoTextModel.to_string());
        }
        Ok(())
    }

    /// Puts a prompt up, in the place of one of the same camera and name.
    pub(super) fn stand(&self, entry: StandingPrompt) -> Result<(), String> {
        let camera = self.camera(entry.camera.as_deref())?;
        self.expect_text_model(&entry.prompt)?;
        let topic = self
            .topics
            .camera(&self.cameras[camera])
            .and_then(|topics| topics.prompt(&entry.name))
            .map_err(|error| error.to_string())?;
        let new = Stand {
            standing: Standing::new(entry.prompt.clone(), entry.follow),
            entry,
            camera,
            topic,
            looked_at: None,
            refused: false,
        };
        let mut lists = self.lists();
        let known = lists
            .standing
            .iter()
            .position(|stand| stand.topic == new.topic);
        match known {
            Some(known) => lists.standing[known] = new,
            None if lists.standing.len() < MOST_STANDING => lists.standing.push(new),
            None => return Err(format!("no more than {MOST_STANDING} prompts can stand")),
        }
        self.recount(&lists);
        Ok(())
    }

    /// Takes a prompt down; says whether there was one.
    pub(super) fn remove(&self, camera: usize, name: &str) -> bool {
        let mut lists = self.lists();
        let before = lists.standing.len();
        lists
            .standing
            .retain(|stand| stand.camera != camera || stand.entry.name != name);
        self.recount(&lists);
        lists.standing.len() < before
    }

    /// All prompts that stand.
    pub(super) fn standing(&self) -> Vec<StandingPrompt> {
        let lists = self.lists();
        lists
            .standing
            .iter()
            .map(|stand| StandingPrompt {
                camera: Some(self.cameras[stand.camera].clone()),
                ..stand.entry.clone()
            })
            .collect()
    }

    /// Lays a prompt down for its frame.
    pub(super) fn wait(&self, waiting: Waiting) -> Result<(), String> {
        self.expect_text_model(&waiting.prompt)?;
        let mut lists = self.lists();
        if lists.waiting.len() >= MOST_WAITING {
            return Err(format!(
                "{MOST_WAITING} prompts wait already: ask again later"
            ));
        }
        lists.waiting.push(waiting);
        self.recount(&lists);
        Ok(())
    }

    /// Answers all that a frame answers.
    pub(super) fn answer(
        &self,
        frame: Answerable<'_>,
        writer: &mut MasksWriter,
        publisher: &Publisher,
    ) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut guard = self.lists();
        let lists = &mut *guard;
        let sequence = frame.header.sequence;
        let mut message = Vec::new();
        for stand in &mut lists.standing {
            if stand.camera == frame.camera {
                stand.answer(frame, writer, &mut message, publisher);
            }
        }
        let mine = |waiting: &Waiting| {
            waiting.camera == frame.camera
                && waiting.sequence.is_none_or(|wanted| wanted <= sequence)
        };
        let mut of_text = Vec::new();
        for waiting in lists.waiting.extract_if(.., |waiting| mine(waiting)) {
            let is_meant = waiting.sequence.is_none_or(|wanted| wanted == sequence);
            if is_meant && waiting.prompt.text.is_some() {
                of_text.push(waiting);
            } else {
                waiting.answer(frame, None, writer, publisher);
            }
        }
        if let Some(room) = &self.text {
            lists.look(room, frame, of_text);
        }
        self.recount(lists);
    }

    /// Takes what the text thread has found for a standing prompt: masks, the most alike first.
    pub(super) fn looks_alike(&self, topic: &Topic, found: Result<Vec<(Mask, f64)>, String>) {
        let mut lists = self.lists();
        let stand = lists
            .standing
            .iter_mut()
            .find(|stand| stand.topic == *topic);
        let Some(stand) = stand else { return };
        match found {
            Ok(masks) => stand.standing.look_like_text(masks),
            Err(cause) => stand.refuse(&cause),
        }
    }

    /// Answers those that have waited long enough.
    pub(super) fn give_up_late(&self, publisher: &Publisher) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut lists = self.lists();
        let late = |waiting: &mut Waiting| waiting.since.elapsed() > LONGEST_WAIT;
        for waiting in lists.waiting.extract_if(.., late) {
            let cause = format!(
                "no frame of {} within {} s",
                self.cameras[waiting.camera],
                LONGEST_WAIT.as_secs()
            );
            reply(publisher, &waiting.reply, &waiting.transaction, Err(cause));
        }
        self.recount(&lists);
    }
}

impl Lists {
    /// Whether a text waits for a picture of this camera.
    fn owe_text(&self, camera: usize, refresh: Duration) -> bool {
        let now = Instant::now();
        let asks = |waiting: &Waiting| waiting.camera == camera && waiting.prompt.text.is_some();
        let is_due = |stand: &Stand| stand.camera == camera && stand.is_due(refresh, now);
        self.waiting.iter().any(asks) || self.standing.iter().any(is_due)
    }

    /// Gives the texts that are due to the text thread, with their frame. Where it is at work, or
    /// the frame's picture was not kept, they wait for a later frame.
    fn look(&mut self, room: &Room, frame: Answerable<'_>, asked: Vec<Waiting>) {
        let now = Instant::now();
        let due =
            |stand: &&mut Stand| stand.camera == frame.camera && stand.is_due(room.refresh(), now);
        let mut due: Vec<&mut Stand> = self.standing.iter_mut().filter(due).collect();
        if asked.is_empty() && due.is_empty() {
            return;
        }
        let wishes = due.iter().filter_map(|stand| stand.wish()).collect();
        match room.give(frame, asked, wishes) {
            Ok(()) => {
                for stand in &mut due {
                    stand.looked_at = Some(now);
                }
            }
            Err(asked) => self.waiting.extend(asked),
        }
    }
}

impl Waiting {
    /// Answers it. `alike` are the segments that its text chose, or why that is not known.
    pub(super) fn answer(
        self,
        frame: Answerable<'_>,
        alike: Option<Result<Vec<TextChoice>, String>>,
        writer: &mut MasksWriter,
        publisher: &Publisher,
    ) {
        let sequence = frame.header.sequence;
        let outcome = match (self.sequence, alike.transpose()) {
            (Some(wanted), _) if wanted != sequence => {
                Err(format!("frame {wanted} has passed; this is {sequence}"))
            }
            (_, Err(cause)) => Err(cause),
            (_, Ok(alike)) => self.data(frame, alike, writer),
        };
        reply(publisher, &self.reply, &self.transaction, outcome);
    }

    fn data(
        &self,
        frame: Answerable<'_>,
        alike: Option<Vec<TextChoice>>,
        writer: &mut MasksWriter,
    ) -> Result<Value, String> {
        let answer = prompts::answer(&self.prompt, frame.segments, &frame.canvas, alike)
            .map_err(|refusal| refusal.to_string())?;
        let chosen = Chosen {
            segments: frame.segments,
            places: &answer.places,
            union: answer.union.as_ref(),
        };
        let mut message = Vec::new();
        writer.write_chosen(
            frame.header,
            &chosen,
            &answer.choice,
            frame.format,
            &mut message,
        );
        serde_json::from_slice(&message).map_err(|error| error.to_string())
    }
}

impl Stand {
    /// Whether what looks like its text has not been looked for yet, or too long ago.
    fn is_due(&self, refresh: Duration, now: Instant) -> bool {
        let is_past = |at| now.saturating_duration_since(at) >= refresh;
        self.entry.prompt.text.is_some() && self.looked_at.is_none_or(is_past)
    }

    fn wish(&self) -> Option<Wish> {
        Some(Wish {
            topic: self.topic.clone(),
            text: self.entry.prompt.text.clone()?,
            threshold: self.entry.prompt.min_similarity,
        })
    }

    fn answer(
        &mut self,
        frame: Answerable<'_>,
        writer: &mut MasksWriter,
        message: &mut Vec<u8>,
        publisher: &Publisher,
    ) {
        let answer = match self.standing.answer(frame.segments, &frame.canvas) {
            Ok(answer) => answer,
            Err(refusal) => {
                self.refuse(&refusal.to_string());
                prompts::Answer::default()
            }
        };
        let status = if answer.places.is_empty() {
            prompt::Standing::Lost
        } else {
            prompt::Standing::Found
        };
        let chosen = Chosen {
            segments: frame.segments,
            places: &answer.places,
            union: answer.union.as_ref(),
        };
        let beside = StandingChoice {
            name: &self.entry.name,
            status,
            choice: &answer.choice,
        };
        writer.write_chosen(frame.header, &chosen, &beside, frame.format, message);
        // What is refused has been counted.
        let _ = publisher.frame(&self.topic, message);
    }

    fn refuse(&mut self, cause: &str) {
        if !self.refused {
            warn!("prompt '{}': {cause}", self.entry.name);
            self.refused = true;
        }
    }
}

/// Answers a request.
pub(super) fn reply(
    publisher: &Publisher,
    to: &ReplyTo,
    transaction: &Value,
    outcome: Result<Value, String>,
) {
    let answer = match outcome {
        Ok(data) => json!({"transaction": transaction, "status": "ok", "data": data}),
        Err(cause) => json!({"transaction": transaction, "status": "error", "error": cause}),
    };
    if let Err(not_sent) = publisher.answer(to, answer.to_string().as_bytes()) {
        debug!("an answer was not sent: {not_sent}");
    }
}

#[cfg(test)]
mod tests {
    use fastsam::MaskSize;
    use frame::{INPUT_BYTES, Letterbox, Size};
    use mqtt::message::Latency;

    use super::*;

    fn texts() -> StandingPrompt {
        StandingPrompt {
            name: "it".into(),
            camera: None,
            follow: true,
            prompt: prompt::Prompt {
                text: Some("cup".into()),
                ..prompt::Prompt::default()
            },
        }
    }

    /// A publisher that is connected to nobody.
    fn publisher() -> Publisher {
        let topics = Topics::new("fastsam", "node").unwrap();
        let options = mqtt::Options::new("127.0.0.1", 1, "test", topics.availability());
        mqtt::connect(options).unwrap().0
    }

    fn answer(desk: &Desk, sequence: u64) {
        let size = Size::new(640, 480);
        let header = FrameHeader {
            node: "node",
            camera: "cam0",
            sequence,
            captured_at: std::time::SystemTime::UNIX_EPOCH,
            size,
            latency: Latency::default(),
        };
        let frame = Answerable {
            camera: 0,
            segments: &[],
            header: &header,
            canvas: Canvas {
                letterbox: Letterbox::fit(size),
                mask_size: MaskSize::Frame,
            },
            format: MaskFormat::Rle,
        };
        desk.answer(frame, &mut MasksWriter::new(), &publisher());
    }

    #[test]
    fn pictures_are_copied_until_a_text_has_its_frame() {
        let (room, jobs) = Room::new(Duration::from_secs(60));
        let input = Box::new([0; INPUT_BYTES]);
        let desk = Desk::new(&Config::default(), Some(Arc::clone(&room))).unwrap();
        desk.stand(texts()).unwrap();
        // The frame under way has no picture: the next one has.
        answer(&desk, 1);
        assert!(room.wants_pictures(0) && jobs.is_empty());
        room.offer(0, 2, &input);
        answer(&desk, 2);
        assert_eq!(jobs.len(), 1);
        assert!(!room.wants_pictures(0), "nothing more is asked for");
    }

    #[test]
    fn no_pictures_are_copied_for_a_text_that_is_gone() {
        let (room, _jobs) = Room::new(Duration::from_secs(60));
        let desk = Desk::new(&Config::default(), Some(Arc::clone(&room))).unwrap();
        desk.stand(texts()).unwrap();
        assert!(room.wants_pictures(0));
        assert!(desk.remove(0, "it"));
        assert!(!room.wants_pictures(0));
    }
}
