//! Takes what others ask of the daemon over MQTT.
//!
//! `request/prompt`, a prompt for a camera's next frame (or the one of a given number), is laid on
//! the [`Desk`], where its frame answers it; `request/prompts` sets, lists and removes standing
//! prompts, `request/zones` and `request/lines` what is [`Watched`] for, `request/settings` lists and sets settings,
//! `request/doctor` has the machine examined, `request/restart` has the daemon started anew. Every request is answered
//! once: `{"transaction", "status": "ok" | "error", "data" | "error"}`.
//!
//! `<setting>/set` takes a value as plain text. It is answered by `<setting>/state`; where it can't be, on
//! `response/settings` or the topic that the request names.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
};

use configuration::{Crossing, StandingPrompt, Zone};
use message::{Topic, Topics};
use mqtt::{Incoming, Publisher, ReplyTo};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{
    desk::{Desk, TEXT_FIELD},
    question::{Waiting, refuse, reply},
};
use crate::daemon::{
    clock::Clock,
    objects::areas::{Area, Areas, Watched},
    process::{errands::Errands, shutdown::Shutdown, systemd::Heartbeat, threads::PATIENCE},
    publish::{
        discovery::Discovery,
        remains::{Now, OfCamera, Remains},
    },
    settings::registry::Registry,
    store::Store,
};

/// The kinds of requests: the last levels of their topics.
pub(crate) const REQUESTS: [&str; 7] = [
    "prompt", "prompts", "zones", "lines", "settings", "doctor", "restart",
];

/// The files of standing prompts, and of zones and lines by camera.
const PROMPTS: &str = "prompts.json";
const AREAS: &str = "areas.json";

/// Bytes of a request, at most: a thousand boxes have room in it.
const MAX_REQUEST: usize = 256 * 1024;

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

/// `request/zones` and `request/lines`: the zone or line itself, or its name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    Set,
    Remove,
    List,
}

/// `request/settings`.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase", deny_unknown_fields)]
enum SettingRequest {
    /// Sets one.
    Set { name: String, value: Value },
    /// Names all.
    List {},
}

/// What requests are about.
pub(crate) struct Served {
    pub(crate) desk: Arc<Desk>,
    pub(crate) watched: Arc<Watched>,
    pub(crate) settings: Arc<Registry>,
    pub(crate) discovery: Discovery,
    pub(crate) remains: Option<Remains>,
    pub(crate) errands: Errands,
    pub(crate) publisher: Publisher,
    pub(crate) store: Option<Store>,
    pub(crate) clock: Clock,
}

/// Takes requests; the body of its thread.
pub(crate) struct RequestStage {
    served: Served,
    inbox: Receiver<Incoming>,
    /// Where each kind of request comes in and is answered, as in [`REQUESTS`].
    topics: Vec<[Topic; 2]>,
    /// Settings, and where they are set.
    set: Vec<(String, Topic)>,
    /// Where Home Assistant says that it has started.
    birth: Option<Topic>,
    /// What was last said of a value that can't be: a line for each cause, not for each message.
    last_refusal: String,
}

impl std::ops::Deref for RequestStage {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl RequestStage {
    pub(crate) fn new(
        served: Served,
        inbox: Receiver<Incoming>,
        set: Vec<(String, Topic)>,
        birth: Option<Topic>,
    ) -> anyhow::Result<Self> {
        let topics: &Topics = served.desk.topics();
        let both = |what: &&str| anyhow::Ok([topics.request(what)?, topics.response(what)?]);
        Ok(Self {
            topics: REQUESTS.iter().map(both).collect::<Result<_, _>>()?,
            served,
            inbox,
            set,
            birth,
            last_refusal: String::new(),
        })
    }

    /// Runs until the shutdown.
    pub(crate) fn run(mut self, heartbeat: &Heartbeat, shutdown: &Shutdown) {
        self.restore();
        while !shutdown.is_requested() {
            heartbeat.beat();
            self.served.discovery.tick();
            self.clear_remains();
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
        match store.read::<Vec<StandingPrompt>>(PROMPTS) {
            Ok(entries) => {
                for entry in entries.into_iter().flatten() {
                    let name = entry.name.clone();
                    if let Err(cause) = self.desk.stand(entry) {
                        warn!("the kept prompt '{name}' is left out: {cause}");
                    }
                }
            }
            Err(error) => warn!("the kept prompts are left out: {error:#}"),
        }
        match store.read::<BTreeMap<String, Areas>>(AREAS) {
            Ok(kept) => {
                for (camera, areas) in kept.into_iter().flatten() {
                    if let Err(cause) = self.watch_again(&camera, areas) {
                        warn!("kept zones and lines are left out: {cause}");
                    }
                }
            }
            Err(error) => warn!("the kept zones and lines are left out: {error:#}"),
        }
    }

    fn watch_again(&self, camera: &str, areas: Areas) -> Result<(), String> {
        let camera = self.desk.camera(Some(camera))?;
        for zone in areas.zones {
            self.watched.put(camera, zone)?;
        }
        for line in areas.lines {
            self.watched.put(camera, line)?;
        }
        Ok(())
    }

    /// Clears what the node left behind on the broker before this start, once that is known.
    fn clear_remains(&mut self) {
        let Some(remains) = &self.served.remains else {
            return;
        };
        match remains.found() {
            None => {}
            Some(found) => {
                let prompts = self.desk.standing();
                let cameras = self.desk.cameras();
                let now = Now {
                    cameras: cameras
                        .iter()
                        .enumerate()
                        .map(|(index, name)| {
                            let zones = self.watched.in_force(index).0.zones;
                            let zones = zones.into_iter().map(|zone| zone.name);
                            let mine = prompts
                                .iter()
                                .filter(|prompt| prompt.camera.as_ref() == Some(name));
                            let prompts = mine.map(|prompt| prompt.name.clone());
                            OfCamera {
                                name: name.clone(),
                                zones: zones.collect(),
                                prompts: prompts.collect(),
                            }
                        })
                        .collect(),
                };
                for topic in found.left_behind(&now, |topic| self.discovery.owns(topic)) {
                    info!(%topic, "cleared: the node has it no more");
                    self.publisher.clear(&topic);
                }
                self.served.remains = None;
            }
        }
    }

    /// Takes a value of a setting.
    fn set(&mut self, name: &str, request: &Incoming) {
        let text = str::from_utf8(&request.payload).map_err(|_| format!("{name}: expected text"));
        let outcome = text.and_then(|text| self.settings.set(name, text));
        let place = REQUESTS.iter().position(|what| *what == "settings");
        let [_, usual] = &self.topics[place.unwrap_or_default()];
        let to = ReplyTo::new(request, usual, self.desk.topics());
        match outcome {
            Ok(changed) => {
                self.last_refusal.clear();
                if request.response_topic.is_some() {
                    let data =
                        json!({"name": name, "value": changed.value, "kept": changed.is_kept});
                    reply(&self.publisher, &to, &Value::Null, &data);
                }
            }
            Err(cause) => {
                refuse(&self.publisher, &to, &Value::Null, &cause);
                if cause != self.last_refusal {
                    warn!("not set: {cause}");
                    self.last_refusal = cause;
                }
            }
        }
    }

    fn take(&mut self, request: &Incoming) {
        if self
            .birth
            .as_ref()
            .is_some_and(|topic| topic.as_str() == request.topic)
        {
            if request.payload == b"online" {
                self.served.discovery.note_birth();
            }
            return;
        }
        let setting = self
            .set
            .iter()
            .find(|(_, topic)| topic.as_str() == request.topic);
        if let Some((name, _)) = setting {
            let name = name.clone();
            return self.set(&name, request);
        }
        let mut kinds = self.topics.iter().zip(REQUESTS);
        let Some(([_, answered], what)) =
            kinds.find(|([asked, _], _)| asked.as_str() == request.topic)
        else {
            return;
        };
        let to = ReplyTo::new(request, answered, self.desk.topics());
        let (transaction, fields) = match open(&request.payload) {
            Ok(opened) => opened,
            Err(cause) => return refuse(&self.publisher, &to, &Value::Null, &cause),
        };
        let outcome = match what {
            "prompt" => match self.ask(fields, &transaction, &to) {
                // Its frame answers it.
                Ok(()) => return,
                Err(cause) => Err(cause),
            },
            "prompts" => self.standing(fields),
            "settings" => self.settings(fields),
            "doctor" => match self.examine(&transaction, &to) {
                // The doctor answers it.
                Ok(()) => return,
                Err(cause) => Err(cause),
            },
            "restart" => self.errands.restart().map(|()| json!({})),
            "zones" => self.watch::<Zone>(fields, |areas| &areas.zones),
            _ => self.watch::<Crossing>(fields, |areas| &areas.lines),
        };
        match outcome {
            Ok(data) => reply(&self.publisher, &to, &transaction, &data),
            Err(cause) => refuse(&self.publisher, &to, &transaction, &cause),
        }
    }

    /// Sets, removes or lists a camera's zones or lines.
    fn watch<T: Area + Serialize + DeserializeOwned>(
        &self,
        mut fields: serde_json::Map<String, Value>,
        of: impl Fn(&Areas) -> &Vec<T>,
    ) -> Result<Value, String> {
        let said = |error: serde_json::Error| error.to_string();
        let action = fields.remove("action").unwrap_or_default();
        let action = serde_json::from_value(action)
            .map_err(|_| "expected action set, list or remove".to_owned())?;
        let camera: Option<String> = read(fields.remove("camera")).map_err(said)?;
        let camera = self.desk.camera(camera.as_deref())?;
        let kind = T::KIND;
        match action {
            Action::Set => {
                let area: T = serde_json::from_value(fields.into()).map_err(said)?;
                area.check()?;
                let name = area.name().to_owned();
                self.watched.put(camera, area)?;
                info!("{kind} '{name}' is set");
            }
            Action::Remove => {
                let name: String = read(fields.remove("name"))
                    .map_err(said)?
                    .ok_or_else(|| format!("which {kind}: expected its name"))?;
                self.watched.remove::<T>(camera, &name)?;
                info!("{kind} '{name}' is removed");
            }
            Action::List => {}
        }
        let (areas, _) = self.watched.in_force(camera);
        let kept = self.keep(AREAS, &self.areas_by_camera());
        Ok(
            json!({"camera": self.desk.camera_name(camera), kind.to_owned() + "s": of(&areas), "kept": kept}),
        )
    }

    fn areas_by_camera(&self) -> BTreeMap<&str, Areas> {
        let set = self.watched.set().into_iter().enumerate();
        let named = set.map(|(camera, areas)| (self.desk.camera_name(camera), areas));
        named
            .filter(|(_, areas)| *areas != Areas::default())
            .collect()
    }

    /// Keeps something over a restart; says whether it is kept.
    fn keep<T: Serialize + ?Sized>(&self, name: &str, value: &T) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        match store.write(name, value) {
            Ok(()) => true,
            Err(error) => {
                warn!("not kept over a restart: {error:#}");
                false
            }
        }
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
            since: self.clock.now(),
        })
    }

    fn settings(&self, fields: serde_json::Map<String, Value>) -> Result<Value, String> {
        let request = serde_json::from_value(fields.into())
            .map_err(|error| format!("{error}; expected action set or list"))?;
        match request {
            SettingRequest::Set { name, value } => {
                let text = match value {
                    Value::String(text) => text,
                    Value::Number(number) => number.to_string(),
                    Value::Bool(on) => on.to_string(),
                    _ => return Err(format!("{name}: expected a text, a number or a boolean")),
                };
                let changed = self.settings.set(&name, &text)?;
                Ok(json!({"name": name, "value": changed.value, "kept": changed.is_kept}))
            }
            SettingRequest::List {} => Ok(json!({"settings": self.settings.list()})),
        }
    }

    fn examine(&self, transaction: &Value, to: &ReplyTo) -> Result<(), String> {
        let (publisher, to, transaction) =
            (self.publisher.clone(), to.clone(), transaction.clone());
        self.errands.examine(move |found| match found {
            Ok(found) => reply(&publisher, &to, &transaction, &found),
            Err(cause) => refuse(&publisher, &to, &transaction, &cause),
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
        // The text field's is kept with the settings.
        let requested: Vec<_> = standing
            .iter()
            .filter(|prompt| prompt.name != TEXT_FIELD)
            .collect();
        let kept = self.keep(PROMPTS, &requested);
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
