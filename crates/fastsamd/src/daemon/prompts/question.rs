//! A prompt that waits for its frame, the frame that answers it, and the answer.

use std::time::Instant;

use fastsam::{Segment, prompt::Canvas};
use message::{
    Chosen, FrameHeader, MaskFormat, MasksWriter,
    prompt::{Prompt, TextChoice},
};
use mqtt::{NotSent, Publisher, ReplyTo};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use tracing::debug;

use crate::prompts::{self, Scene};

/// Bytes of a request that is read for its transaction alone, at most.
const SHORT: usize = 64 * 1024;

/// A prompt that waits for its frame.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) camera: usize,
    /// The frame that is meant, or the next one.
    pub(crate) sequence: Option<u64>,
    pub(crate) prompt: Prompt,
    pub(crate) transaction: Value,
    pub(crate) reply: ReplyTo,
    pub(crate) since: Instant,
}

/// A frame's segments, and what a message says beside them.
#[derive(Clone, Copy)]
pub(crate) struct Answerable<'a> {
    pub(crate) camera: usize,
    pub(crate) segments: &'a [Segment],
    pub(crate) header: &'a FrameHeader<'a>,
    pub(crate) canvas: Canvas,
    pub(crate) format: MaskFormat,
}

impl<'a> Answerable<'a> {
    /// What prompts choose from.
    pub(crate) fn scene(&self) -> Scene<'a> {
        Scene {
            segments: self.segments,
            tracks: self.header.tracks,
            canvas: self.canvas,
        }
    }

    /// The id of a segment, by its place.
    pub(crate) fn id(&self, place: u64) -> u64 {
        self.header.id(place as usize)
    }
}

impl Waiting {
    /// Answers it. `alike` are the segments that its text chose, or why that is not known.
    pub(crate) fn answer(
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
        match outcome {
            Ok(data) => reply(publisher, &self.reply, &self.transaction, &*data),
            Err(cause) => refuse(publisher, &self.reply, &self.transaction, &cause),
        }
    }

    fn data(
        &self,
        frame: Answerable<'_>,
        alike: Option<Vec<TextChoice>>,
        writer: &mut MasksWriter,
    ) -> Result<Box<RawValue>, String> {
        let answer = prompts::answer(&self.prompt, &frame.scene(), alike)
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
            &answer.choice.renumbered(|place| frame.id(place)),
            frame.format,
            &mut message,
        );
        // Written once: the message becomes part of the answer as it is.
        let message = String::from_utf8(message).map_err(|error| error.to_string())?;
        RawValue::from_string(message).map_err(|error| error.to_string())
    }
}

/// A request's answer as it is sent.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Response<'a, T: ?Sized> {
    Ok {
        transaction: &'a Value,
        data: &'a T,
    },
    Error {
        transaction: &'a Value,
        error: &'a str,
    },
}

/// Answers a request with what it asked for.
pub(crate) fn reply(
    publisher: &Publisher,
    to: &ReplyTo,
    transaction: &Value,
    data: &(impl Serialize + ?Sized),
) {
    send(publisher, to, &Response::Ok { transaction, data });
}

/// Answers a request with the reason why there is nothing.
pub(crate) fn refuse(publisher: &Publisher, to: &ReplyTo, transaction: &Value, error: &str) {
    send::<()>(publisher, to, &Response::Error { transaction, error });
}

fn send<T: Serialize + ?Sized>(publisher: &Publisher, to: &ReplyTo, response: &Response<'_, T>) {
    let answer = match serde_json::to_vec(response) {
        Ok(answer) => answer,
        Err(error) => return debug!("an answer was not written: {error}"),
    };
    let cause = match publisher.answer(to, &answer) {
        Ok(()) => return,
        Err(NotSent::TooLarge { bytes, limit }) => format!(
            "the answer has {bytes} bytes, and the broker takes {limit}: ask for fewer segments, or choose \
             publish.mask_format none"
        ),
        Err(NotSent::QueueFull) => {
            "too many answers wait for the broker: ask again later".to_owned()
        }
        Err(not_sent) => return debug!("an answer was not sent: {not_sent}"),
    };
    let transaction = match response {
        Response::Ok { transaction, .. } => transaction,
        // It was short, and there is room for no more.
        Response::Error { .. } => return debug!("an answer was not sent: {cause}"),
    };
    refuse(publisher, to, transaction, &cause);
}

/// The answer to a request that there is no room for.
pub(crate) fn no_room(payload: &[u8]) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(default)]
        transaction: Value,
    }
    // Longer ones are not worth reading for their transaction.
    let short = (payload.len() <= SHORT).then(|| serde_json::from_slice(payload).ok());
    let transaction = short
        .flatten()
        .map_or(Value::Null, |asked: Asked| asked.transaction);
    let error = "too many requests wait: ask again later";
    let response = Response::Error::<()> {
        transaction: &transaction,
        error,
    };
    // Made of text alone.
    serde_json::to_vec(&response).unwrap_or_default()
}
