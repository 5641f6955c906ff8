//! The daemon, as the server sees it.

use std::sync::Arc;

use message::Status;

use crate::metrics::StageTimes;

/// Takes the answer to a request; dropped without a call where there will be none.
pub type Answer = Box<dyn FnOnce(&[u8]) + Send>;

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
}
