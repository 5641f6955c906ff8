//! The daemon, as the server sees it.

use std::{collections::BTreeMap, sync::Arc};

use message::Status;

use crate::metrics::StageTimes;

/// Takes the answer to a request; dropped without a call where there will be none.
pub type Answer = Box<dyn FnOnce(&[u8]) + Send>;

/// What may be asked of a picture's segmentation, as in an address's query. Each is checked as in the configuration.
pub const OPTIONS: [&str; 9] = [
    "confidence",
    "iou",
    "max_segments",
    "min_area",
    "mask_size",
    "classes",
    "cleanup",
    "mask_format",
    "polygon_tolerance",
];

/// Options and their values.
pub type Options = BTreeMap<String, String>;

/// A picture's `masks` message, or why there is none.
pub type Outcome = Result<Vec<u8>, Refused>;

/// Takes what became of a picture; dropped without a call where too many wait.
pub type SegmentAnswer = Box<dyn FnOnce(Outcome) + Send>;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Something is wrong with what was sent.
    Wrong(String),
    /// It can't be done, now or by this node.
    Unable(String),
}

/// What the server asks the daemon for.
pub trait Node: Send + Sync + 'static {
    /// How the node is: as on `status`.
    fn status(&self) -> Status;
    /// What it is: as on `info`, without secrets.
    fn info(&self) -> serde_json::Value;
    /// How long frames took.
    fn stages(&self) -> Arc<StageTimes>;
    /// Has a request answered as if it had come on the topic `request/WHAT`. Does not wait.
    fn request(&self, what: &str, body: Vec<u8>, answer: Answer);
    /// What is well and what is not, in the form of `fastsamd doctor --json`. Opens and asks nothing.
    fn checks(&self) -> serde_json::Value;
    /// Has a picture segmented, once. Does not wait.
    fn segment(&self, picture: Vec<u8>, options: Options, answer: SegmentAnswer);
}
