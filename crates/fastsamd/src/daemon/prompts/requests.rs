//! Takes what others ask of the daemon over MQTT.
//!
//! `request/prompt`, a prompt for a camera's next frame (or the one of a given number), is laid on
//! the [`Desk`], where its frame answers it; `request/prompts` sets, lists and removes standing
//! prompts. Every request is answered once: `{"transaction", "status": "ok" | "error", "data" |
//! "error"}`.

use std::sync::mpsc::{Receiver, RecvTimeoutError};

use configuration::StandingPrompt;
use message::Topic;
use mqtt::{Incoming, Publisher, ReplyTo};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{info, warn};

use super::{
    desk::Desk,
    question::{Waiting, refuse, reply},
    store::Store,
};
use crate::daemon::{
    clock::Clock,
    process::{shutdown::Shutdown, systemd::Heartbeat, threads::PATIENCE},
};

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

/// Takes requests; the body of its thread.
pub(crate) struct RequestStage<'a> {
    desk: &'a Desk,
    publisher: Publisher,
    inbox: Receiver<Incoming>,
    prompt: [Topic; 2],
    prompts: [Topic; 2],
    store: Option<Store>,
    clock: Clock,
}

impl<'a> RequestStage<'a> {
    pub(crate) fn new(
        desk: &'a Desk,
        publisher: Publisher,
        inbox: Receiver<Incoming>,
        store: Option<Store>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let topics = desk.topics();
        Ok(Self {
            prompt: [topics.request("prompt")?, topics.response("prompt")?],
            prompts: [topics.request("prompts")?, topics.response("prompts")?],
            desk,
            publisher,
            inbox,
            store,
            clock,
        })
    }

    /// Runs until the shutdown.
    pub(crate) fn run(mut self, heartbeat: &Heartbeat, shutdown: &Shutdown) {
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
            Err(cause) => return refuse(&self.publisher, &to, &Value::Null, &cause),
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
        match outcome {
            Ok(data) => reply(&self.publisher, &to, &transaction, &data),
            Err(cause) => refuse(&self.publisher, &to, &transaction, &cause),
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
