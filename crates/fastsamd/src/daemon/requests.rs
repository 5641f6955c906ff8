//! What others ask of the daemon over MQTT, and how it gets its answer.
//!
//! `request/prompt`, a prompt for a camera's next frame (or the one of a given number), is answered
//! by the publishing stage, which has the segments; `request/prompts` sets, lists and removes
//! standing prompts. Every request is answered once: `{"transaction", "status": "ok" | "error",
//! "data" | "error"}`. Invariants: no more than [`MOST_WAITING`] prompts wait for a frame, none
//! longer than [`LONGEST_WAIT`]; no more than [`MOST_STANDING`] stand.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use fastsam::prompt::Canvas;
use mqtt::{
    Incoming, MaskFormat, MasksWriter, Publisher, ReplyTo, Topic, Topics,
    message::{Chosen, FrameHeader, prompt},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{debug, info, warn};

use super::{
    service::Heartbeat,
    shutdown::Shutdown,
    stages::{Outcome, PATIENCE},
};
use crate::{
    config::{Config, StandingPrompt},
    prompts::{self, Standing},
};

/// Prompts that wait for a frame, at most.
const MOST_WAITING: usize = 64;

/// The longest a prompt waits for its frame.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Standing prompts, at most: each costs its time on every frame.
const MOST_STANDING: usize = 64;

/// Bytes of a request, at most: a thousand boxes have room in it.
const MAX_REQUEST: usize = 256 * 1024;

/// Where prompts wait for the publishing stage.
#[derive(Debug)]
pub(super) struct Desk {
    cameras: Vec<String>,
    topics: Topics,
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
struct Waiting {
    camera: usize,
    /// The frame that is meant, or the next one.
    sequence: Option<u64>,
    prompt: prompt::Prompt,
    transaction: Value,
    reply: ReplyTo,
    since: Instant,
}

/// A standing prompt with its camera and topic.
#[derive(Debug)]
struct Stand {
    entry: StandingPrompt,
    camera: usize,
    topic: Topic,
    standing: Standing,
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
pub(super) struct Answerable<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) header: &'a FrameHeader<'a>,
    pub(super) canvas: Canvas,
    pub(super) format: MaskFormat,
}

impl Desk {
    /// An empty desk for the configuration's cameras, with its standing prompts.
    pub(super) fn new(config: &Config) -> anyhow::Result<Self> {
        let desk = Self {
            cameras: config
                .cameras
                .iter()
                .map(|camera| camera.name.clone())
                .collect(),
            topics: Topics::new(&config.mqtt.prefix, &config.node)?,
            lists: Mutex::default(),
            count: AtomicUsize::new(0),
        };
        for entry in &config.prompts {
            desk.stand(entry.clone())
                .map_err(|cause| anyhow::anyhow!("prompt '{}': {cause}", entry.name))?;
        }
        Ok(desk)
    }

    fn lists(&self) -> MutexGuard<'_, Lists> {
        // Each change is whole in itself.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recount(&self, lists: &Lists) {
        let count = lists.waiting.len() + lists.standing.len();
        self.count.store(count, Ordering::Release);
    }

    /// The camera of that name; of one camera there is no need to speak.
    fn camera(&self, name: Option<&str>) -> Result<usize, String> {
        match (name, self.cameras.as_slice()) {
            (None, [_]) => Ok(0),
            (None, all) => Err(format!("which camera: {}?", all.join(", "))),
            (Some(name), all) => all
                .iter()
                .position(|camera| camera == name)
                .ok_or_else(|| format!("no camera '{name}': there is {}", all.join(", "))),
        }
    }

    /// Puts a prompt up, in the place of one of the same camera and name.
    fn stand(&self, entry: StandingPrompt) -> Result<(), String> {
        let camera = self.camera(entry.camera.as_deref())?;
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
    fn remove(&self, camera: usize, name: &str) -> bool {
        let mut lists = self.lists();
        let before = lists.standing.len();
        lists
            .standing
            .retain(|stand| stand.camera != camera || stand.entry.name != name);
        self.recount(&lists);
        lists.standing.len() < before
    }

    /// All prompts that stand.
    fn standing(&self) -> Vec<StandingPrompt> {
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

    fn wait(&self, waiting: Waiting) -> Result<(), String> {
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
        frame: &Answerable<'_>,
        writer: &mut MasksWriter,
        publisher: &Publisher,
    ) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut lists = self.lists();
        let flight = &frame.outcome.flight;
        let mut message = Vec::new();
        for stand in &mut lists.standing {
            if stand.camera == flight.camera {
                stand.answer(frame, writer, &mut message, publisher);
            }
        }
        let mine = |waiting: &Waiting| {
            waiting.camera == flight.camera
                && waiting
                    .sequence
                    .is_none_or(|wanted| wanted <= flight.sequence)
        };
        for waiting in lists.waiting.extract_if(.., |waiting| mine(waiting)) {
            waiting.answer(frame, writer, publisher);
        }
        self.recount(&lists);
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

impl Waiting {
    fn answer(self, frame: &Answerable<'_>, writer: &mut MasksWriter, publisher: &Publisher) {
        let sequence = frame.outcome.flight.sequence;
        let outcome = match self.sequence {
            Some(wanted) if wanted != sequence => {
                Err(format!("frame {wanted} has passed; this is {sequence}"))
            }
            _ => self.data(frame, writer),
        };
        reply(publisher, &self.reply, &self.transaction, outcome);
    }

    fn data(&self, frame: &Answerable<'_>, writer: &mut MasksWriter) -> Result<Value, String> {
        let segments = frame.outcome.segments.as_slice();
        let answer = prompts::answer(&self.prompt, segments, &frame.canvas, None)
            .map_err(|refusal| refusal.to_string())?;
        let chosen = Chosen {
            segments,
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
    fn answer(
        &mut self,
        frame: &Answerable<'_>,
        writer: &mut MasksWriter,
        message: &mut Vec<u8>,
        publisher: &Publisher,
    ) {
        let segments = frame.outcome.segments.as_slice();
        let answer = match self.standing.answer(segments, &frame.canvas, None) {
            Ok(answer) => answer,
            Err(refusal) => {
                if !self.refused {
                    warn!("prompt '{}': {refusal}", self.entry.name);
                    self.refused = true;
                }
                prompts::Answer::default()
            }
        };
        let status = if answer.places.is_empty() {
            prompt::Standing::Lost
        } else {
            prompt::Standing::Found
        };
        let chosen = Chosen {
            segments,
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
}

fn reply(publisher: &Publisher, to: &ReplyTo, transaction: &Value, outcome: Result<Value, String>) {
    let answer = match outcome {
        Ok(data) => json!({"transaction": transaction, "status": "ok", "data": data}),
        Err(cause) => json!({"transaction": transaction, "status": "error", "error": cause}),
    };
    if let Err(not_sent) = publisher.answer(to, answer.to_string().as_bytes()) {
        debug!("an answer was not sent: {not_sent}");
    }
}

/// `request/prompts`.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
enum StandingRequest {
    /// Puts a prompt up.
    Set(StandingPrompt),
    /// Takes one down.
    Remove {
        name: String,
        #[serde(default)]
        camera: Option<String>,
    },
    /// Names all.
    List {},
}

/// Takes requests; the body of its thread.
pub(super) struct RequestStage<'a> {
    desk: &'a Desk,
    publisher: Publisher,
    inbox: Receiver<Incoming>,
    prompt: [Topic; 2],
    prompts: [Topic; 2],
    store: Option<Store>,
}

impl<'a> RequestStage<'a> {
    pub(super) fn new(
        desk: &'a Desk,
        publisher: Publisher,
        inbox: Receiver<Incoming>,
        store: Option<Store>,
    ) -> anyhow::Result<Self> {
        let topics = &desk.topics;
        Ok(Self {
            prompt: [topics.request("prompt")?, topics.response("prompt")?],
            prompts: [topics.request("prompts")?, topics.response("prompts")?],
            desk,
            publisher,
            inbox,
            store,
        })
    }

    /// Runs until the shutdown.
    pub(super) fn run(mut self, heartbeat: &Heartbeat, shutdown: &Shutdown) {
        self.restore();
        while !shutdown.is_requested() {
            heartbeat.beat();
            match self.inbox.recv_timeout(PATIENCE) {
                Ok(request) => self.take(&request),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Puts up again what stood before the restart.
    fn restore(&self) {
        let Some(store) = &self.store else { return };
        match store.read() {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.name.clone();
                    if let Err(cause) = self.desk.stand(entry) {
                        warn!("the kept prompt '{name}' is left out: {cause}");
                    }
                }
            }
            Err(error) => warn!("the kept prompts are left out: {error:#}"),
        }
    }

    fn take(&mut self, request: &Incoming) {
        let [asked, answered] = if request.topic == self.prompt[0].as_str() {
            &self.prompt
        } else if request.topic == self.prompts[0].as_str() {
            &self.prompts
        } else {
            return;
        };
        let is_prompt = asked == &self.prompt[0];
        let to = ReplyTo::new(request, answered);
        let (transaction, fields) = match open(&request.payload) {
            Ok(opened) => opened,
            Err(cause) => return reply(&self.publisher, &to, &Value::Null, Err(cause)),
        };
        let outcome = if is_prompt {
            // Its frame answers it.
            match self.ask(fields, &transaction, &to) {
                Ok(()) => return,
                Err(cause) => Err(cause),
            }
        } else {
            self.standing(fields)
        };
        reply(&self.publisher, &to, &transaction, outcome);
    }

    fn ask(
        &self,
        mut fields: serde_json::Map<String, Value>,
        transaction: &Value,
        to: &ReplyTo,
    ) -> Result<(), String> {
        let said = |error: serde_json::Error| error.to_string();
        let camera: Option<String> = read(fields.remove("camera")).map_err(said)?;
        let sequence: Option<u64> = read(fields.remove("frame")).map_err(said)?;
        let prompt = serde_json::from_value(fields.into()).map_err(said)?;
        self.desk.wait(Waiting {
            camera: self.desk.camera(camera.as_deref())?,
            sequence,
            prompt,
            transaction: transaction.clone(),
            reply: to.clone(),
            since: Instant::now(),
        })
    }

    fn standing(&self, fields: serde_json::Map<String, Value>) -> Result<Value, String> {
        let request = serde_json::from_value(fields.into())
            .map_err(|error| format!("{error}; expected action set, list or remove"))?;
        match request {
            StandingRequest::Set(entry) => {
                let name = entry.name.clone();
                self.desk.stand(entry)?;
                info!("prompt '{name}' stands");
            }
            StandingRequest::Remove { name, camera } => {
                let camera = self.desk.camera(camera.as_deref())?;
                if !self.desk.remove(camera, &name) {
                    return Err(format!("no prompt '{name}'"));
                }
                info!("prompt '{name}' is removed");
            }
            StandingRequest::List {} => {}
        }
        let standing = self.desk.standing();
        let kept = match &self.store {
            Some(store) => match store.write(&standing) {
                Ok(()) => true,
                Err(error) => {
                    warn!("prompts are not kept over a restart: {error:#}");
                    false
                }
            },
            None => false,
        };
        Ok(json!({"prompts": standing, "kept": kept}))
    }
}

fn read<T: for<'de> Deserialize<'de>>(
    value: Option<Value>,
) -> Result<Option<T>, serde_json::Error> {
    value.map_or(Ok(None), serde_json::from_value)
}

/// A request's transaction, and the rest of it.
fn open(payload: &[u8]) -> Result<(Value, serde_json::Map<String, Value>), String> {
    if payload.len() > MAX_REQUEST {
        return Err(format!(
            "a request of {} bytes: expected at most {MAX_REQUEST}",
            payload.len()
        ));
    }
    let mut fields: serde_json::Map<String, Value> =
        serde_json::from_slice(payload).map_err(|error| format!("no JSON object: {error}"))?;
    let transaction = fields.remove("transaction").unwrap_or_default();
    Ok((transaction, fields))
}

/// The file that keeps standing prompts over a restart.
#[derive(Debug)]
pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    /// A file in the configured folder, or in the one that the service manager gives.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let given = || std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
        let folder = config.state_directory.clone().or_else(given)?;
        Some(Self {
            path: folder.join("prompts.json"),
        })
    }

    fn read(&self) -> anyhow::Result<Vec<StandingPrompt>> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).context(self.path.display().to_string()),
        };
        serde_json::from_slice(&text).with_context(|| self.path.display().to_string())
    }

    /// Replaces the file as a whole, so that half of it is never read.
    fn write(&self, standing: &[StandingPrompt]) -> anyhow::Result<()> {
        let new = self.path.with_extension("new");
        let text = serde_json::to_vec_pretty(standing)?;
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &self.path))
            .with_context(|| self.path.display().to_string())
    }
}
