//! Where prompts wait for the frame that answers them.
//!
//! The publishing stage, which has the segments, answers points and boxes at once. What a text asks
//! takes longer: it goes on to the text thread ([`super::text`]) together with its frame, and frames
//! flow on meanwhile. Invariants: no more than [`MOST_WAITING`] prompts wait for a frame, none longer
//! than [`LONGEST_WAIT`]; no more than [`MOST_STANDING`] stand.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use configuration::{Config, StandingPrompt};
use message::{MasksWriter, Named, Topic, Topics, prompt};
use mqtt::Publisher;
use tracing::warn;
use track::Tracker;

use super::{
    pictures::Room,
    question::{Answerable, Waiting, refuse},
    standing::Stand,
};
use crate::{daemon::clock::Clock, prompts::Refusal};

/// Prompts that wait for a frame, at most.
const MOST_WAITING: usize = 64;

/// The longest a prompt waits for its frame.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Standing prompts, at most: each costs its time on every frame.
const MOST_STANDING: usize = 64;

/// The standing prompt of a camera's setting `prompt`: the text that people type into a field.
pub(crate) const TEXT_FIELD: &str = "text";

/// Where prompts wait for the publishing stage.
pub(crate) struct Desk {
    cameras: Vec<String>,
    topics: Topics,
    /// Where texts are understood, if they are.
    text: Option<Arc<Room>>,
    lists: Mutex<Lists>,
    clock: Clock,
    /// Prompts in both lists: the publishing stage looks no further where there are none.
    count: AtomicUsize,
    /// Counts changes of the standing ones.
    version: AtomicU64,
}

#[derive(Debug, Default)]
struct Lists {
    waiting: Vec<Waiting>,
    standing: Vec<Stand>,
    /// Topics of counts of prompts that stand no more.
    gone: Vec<Topic>,
}

impl Desk {
    /// An empty desk for the configuration's cameras, with its standing prompts. `text` is where
    /// texts are understood.
    pub(crate) fn new(
        config: &Config,
        text: Option<Arc<Room>>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let desk = Self {
            cameras: config
                .cameras
                .iter()
                .map(|camera| camera.name.clone())
                .collect(),
            topics: Topics::new(&config.mqtt.prefix, &config.node)?,
            text,
            lists: Mutex::default(),
            clock,
            count: AtomicUsize::new(0),
            version: AtomicU64::new(0),
        };
        for entry in &config.prompts {
            desk.stand(entry.clone())
                .map_err(|cause| anyhow::anyhow!("prompt '{}': {cause}", entry.name))?;
        }
        Ok(desk)
    }

    pub(crate) fn topics(&self) -> &Topics {
        &self.topics
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        // Each change is whole in itself.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what has changed to those who look without the lock: how many prompts there are, and of
    /// which cameras pictures are owed to a text.
    fn recount(&self, lists: &Lists) {
        let count = lists.waiting.len() + lists.standing.len() + lists.gone.len();
        self.count.store(count, Ordering::Release);
        if let Some(room) = &self.text {
            let now = self.clock.now();
            for camera in 0..self.cameras.len() {
                room.keep()
                    .want(camera, lists.owe_text(camera, room.refresh(), now));
            }
        }
    }

    /// The camera of that name; of one camera there is no need to speak.
    pub(crate) fn camera(&self, name: Option<&str>) -> Result<usize, String> {
        match (name, self.cameras.as_slice()) {
            (None, [_]) => Ok(0),
            (None, all) => Err(format!("which camera: {}?", all.join(", "))),
            (Some(name), all) => all
                .iter()
                .position(|camera| camera == name)
                .ok_or_else(|| format!("no camera '{name}': there is {}", all.join(", "))),
        }
    }

    /// The cameras' names.
    pub(crate) fn cameras(&self) -> &[String] {
        &self.cameras
    }

    /// The name of a camera.
    pub(crate) fn camera_name(&self, camera: usize) -> &str {
        self.cameras.get(camera).map_or("", String::as_str)
    }

    /// Refuses a text where none is understood.
    fn expect_text_model(&self, prompt: &prompt::Prompt) -> Result<(), String> {
        if prompt.text.is_some() && self.text.is_none() {
            return Err(Refusal::NoTextModel.to_string());
        }
        Ok(())
    }

    /// Whether text prompts are understood.
    pub(crate) fn understands_text(&self) -> bool {
        self.text.is_some()
    }

    /// Counts changes of standing prompts: whoever has seen this version has seen everything.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Looks for a text in every frame of a camera, in the place of the one before; for nothing where it is empty.
    pub(crate) fn look_for(&self, camera: usize, text: &str) {
        if text.is_empty() {
            self.take_down(camera, TEXT_FIELD);
            return;
        }
        let entry = StandingPrompt {
            name: TEXT_FIELD.to_owned(),
            camera: Some(self.camera_name(camera).to_owned()),
            follow: true,
            prompt: prompt::Prompt {
                text: Some(text.to_owned()),
                ..prompt::Prompt::default()
            },
        };
        if let Err(cause) = self.put_up(entry) {
            warn!("'{text}' is not looked for: {cause}");
        }
    }

    /// Puts a prompt up, in the place of one of the same camera and name.
    pub(crate) fn stand(&self, entry: StandingPrompt) -> Result<(), String> {
        if entry.name == TEXT_FIELD {
            return Err(format!(
                "the name '{TEXT_FIELD}' is that of the setting <camera>/prompt: choose another"
            ));
        }
        self.put_up(entry)
    }

    fn put_up(&self, entry: StandingPrompt) -> Result<(), String> {
        let camera = self.camera(entry.camera.as_deref())?;
        self.expect_text_model(&entry.prompt)?;
        let topics = self.topics.camera(&self.cameras[camera]);
        let [topic, count] = topics
            .and_then(|topics| {
                Ok([
                    topics.prompt(&entry.name)?,
                    topics.prompt_count(&entry.name)?,
                ])
            })
            .map_err(|error| error.to_string())?;
        let new = Stand::new(entry, camera, topic, count);
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
        self.version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Takes a prompt down; says whether there was one.
    pub(crate) fn remove(&self, camera: usize, name: &str) -> bool {
        name != TEXT_FIELD && self.take_down(camera, name)
    }

    fn take_down(&self, camera: usize, name: &str) -> bool {
        let mut guard = self.lists();
        let lists = &mut *guard;
        let is_it = |stand: &mut Stand| stand.camera == camera && stand.entry.name == name;
        let before = lists.gone.len();
        let taken = lists.standing.extract_if(.., is_it);
        let topics = taken.map(|stand| stand.count.topic().clone());
        lists.gone.extend(topics);
        let has_gone = lists.gone.len() > before;
        self.recount(lists);
        self.version.fetch_add(1, Ordering::Release);
        has_gone
    }

    /// Publishes how many objects the standing prompts have found, where that has changed.
    pub(crate) fn publish_counts(&self, now: Instant, interval: Duration, publisher: &Publisher) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut lists = self.lists();
        // One of the same name may stand again by now.
        for topic in std::mem::take(&mut lists.gone) {
            if !lists
                .standing
                .iter()
                .any(|stand| *stand.count.topic() == topic)
            {
                publisher.forget(&topic);
            }
        }
        for stand in &mut lists.standing {
            if let Some(found) = stand.found
                && stand.count.is_due(found, now, interval)
            {
                stand
                    .count
                    .publish(found, &found.to_string(), now, publisher);
            }
        }
        self.recount(&lists);
    }

    /// All prompts that stand.
    pub(crate) fn standing(&self) -> Vec<StandingPrompt> {
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
    pub(crate) fn wait(&self, waiting: Waiting) -> Result<(), String> {
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

    /// Answers all that a frame answers. `tracker` follows the camera's objects.
    pub(crate) fn answer(
        &self,
        frame: Answerable<'_>,
        tracker: &Tracker,
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
                stand.answer(frame, tracker, writer, &mut message, publisher);
            }
        }
        let mine = |waiting: &Waiting| {
            waiting.camera == frame.camera
                && waiting.sequence.is_none_or(|wanted| wanted <= sequence)
        };
        let mut at_once = Vec::new();
        let mut of_text = Vec::new();
        for waiting in lists.waiting.extract_if(.., |waiting| mine(waiting)) {
            let is_meant = waiting.sequence.is_none_or(|wanted| wanted == sequence);
            if is_meant && waiting.prompt.text.is_some() {
                of_text.push(waiting);
            } else {
                at_once.push(waiting);
            }
        }
        if let Some(room) = &self.text {
            lists.look(room, frame, of_text, self.clock.now());
        }
        self.recount(lists);
        drop(guard);
        for waiting in at_once {
            waiting.answer(frame, None, writer, publisher);
        }
    }

    /// The standing text prompt that names an object of a camera best, if one does.
    pub(crate) fn name(&self, camera: usize, id: u64) -> Option<Named> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let lists = self.lists();
        let of_camera = lists.standing.iter().filter(|stand| stand.camera == camera);
        of_camera
            .filter_map(|stand| stand.names(id))
            .max_by(|a, b| a.similarity.total_cmp(&b.similarity))
    }

    /// Takes what the text thread has found for a standing prompt: objects, the most alike first.
    pub(crate) fn looks_alike(&self, topic: &Topic, found: Result<Vec<(u64, f64)>, String>) {
        let mut lists = self.lists();
        let stand = lists
            .standing
            .iter_mut()
            .find(|stand| stand.topic == *topic);
        let Some(stand) = stand else { return };
        match found {
            Ok(objects) => stand.standing.look_like_text(objects),
            Err(cause) => stand.refuse(&cause),
        }
    }

    /// Answers those that have waited long enough.
    pub(crate) fn give_up_late(&self, publisher: &Publisher) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut lists = self.lists();
        let now = self.clock.now();
        let is_late =
            |waiting: &mut Waiting| now.saturating_duration_since(waiting.since) > LONGEST_WAIT;
        let late: Vec<Waiting> = lists.waiting.extract_if(.., is_late).collect();
        self.recount(&lists);
        drop(lists);
        for waiting in late {
            let camera = &self.cameras[waiting.camera];
            let cause = format!("no frame of {camera} within {} s", LONGEST_WAIT.as_secs());
            refuse(publisher, &waiting.reply, &waiting.transaction, &cause);
        }
    }
}

impl Lists {
    /// Whether a text waits for a picture of this camera.
    fn owe_text(&self, camera: usize, refresh: Duration, now: Instant) -> bool {
        let asks = |waiting: &Waiting| waiting.camera == camera && waiting.prompt.text.is_some();
        let is_due = |stand: &Stand| stand.camera == camera && stand.is_due(refresh, now);
        self.waiting.iter().any(asks) || self.standing.iter().any(is_due)
    }

    /// Gives the texts that are due to the text thread, with their frame. Where it is at work, or
    /// the frame's picture was not kept, they wait for a later frame.
    fn look(&mut self, room: &Room, frame: Answerable<'_>, asked: Vec<Waiting>, now: Instant) {
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

#[cfg(test)]
mod tests {
    use fastsam::{MaskSize, prompt::Canvas};
    use frame::{InputSize, Letterbox, NetworkInput, Size};
    use message::{FrameHeader, Latency, MaskFormat};

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
            backend: "mock",
            input: None,
            sequence,
            captured_at: std::time::SystemTime::UNIX_EPOCH,
            size,
            classes: &tensors::Classes::one(),
            tracks: &[],
            texts: None,
            latency: Latency::default(),
        };
        let frame = Answerable {
            camera: 0,
            segments: &[],
            header: &header,
            canvas: Canvas {
                letterbox: Letterbox::fit(size, InputSize::DEFAULT),
                mask_size: MaskSize::Frame,
            },
            format: MaskFormat::Rle,
        };
        let tracker = Tracker::new(track::Settings::default(), 1);
        desk.answer(frame, &tracker, &mut MasksWriter::new(), &publisher());
    }

    #[test]
    fn pictures_are_copied_until_a_text_has_its_frame() {
        let (room, jobs) = Room::new(Duration::from_secs(60));
        let input = NetworkInput::new(InputSize::DEFAULT);
        let desk = Desk::new(
            &Config::default(),
            Some(Arc::clone(&room)),
            Clock::standing(),
        )
        .unwrap();
        desk.stand(texts()).unwrap();
        // The frame under way has no picture: the next one has.
        answer(&desk, 1);
        assert!(room.keep().wants(0) && jobs.is_empty());
        room.keep().offer(0, 2, &input);
        answer(&desk, 2);
        assert_eq!(jobs.len(), 1);
        assert!(!room.keep().wants(0), "nothing more is asked for");
    }

    #[test]
    fn a_question_waits_five_seconds_for_its_frame() {
        let clock = Clock::standing();
        let desk = Desk::new(&Config::default(), None, clock.clone()).unwrap();
        let request = mqtt::Incoming {
            topic: "fastsam/fastsamd/request/prompt".into(),
            payload: Vec::new(),
            response_topic: None,
            correlation_data: None,
            asker: None,
        };
        desk.wait(Waiting {
            camera: 0,
            sequence: Some(7),
            prompt: prompt::Prompt::default(),
            transaction: serde_json::Value::Null,
            reply: mqtt::ReplyTo::new(
                &request,
                &desk.topics().response("prompt").unwrap(),
                desk.topics(),
            ),
            since: clock.now(),
        })
        .unwrap();
        clock.turn(LONGEST_WAIT);
        desk.give_up_late(&publisher());
        assert_eq!(desk.lists().waiting.len(), 1);
        clock.turn(Duration::from_millis(1));
        desk.give_up_late(&publisher());
        assert!(desk.lists().waiting.is_empty());
    }

    #[test]
    fn no_pictures_are_copied_for_a_text_that_is_gone() {
        let (room, _jobs) = Room::new(Duration::from_secs(60));
        let desk = Desk::new(
            &Config::default(),
            Some(Arc::clone(&room)),
            Clock::standing(),
        )
        .unwrap();
        desk.stand(texts()).unwrap();
        assert!(room.keep().wants(0));
        assert!(desk.remove(0, "it"));
        assert!(!room.keep().wants(0));
    }
}
